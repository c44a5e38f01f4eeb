// DashMap of Rust, behind the C functions of bench/rust. Nothing is inlined across the languages,
// so whole loops run there: over keys, over what a thread does, over all elements. One call for
// each operation, 1 to 2 ns, is left where each is timed, since the clock takes much longer, and to
// the writers beside a pass.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "../adapter.hpp"
#include "../operation.hpp"
#include "../trace.hpp"

namespace bench {

// Rust reads the strings where they are, as libstdc++ lays them out: the characters' address, their
// number, and 16 bytes more.
static_assert(sizeof(std::string) == 32);

/// As in bench/rust/src/lib.rs.
template <class K, class V>
struct RustTable {
  using Loop = std::size_t (*)(const void* map, const K* keys, std::size_t count);
  using Visit = void (*)(void* context, const char* key, std::size_t key_size, const V* value);

  void* (*create)(std::size_t capacity, std::size_t shards);
  void (*destroy)(void* map);
  std::size_t (*size)(const void* map);
  std::size_t (*insert)(const void* map, const K* keys, std::size_t count, const V* value);
  std::size_t (*insert_pairs)(const void* map, const std::pair<K, V>* pairs, std::size_t count);
  Loop find;
  Loop update;
  Loop upsert;
  Loop guard;
  Loop erase;
  Loop nothing;
  u64 (*replay)(const void* map, const Op* ops, const K* texts, std::size_t count);
  std::size_t (*visit_all)(const void* map);
  void (*for_each)(const void* map, Visit visit, void* context);
};

extern "C" const RustTable<u64, u64> rust_dashmap_number_word;
extern "C" const RustTable<u64, Record> rust_dashmap_number_record;
extern "C" const RustTable<std::string, u64> rust_dashmap_text_word;
extern "C" const RustTable<std::string, Record> rust_dashmap_text_record;

template <class K, class V>
constexpr const RustTable<K, V>& rust_table() {
  if constexpr (std::same_as<K, u64>) {
    if constexpr (std::same_as<V, u64>) return rust_dashmap_number_word;
    if constexpr (std::same_as<V, Record>) return rust_dashmap_number_record;
  } else {
    if constexpr (std::same_as<V, u64>) return rust_dashmap_text_word;
    if constexpr (std::same_as<V, Record>) return rust_dashmap_text_record;
  }
}

/// With so many shards; 0: the map's default, four times the cores.
template <class K, class V, std::size_t shards>
class RustMap {
 public:
  RustMap() : map_(table.create(0, shards)) {}
  RustMap(const RustMap&) = delete;
  RustMap& operator=(const RustMap&) = delete;
  ~RustMap() { table.destroy(map_); }

  bool insert(const K& key, const V& value) { return table.insert(map_, &key, 1, &value) != 0; }
  bool update(const K& key, Increment) { return table.update(map_, &key, 1) != 0; }
  template <class F>
  void for_each(F visit) const {
    table.for_each(
        map_,
        [](void* f, const char* key, std::size_t key_size, const V* value) {
          (*static_cast<F*>(f))(key_from(key, key_size), *value);
        },
        &visit);
  }
  /// An empty map with room; it cannot make room later.
  void reserve(std::size_t entries) {
    table.destroy(map_);
    map_ = table.create(entries, shards);
  }
  std::size_t size() const { return table.size(map_); }

  std::size_t each(Operation operation, std::span<const K> keys) {
    switch (operation) {
      case Operation::insert: {
        const V first = value_of<V>(1);
        return table.insert(map_, keys.data(), keys.size(), &first);
      }
      case Operation::hit: return table.find(map_, keys.data(), keys.size());
      case Operation::update: return table.update(map_, keys.data(), keys.size());
      case Operation::upsert: return table.upsert(map_, keys.data(), keys.size());
      case Operation::guard: return table.guard(map_, keys.data(), keys.size());
      case Operation::erase: return table.erase(map_, keys.data(), keys.size());
      default: return table.nothing(map_, keys.data(), keys.size());
    }
  }
  std::size_t insert_pairs(std::span<const std::pair<K, V>> pairs) {
    return table.insert_pairs(map_, pairs.data(), pairs.size());
  }
  u64 replay(std::span<const Op> ops, const K* texts) {
    return table.replay(map_, ops.data(), texts, ops.size());
  }
  std::size_t visit_all() const { return table.visit_all(map_); }

 private:
  static constexpr const RustTable<K, V>& table = rust_table<K, V>();

  static K key_from(const char* bytes, std::size_t size) {
    if constexpr (std::same_as<K, std::string>) {
      return {bytes, size};
    } else {
      K key;
      std::memcpy(&key, bytes, sizeof key);
      return key;
    }
  }

  void* map_;
};

struct RustDashMapAdapter : AdapterDefaults {
  static constexpr const char* name = "rust-dashmap";
  static std::string version() { return BENCH_VERSION; }
  template <class K, class V>
  using Map = RustMap<K, V, 0>;
};

}  // namespace bench
