// expect-error: constraint|no matching
// A value is initialised, not cast: a pointer to a base does not become one to a derived class.
#include <dashmap/dashmap.hpp>

struct Base {};
struct Derived : Base {};

void stores(dashmap::DashMap<int, Derived*>& map, Base* base, Derived* derived) {
#ifdef DASHMAP_COMPILE_FAIL
  map.try_emplace(1, base);
#else
  map.try_emplace(1, derived);
#endif
  static_cast<void>(base);
}
