// expect-error: hash
// A key type that cannot be hashed is named in the first lines.
#include <dashmap/dashmap.hpp>

struct Plain {
  int id;
  friend bool operator==(const Plain&, const Plain&) = default;
};
struct PlainHash {
  std::size_t operator()(const Plain& p) const noexcept { return static_cast<std::size_t>(p.id); }
};

bool uses() {
#ifdef DASHMAP_COMPILE_FAIL
  dashmap::DashMap<Plain, int> map;
#else
  dashmap::DashMap<Plain, int, PlainHash> map;
#endif
  map.insert(Plain{1}, 2);
  return map.contains(Plain{1});
}
