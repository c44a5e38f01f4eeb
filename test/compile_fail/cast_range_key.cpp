// expect-error: no key can be made of the first part
// The keys of a range initialise those of the set, even where the hash takes others.
#include <dashmap/dashmap.hpp>

#include <cstddef>
#include <vector>

struct Base {};
struct Derived : Base {};
struct AnyHash {
  std::size_t operator()(const void* pointer) const noexcept { return pointer != nullptr; }
};

#ifdef DASHMAP_COMPILE_FAIL
using Given = Base*;
#else
using Given = Derived*;
#endif

void fills(dashmap::DashSet<Derived*, AnyHash>& set, const std::vector<Given>& keys) {
  set.extend(keys);
}
