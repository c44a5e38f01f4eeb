// One operation in a loop, for counting its instructions; bench/count_instructions says how.
#include <dashmap/dashmap.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using u64 = std::uint64_t;

constexpr std::size_t entries = 20'000;

/// Takes a value, in a register, as if it were used: the compiler cannot drop what gives it.
template <class T>
inline void use(T value) {
  asm volatile("" : : "r"(value));
}

u64 scatter(u64 number) {
  number = (number ^ (number >> 30)) * 0xbf58'476d'1ce4'e5b9U;
  number = (number ^ (number >> 27)) * 0x94d0'49bb'1331'11ebU;
  return number ^ (number >> 31);
}

// The kinds of keys.

struct Number {
  using Key = u64;
  static Key key(std::size_t number) { return scatter(number + 1); }
};

std::string text(std::string_view start, std::size_t length, std::size_t number) {
  std::string digits = std::to_string(scatter(number + 1));
  digits.resize(length - start.size(), '0');
  return std::string(start) + digits;
}

/// 15 characters: they fit the string itself.
struct Word {
  using Key = std::string;
  static Key key(std::size_t number) { return text("id-", 15, number); }
};

/// 24 characters: each has its own memory.
struct Path {
  using Key = std::string;
  static Key key(std::size_t number) { return text("user/name/", 24, number); }
};

template <class Kind>
struct Subject {
  using Key = typename Kind::Key;
  using Map = dashmap::DashMap<Key, u64>;

  std::vector<Key> present;
  std::vector<Key> absent;
  Map map;

  Subject() {
    for (std::size_t i = 0; i < entries; ++i) {
      present.push_back(Kind::key(i));
      absent.push_back(Kind::key(entries + i));
    }
  }

  /// Grown from nothing, as most maps are.
  void fill() {
    for (const Key& key : present) map.insert(key, 1);
  }

  /// An empty one with room for all, used once so that nothing is left to be set up.
  void clear_reserved() {
    map = Map::with_capacity(entries);
    map.insert(absent[0], 1);
    map.erase(absent[0]);
  }
};

/// The same for all operations, also for the one that does nothing.
template <class Map, class Key, class Body>
[[gnu::noinline]] void repeat(Map& map, const Key* key, const Key* end, Body body) {
  for (; key != end; ++key) {
    use(key);
    body(map, *key);
  }
}

template <class Kind, class Body>
void on_present(std::size_t count, Body body) {
  Subject<Kind> subject;
  subject.fill();
  repeat(subject.map, subject.present.data(), subject.present.data() + count, body);
  std::_Exit(EXIT_SUCCESS);  // the work of destructors depends on the operation
}

template <class Kind, class Body>
void on_absent(std::size_t count, Body body) {
  Subject<Kind> subject;
  subject.fill();
  repeat(subject.map, subject.absent.data(), subject.absent.data() + count, body);
  std::_Exit(EXIT_SUCCESS);
}

template <class Kind, class Body>
void on_reserved(std::size_t count, Body body) {
  Subject<Kind> subject;
  subject.clear_reserved();
  repeat(subject.map, subject.present.data(), subject.present.data() + count, body);
  std::_Exit(EXIT_SUCCESS);
}

template <class Kind>
void nothing(std::size_t count) {
  on_present<Kind>(count, [](auto&, const auto&) {});
}

template <class Kind>
void get_copy_hit(std::size_t count) {
  on_present<Kind>(count, [](auto& map, const auto& key) {
    if (auto value = map.get_copy(key)) use(*value);
  });
}

template <class Kind>
void get_copy_miss(std::size_t count) {
  on_absent<Kind>(count, [](auto& map, const auto& key) {
    if (auto value = map.get_copy(key)) use(*value);
  });
}

template <class Kind>
void contains_hit(std::size_t count) {
  on_present<Kind>(count, [](auto& map, const auto& key) { use(map.contains(key)); });
}

template <class Kind>
void view(std::size_t count) {
  on_present<Kind>(count, [](auto& map, const auto& key) {
    map.view(key, [](const auto&, u64 value) { use(value); });
  });
}

template <class Kind>
void get_guard(std::size_t count) {
  on_present<Kind>(count, [](auto& map, const auto& key) {
    if (auto guard = map.get(key)) use(*guard);
  });
}

template <class Kind>
void get_mut_guard(std::size_t count) {
  on_present<Kind>(count, [](auto& map, const auto& key) {
    if (auto guard = map.get_mut(key)) ++*guard;
  });
}

template <class Kind>
void alter(std::size_t count) {
  on_present<Kind>(count, [](auto& map, const auto& key) {
    map.alter(key, [](const auto&, u64 value) { return value + 1; });
  });
}

template <class Kind>
void assign_present(std::size_t count) {
  on_present<Kind>(count, [](auto& map, const auto& key) { use(map.insert_or_assign(key, 2)); });
}

template <class Kind>
void insert_new(std::size_t count) {
  on_reserved<Kind>(count, [](auto& map, const auto& key) { use(map.insert(key, 1).has_value()); });
}

template <class Kind>
void erase(std::size_t count) {
  on_present<Kind>(count, [](auto& map, const auto& key) { use(map.erase(key)); });
}

template <class Kind>
void entry_present(std::size_t count) {
  on_present<Kind>(count, [](auto& map, const auto& key) {
    map.entry(key).and_modify([](u64& value) { ++value; }).or_insert(1);
  });
}

template <class Kind>
void entry_new(std::size_t count) {
  on_reserved<Kind>(count, [](auto& map, const auto& key) {
    map.entry(key).and_modify([](u64& value) { ++value; }).or_insert(1);
  });
}

/// Adds one or inserts, as the entries above.
struct Count {
  void operator()(auto& map, const auto& key) const {
    map.compute(key, [](std::optional<u64>& value) { value = value.value_or(0) + 1; });
  }
};

template <class Kind>
void compute_present(std::size_t count) {
  on_present<Kind>(count, Count());
}

template <class Kind>
void compute_new(std::size_t count) {
  on_reserved<Kind>(count, Count());
}

constexpr std::array<std::pair<std::string_view, void (*)(std::size_t)>, 29> operations{{
    {"u64.nothing", nothing<Number>},
    {"u64.get_copy.hit", get_copy_hit<Number>},
    {"u64.get_copy.miss", get_copy_miss<Number>},
    {"u64.contains.hit", contains_hit<Number>},
    {"u64.view", view<Number>},
    {"u64.get", get_guard<Number>},
    {"u64.get_mut", get_mut_guard<Number>},
    {"u64.alter", alter<Number>},
    {"u64.insert_or_assign.present", assign_present<Number>},
    {"u64.insert.new", insert_new<Number>},
    {"u64.erase", erase<Number>},
    {"u64.entry.present", entry_present<Number>},
    {"u64.entry.new", entry_new<Number>},
    {"u64.compute.present", compute_present<Number>},
    {"u64.compute.new", compute_new<Number>},
    {"word.nothing", nothing<Word>},
    {"word.get_copy.hit", get_copy_hit<Word>},
    {"word.get_copy.miss", get_copy_miss<Word>},
    {"word.get", get_guard<Word>},
    {"word.alter", alter<Word>},
    {"word.insert_or_assign.present", assign_present<Word>},
    {"word.insert.new", insert_new<Word>},
    {"word.erase", erase<Word>},
    {"word.entry.present", entry_present<Word>},
    {"word.entry.new", entry_new<Word>},
    {"word.compute.present", compute_present<Word>},
    {"string.nothing", nothing<Path>},
    {"string.get_copy.hit", get_copy_hit<Path>},
    {"string.alter", alter<Path>},
}};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && argv[1] == std::string_view("--compiler")) {
    std::cout << __VERSION__ << '\n';
    return EXIT_SUCCESS;
  }
  if (argc == 2 && argv[1] == std::string_view("--list")) {
    for (const auto& [name, run] : operations) std::cout << name << '\n';
    return EXIT_SUCCESS;
  }
  if (argc == 3) {
    const bool all = argv[2] == std::string_view("all");
    for (const auto& [name, run] : operations) {
      if (name == argv[1]) run(all ? entries : 0);
    }
  }
  std::cerr << "usage: instructions --compiler | --list | OPERATION all|none\n";
  return EXIT_FAILURE;
}
