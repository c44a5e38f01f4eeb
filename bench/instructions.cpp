// One operation in a loop, for counting its instructions; bench/count_instructions says how.
#include <dashmap/dashmap.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
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

template <class Key>
Key key_of(std::size_t number);
template <>
u64 key_of<u64>(std::size_t number) {
  return scatter(number + 1);
}
/// 24 characters, so that each has its own memory.
template <>
std::string key_of<std::string>(std::size_t number) {
  const std::string digits = std::to_string(scatter(number + 1) % 1'000'000'000'000U);
  return "user/name/" + std::string(14 - digits.size(), '0') + digits;
}

template <class Key>
struct Subject {
  using Map = dashmap::DashMap<Key, u64>;

  std::vector<Key> present;
  std::vector<Key> absent;
  Map map;

  Subject() {
    for (std::size_t i = 0; i < entries; ++i) {
      present.push_back(key_of<Key>(i));
      absent.push_back(key_of<Key>(entries + i));
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

template <class Key, class Body>
void on_present(std::size_t count, Body body) {
  Subject<Key> subject;
  subject.fill();
  repeat(subject.map, subject.present.data(), subject.present.data() + count, body);
  std::_Exit(EXIT_SUCCESS);  // the work of destructors depends on the operation
}

template <class Key, class Body>
void on_absent(std::size_t count, Body body) {
  Subject<Key> subject;
  subject.fill();
  repeat(subject.map, subject.absent.data(), subject.absent.data() + count, body);
  std::_Exit(EXIT_SUCCESS);
}

template <class Key, class Body>
void on_reserved(std::size_t count, Body body) {
  Subject<Key> subject;
  subject.clear_reserved();
  repeat(subject.map, subject.present.data(), subject.present.data() + count, body);
  std::_Exit(EXIT_SUCCESS);
}

template <class Key>
void nothing(std::size_t count) {
  on_present<Key>(count, [](auto&, const Key&) {});
}

template <class Key>
void get_copy_hit(std::size_t count) {
  on_present<Key>(count, [](auto& map, const Key& key) {
    if (auto value = map.get_copy(key)) use(*value);
  });
}

template <class Key>
void get_copy_miss(std::size_t count) {
  on_absent<Key>(count, [](auto& map, const Key& key) {
    if (auto value = map.get_copy(key)) use(*value);
  });
}

template <class Key>
void contains_hit(std::size_t count) {
  on_present<Key>(count, [](auto& map, const Key& key) { use(map.contains(key)); });
}

template <class Key>
void view(std::size_t count) {
  on_present<Key>(count, [](auto& map, const Key& key) {
    map.view(key, [](const Key&, u64 value) { use(value); });
  });
}

template <class Key>
void get_guard(std::size_t count) {
  on_present<Key>(count, [](auto& map, const Key& key) {
    if (auto guard = map.get(key)) use(*guard);
  });
}

template <class Key>
void get_mut_guard(std::size_t count) {
  on_present<Key>(count, [](auto& map, const Key& key) {
    if (auto guard = map.get_mut(key)) ++*guard;
  });
}

template <class Key>
void alter(std::size_t count) {
  on_present<Key>(count, [](auto& map, const Key& key) {
    map.alter(key, [](const Key&, u64 value) { return value + 1; });
  });
}

template <class Key>
void assign_present(std::size_t count) {
  on_present<Key>(count, [](auto& map, const Key& key) { use(map.insert_or_assign(key, 2)); });
}

template <class Key>
void insert_new(std::size_t count) {
  on_reserved<Key>(count, [](auto& map, const Key& key) { use(map.insert(key, 1).has_value()); });
}

template <class Key>
void erase(std::size_t count) {
  on_present<Key>(count, [](auto& map, const Key& key) { use(map.erase(key)); });
}

template <class Key>
void entry_present(std::size_t count) {
  on_present<Key>(count, [](auto& map, const Key& key) {
    map.entry(key).and_modify([](u64& value) { ++value; }).or_insert(1);
  });
}

constexpr std::array<std::pair<std::string_view, void (*)(std::size_t)>, 15> operations{{
    {"u64.nothing", nothing<u64>},
    {"u64.get_copy.hit", get_copy_hit<u64>},
    {"u64.get_copy.miss", get_copy_miss<u64>},
    {"u64.contains.hit", contains_hit<u64>},
    {"u64.view", view<u64>},
    {"u64.get", get_guard<u64>},
    {"u64.get_mut", get_mut_guard<u64>},
    {"u64.alter", alter<u64>},
    {"u64.insert_or_assign.present", assign_present<u64>},
    {"u64.insert.new", insert_new<u64>},
    {"u64.erase", erase<u64>},
    {"u64.entry.present", entry_present<u64>},
    {"string.nothing", nothing<std::string>},
    {"string.get_copy.hit", get_copy_hit<std::string>},
    {"string.alter", alter<std::string>},
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
