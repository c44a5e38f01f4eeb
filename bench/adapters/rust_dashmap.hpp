// DashMap of Rust, behind the C functions of bench/rust. Nothing is inlined across the languages:
// each operation is a call through a pointer, 1 to 2 ns that a Rust program does not pay, and each
// element of a pass over the map is one too.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include "../adapter.hpp"

namespace bench {

struct RustText {
  const char* data;
  std::size_t size;
};

template <class K>
struct RustKey {
  using Raw = u64;
  static u64 raw(u64 key) { return key; }
  static u64 key(u64 raw) { return raw; }
};
template <>
struct RustKey<std::string> {
  using Raw = RustText;
  static RustText raw(const std::string& key) { return {key.data(), key.size()}; }
  static std::string key(RustText raw) { return {raw.data, raw.size}; }
};

/// As in bench/rust/src/lib.rs.
template <class K, class V>
struct RustTable {
  using Raw = typename RustKey<K>::Raw;

  void* (*create)(std::size_t capacity);
  void (*destroy)(void* map);
  bool (*find)(const void* map, Raw key, V* value);
  bool (*insert)(const void* map, Raw key, const V* value);
  bool (*remove)(const void* map, Raw key);
  bool (*increment)(const void* map, Raw key);
  bool (*update)(const void* map, Raw key, void (*change)(void*, V*), void* context);
  void (*upsert)(const void* map, Raw key, const V* first);
  void (*for_each)(const void* map, void (*visit)(void*, Raw, const V*), void* context);
  std::size_t (*size)(const void* map);
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

template <class K, class V>
class RustMap {
 public:
  RustMap() : map_(table.create(0)) {}
  RustMap(const RustMap&) = delete;
  RustMap& operator=(const RustMap&) = delete;
  ~RustMap() { table.destroy(map_); }

  bool find(const K& key, V& value) const { return table.find(map_, raw(key), &value); }
  // Its get() gives a guard, and find() above is made of it.
  template <class F>
  bool get(const K& key, F visit) const {
    V value;
    if (!find(key, value)) return false;
    visit(value);
    return true;
  }
  bool insert(const K& key, const V& value) { return table.insert(map_, raw(key), &value); }
  void assign(const K& key, const V& value) { table.insert(map_, raw(key), &value); }
  bool remove(const K& key) { return table.remove(map_, raw(key)); }
  bool update(const K& key, Increment) { return table.increment(map_, raw(key)); }
  template <class F>
  bool update(const K& key, F change) {
    return table.update(
        map_, raw(key), [](void* f, V* value) { (*static_cast<F*>(f))(*value); }, &change);
  }
  void upsert(const K& key, const V& first, Increment) { table.upsert(map_, raw(key), &first); }
  template <class F>
  void for_each(F visit) const {
    table.for_each(
        map_,
        [](void* f, typename RustKey<K>::Raw key, const V* value) {
          (*static_cast<F*>(f))(RustKey<K>::key(key), *value);
        },
        &visit);
  }
  /// Its passes are loops over iter().
  template <class F>
  void walk(F visit) const {
    for_each(visit);
  }
  /// An empty map with room; it cannot make room later.
  void reserve(std::size_t entries) {
    table.destroy(map_);
    map_ = table.create(entries);
  }
  std::size_t size() const { return table.size(map_); }

 private:
  static constexpr const RustTable<K, V>& table = rust_table<K, V>();
  static auto raw(const K& key) { return RustKey<K>::raw(key); }

  void* map_;
};

struct RustDashMapAdapter : AdapterDefaults {
  static constexpr const char* name = "rust-dashmap";
  template <class K, class V>
  using Map = RustMap<K, V>;
};

}  // namespace bench
