// Keys, values and functions whose operator& is deleted: the map asks nobody for an address.
#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using dashmap::DashMap;
using dashmap::DashSet;

// A number that is trivially copyable, or text that is not.
template <class T>
struct Shy {
  T held{};

  Shy() = default;
  explicit Shy(T from) : held(std::move(from)) {}
  void operator&() = delete;
  void operator&() const = delete;
  friend bool operator==(const Shy&, const Shy&) = default;
};
struct ShyHash {
  void operator&() const = delete;
  template <class T>
  std::size_t operator()(const Shy<T>& key) const {
    return std::hash<T>()(key.held);
  }
};
struct ShyEqual {
  void operator&() const = delete;
  template <class T>
  bool operator()(const Shy<T>& a, const Shy<T>& b) const {
    return a == b;
  }
};

}  // namespace

// So that copies are taken without a lock.
template <>
struct dashmap::is_plain_data<Shy<int>> : std::true_type {};
template <>
struct dashmap::is_plain_data<ShyEqual> : std::true_type {};

namespace {

// Moves that may throw: it lives in a node.
struct Large {
  std::string text;
  Large() = default;
  explicit Large(std::string from) : text(std::move(from)) {}
  Large(const Large&) = default;
  Large(Large&& other) noexcept(false) : text(std::move(other.text)) {}
  Large& operator=(const Large&) = default;
  Large& operator=(Large&&) = default;
  ~Large() = default;
  friend bool operator==(const Large&, const Large&) = default;
};

template <class T>
T made(int n) {
  if constexpr (std::is_same_v<T, int>) {
    return n;
  } else {
    return T(std::to_string(n));
  }
}

template <class K, class V>
struct Types {
  using Key = K;
  using Value = V;
};
template <class C>
class AddressOf : public ::testing::Test {};
using Combinations = ::testing::Types<Types<int, int>, Types<std::string, int>,
                                      Types<std::string, std::string>, Types<int, Large>>;
TYPED_TEST_SUITE(AddressOf, Combinations, );

TYPED_TEST(AddressOf, IsNotAskedForByMaps) {
  using K = Shy<typename TypeParam::Key>;
  using V = Shy<typename TypeParam::Value>;
  const auto key = [](int n) { return K(made<typename TypeParam::Key>(n)); };
  const auto value = [](int n) { return V(made<typename TypeParam::Value>(n)); };
  using Map = DashMap<K, V, ShyHash, ShyEqual>;
  Map map;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(map.insert(key(i), value(i)).has_value());
  EXPECT_EQ(map.insert(key(1), value(10)), value(1));
  EXPECT_FALSE(map.insert_or_assign(key(1), value(1)));
  EXPECT_TRUE(map.contains(key(1)));
  EXPECT_EQ(map.get_copy(key(1)), value(1));
  EXPECT_EQ(map.get(key(2))->held, value(2).held);
  EXPECT_EQ(map.get_mut(key(2)).value_mut(), value(2));
  EXPECT_TRUE(std::move(map.get_mut(key(2))).downgrade());
  EXPECT_EQ(*std::move(map.get(key(2))).map([](const V& v) -> const V& { return v; }), value(2));
  EXPECT_TRUE(map.try_get(key(3)).is_present());
  EXPECT_TRUE(map.view(key(3), [&](const K&, const V& v) { EXPECT_EQ(v, value(3)); }));
  EXPECT_TRUE(map.alter(key(3), [](const K&, V v) { return v; }));
  map.compute(key(4), [](std::optional<V>& v) { v.reset(); });
  map.compute(key(4), [&](std::optional<V>& v) { v = value(4); });
  EXPECT_TRUE(map.try_emplace(key(100), value(100)).second);
  EXPECT_EQ(map.get_or_insert_with(key(100), [&] { return value(0); }).value(), value(100));
  EXPECT_TRUE(map.remove(key(100)).has_value());
  EXPECT_FALSE(map.remove_if(key(1), [](const K&, const V&) { return false; }).has_value());
  const std::array keys{key(1), key(2), key(200)};
  map.with_keys(keys, [&](std::span<V*> values) {
    EXPECT_EQ(*values[1], value(2));
    EXPECT_EQ(values[2], nullptr);
  });
  map.get_many(keys, [&](const K& k, const V* v) { EXPECT_EQ(v != nullptr, k != keys[2]); });
  EXPECT_EQ(map.insert_many(std::vector{std::pair(key(1), value(1))}), 0U);
  for (auto&& item : map.iter_mut()) item.value_mut() = V(item.value());
  for (auto&& [k, v] : map) EXPECT_EQ(map.get(k).value(), v);
  for (const K& k : map.keys()) EXPECT_TRUE(map.contains(k));
  for (const V& v : map.values()) EXPECT_EQ(v, v);
  map.retain([](const K&, V&) { return true; });
  map.alter_all([](const K&, V v) { return v; });
  const Map copy = map.clone();
  EXPECT_EQ(copy.snapshot().size(), 100U);
  {
    auto all = map.lock_all();
    EXPECT_EQ(*all.get(key(5)), value(5));
    all.insert(key(5), value(6));
    EXPECT_TRUE(all.remove(key(5)).has_value());
    for (auto&& item : all.iter_mut()) EXPECT_EQ(item.value(), *all.get(item.key()));
  }
  const auto frozen = Map(copy).into_read_only();
  EXPECT_NE(frozen.get(key(5)), nullptr);
  EXPECT_EQ(map.extract_if([&](const K& k, V&) { return k == key(6); }).size(), 1U);
  EXPECT_EQ(map.drain().size(), 98U);
}

TYPED_TEST(AddressOf, IsNotAskedForByEntries) {
  using K = Shy<typename TypeParam::Key>;
  using V = Shy<typename TypeParam::Value>;
  const auto key = [](int n) { return K(made<typename TypeParam::Key>(n)); };
  const auto value = [](int n) { return V(made<typename TypeParam::Value>(n)); };
  DashMap<K, V, ShyHash, ShyEqual> map;
  EXPECT_EQ(map.entry(key(1)).or_insert(value(1)).value(), value(1));
  EXPECT_EQ(map.entry(key(2)).or_default().value(), V());
  map.entry(key(1)).and_modify([](V& v) { v = V(v); });
  {
    auto entry = map.entry(key(3));
    // Two vacant keys are compared by their records.
    EXPECT_THROW(map.insert(key(3), value(3)), dashmap::DeadlockError);
    auto occupied = entry.vacant()->insert_entry(value(3));
    EXPECT_EQ(occupied.insert(value(4)), value(3));
    EXPECT_EQ(occupied.replace_entry(value(5)).second, value(4));
  }
  auto entry = map.entry(key(3));
  EXPECT_EQ(entry.occupied()->remove_entry().first, key(3));
}

TEST(AddressOfElements, IsNotAskedForBySets) {
  using K = Shy<std::string>;
  DashSet<K, ShyHash, ShyEqual> set;
  EXPECT_TRUE(set.insert(K("a")));
  EXPECT_EQ(set.get(K("a")).key(), K("a"));
  for (auto&& item : set) EXPECT_EQ(*item, K("a"));
  EXPECT_EQ(set.lock_all().iter().begin().operator*().key(), K("a"));
  EXPECT_EQ(set.remove(K("a")), K("a"));
}

}  // namespace
