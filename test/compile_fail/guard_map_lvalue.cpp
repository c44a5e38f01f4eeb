// expect-error: rvalue|discards qualifiers|lvalue|deleted
// A projection takes the guard over: it has to be moved in.
#include <dashmap/dashmap.hpp>

#include <string>
#include <utility>

char first(const dashmap::DashMap<int, std::string>& map) {
  auto ref = map.get(1);
  const auto front = [](const std::string& s) -> const char& { return s.front(); };
#ifdef DASHMAP_COMPILE_FAIL
  const auto letter = ref.map(front);
#else
  const auto letter = std::move(ref).map(front);
#endif
  return *letter;
}
