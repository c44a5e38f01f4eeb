// expect-error: rvalue|discards qualifiers|lvalue|deleted
// A downgrade takes the guard over: it has to be moved in.
#include <dashmap/dashmap.hpp>

#include <utility>

int downgrades(dashmap::DashMap<int, int>& map) {
  auto writer = map.get_mut(1);
#ifdef DASHMAP_COMPILE_FAIL
  const auto reader = writer.downgrade();
#else
  const auto reader = std::move(writer).downgrade();
#endif
  return *reader;
}
