// expect-error: no value can be made of the second part of the range's elements
// The values of a range initialise those of the map.
#include <dashmap/dashmap.hpp>

#include <utility>
#include <vector>

struct Base {};
struct Derived : Base {};

#ifdef DASHMAP_COMPILE_FAIL
using Given = Base*;
#else
using Given = Derived*;
#endif

dashmap::DashMap<int, Derived*> builds(const std::vector<std::pair<int, Given>>& pairs) {
  return dashmap::DashMap<int, Derived*>(pairs);
}
