// Lookup by other types than the key's.
#include "support/configs.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;
using dashmap::DashSet;
using namespace std::chrono_literals;

TEST(Heterogeneous, EveryCallTakesLiteralsAndViews) {
  DashMap<std::string, int> map;
  const char* const pointer = "pointer";
  const std::string_view view("a view into something longer", 6);  // "a view"
  map.insert("literal", 1);
  map.insert(view, 2);
  map.insert(pointer, 3);
  map.insert(std::string("string"), 4);
  ASSERT_EQ(map.len(), 4U);

  EXPECT_EQ(*map.get("literal"), 1);
  EXPECT_EQ(*map.get(view), 2);
  EXPECT_EQ(*map.get(pointer), 3);
  EXPECT_EQ(*map.get(std::string_view("string")), 4);
  EXPECT_FALSE(map.get("absent"));

  *map.get_mut("literal") += 10;
  *map.get_mut(view) += 10;
  EXPECT_EQ(*map.try_get("literal").unwrap(), 11);
  *map.try_get_mut(view).unwrap() += 1;
  EXPECT_EQ(*map.try_get_for(view, 1s).unwrap(), 13);
  EXPECT_EQ(*map.try_get_mut_for("literal", 1s).unwrap(), 11);
  EXPECT_TRUE(map.contains("literal"));
  EXPECT_TRUE(map.contains_key(view));
  EXPECT_FALSE(map.contains(std::string_view("absent")));
  EXPECT_EQ(map.get_copy(pointer), std::optional<int>(3));
  EXPECT_EQ(map.view("literal", [](const std::string& k, int v) { return k + std::to_string(v); }),
            "literal11");
  EXPECT_TRUE(map.alter(view, [](const std::string&, int v) { return v + 1; }));
  EXPECT_EQ(*map.get("a view"), 14);
  map.compute("computed", [](std::optional<int>& v) { v = 5; });
  EXPECT_EQ(*map.get("computed"), 5);
  EXPECT_EQ(*map.get_or_insert_with(std::string_view("made"), [] { return 6; }), 6);
  EXPECT_TRUE(map.try_emplace("placed", 7).second);
  EXPECT_TRUE(map.insert_or_assign(std::string_view("assigned"), 8));
  EXPECT_TRUE(map.try_entry("tried").has_value());

  EXPECT_FALSE(map.remove_if("literal", [](const std::string&, const int&) { return false; }));
  EXPECT_TRUE(map.remove_if_mut("literal", [](const std::string&, int&) { return true; }));
  const auto removed = map.remove(view);
  ASSERT_TRUE(removed.has_value());
  EXPECT_EQ(removed->first, "a view");
  EXPECT_EQ(removed->second, 14);
  EXPECT_TRUE(map.erase(pointer));
  EXPECT_FALSE(map.erase("absent"));
  EXPECT_EQ(map.len(), 5U);
}

TEST(Heterogeneous, AllSpellingsOfAStringHashAlike) {
  const DashMap<std::string, int> map;
  const std::string text = "some text that is long enough to be on the heap";
  const std::size_t hash = map.hash_usize(text);
  EXPECT_EQ(map.hash_usize(std::string_view(text)), hash);
  EXPECT_EQ(map.hash_usize(text.c_str()), hash);
  EXPECT_EQ(map.determine_map(std::string_view(text)), map.determine_map(text));
  EXPECT_EQ(map.determine_map(text.c_str()), map.determine_map(text));
}

TEST(Heterogeneous, ZeroBytesInsideAStringCount) {
  DashMap<std::string, int> map;
  const std::string_view with_zero("a\0b", 3);
  map.insert(with_zero, 1);
  EXPECT_TRUE(map.contains(std::string("a\0b", 3)));
  EXPECT_FALSE(map.contains("a"));
  EXPECT_FALSE(map.contains(std::string_view("a\0c", 3)));
}

TEST(Heterogeneous, GetManyAndWithKeysTakeViews) {
  DashMap<std::string, int> map{{"one", 1}, {"two", 2}};
  const std::array<std::string_view, 3> queries{"two", "none", "one"};
  std::vector<int> found;
  map.get_many(queries, [&](std::string_view, const int* v) { found.push_back(v ? *v : -1); });
  EXPECT_EQ(found, (std::vector<int>{2, -1, 1}));
}

TEST(Heterogeneous, SetsToo) {
  DashSet<std::string> set;
  EXPECT_TRUE(set.insert("literal"));
  EXPECT_TRUE(set.contains(std::string_view("literal")));
  EXPECT_FALSE(set.insert(std::string_view("literal")));
  EXPECT_EQ(*set.get("literal"), "literal");
  EXPECT_EQ(set.remove(std::string_view("literal")), std::optional<std::string>("literal"));
}

/// Hash and equality of the user's own that take a raw number for the struct.
struct Account {
  std::uint64_t id;
  std::string owner;
};
struct AccountHash {
  using is_transparent = void;
  std::size_t operator()(const Account& a) const noexcept { return (*this)(a.id); }
  std::size_t operator()(std::uint64_t id) const noexcept {
    return static_cast<std::size_t>(id * 0x9e3779b97f4a7c15U >> 7);
  }
};
struct AccountEqual {
  using is_transparent = void;
  bool operator()(const Account& a, const Account& b) const noexcept { return a.id == b.id; }
  bool operator()(const Account& a, std::uint64_t b) const noexcept { return a.id == b; }
  bool operator()(std::uint64_t a, const Account& b) const noexcept { return a == b.id; }
};

TEST(Heterogeneous, AUsersOwnTransparentHash) {
  DashMap<Account, int, AccountHash, AccountEqual> map;
  for (std::uint64_t i = 0; i < 200; ++i) map.insert(Account{i, "owner"}, static_cast<int>(i));
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(map.contains(i));
    EXPECT_EQ(map.get(i).key().id, i);
    EXPECT_EQ(*map.get(i), static_cast<int>(i));
  }
  EXPECT_FALSE(map.contains(std::uint64_t{200}));
  EXPECT_TRUE(map.erase(std::uint64_t{7}));
  const auto removed = map.remove(std::uint64_t{8});
  ASSERT_TRUE(removed.has_value());
  EXPECT_EQ(removed->first.owner, "owner");
  *map.get_mut(std::uint64_t{9}) = -9;
  EXPECT_EQ(*map.get(Account{9, ""}), -9);
  EXPECT_EQ(map.len(), 198U);
}

/// Owned pointers looked up by raw ones.
struct PointerHash {
  using is_transparent = void;
  std::size_t operator()(const int* p) const noexcept { return std::hash<const int*>()(p); }
  std::size_t operator()(const std::unique_ptr<int>& p) const noexcept { return (*this)(p.get()); }
};
struct PointerEqual {
  using is_transparent = void;
  static const int* raw(const int* p) noexcept { return p; }
  static const int* raw(const std::unique_ptr<int>& p) noexcept { return p.get(); }
  template <class A, class B>
  bool operator()(const A& a, const B& b) const noexcept {
    return raw(a) == raw(b);
  }
};

TEST(Heterogeneous, MoveOnlyKeysFoundByARawPointer) {
  DashMap<std::unique_ptr<int>, int, PointerHash, PointerEqual> map;
  std::vector<const int*> raw;
  for (int i = 0; i < 100; ++i) {
    auto owned = std::make_unique<int>(i);
    raw.push_back(owned.get());
    map.insert(std::move(owned), i);
  }
  for (int i = 0; i < 100; ++i) {
    const int* const p = raw[static_cast<std::size_t>(i)];
    ASSERT_TRUE(map.contains(p));
    EXPECT_EQ(*map.get(p).key(), i);
  }
  const auto removed = map.remove(raw[5]);
  ASSERT_TRUE(removed.has_value());
  EXPECT_EQ(removed->first.get(), raw[5]);
  EXPECT_EQ(map.len(), 99U);
}

TEST(Heterogeneous, ArithmeticKeysOfAnotherWidth) {
  DashMap<std::uint64_t, int> map;
  map.insert(5, 50);
  map.insert(std::uint64_t{1} << 40, 1);
  EXPECT_TRUE(map.contains(5));
  EXPECT_TRUE(map.contains(5U));
  EXPECT_TRUE(map.contains(std::uint64_t{5}));
  EXPECT_TRUE(map.contains(std::uint64_t{1} << 40));
  EXPECT_FALSE(map.contains(std::uint64_t{1} << 41));
}

/// Takes whatever comes, without being transparent.
struct HashOfAnything {
  template <class T>
  std::size_t operator()(const T& key) const noexcept {
    return std::hash<T>()(key);
  }
};

// 0.1 is another number as a float; its hash is that of the float.
template <class Map, class Given, class Stored>
void each_call_converts(Given given, Stored stored) {
  using Pairs = std::vector<std::pair<Given, int>>;
  Map map;
  map.insert(given, 1);
  EXPECT_EQ(map.insert(given, 2), 1);
  EXPECT_FALSE(map.insert_or_assign(given, 3));
  EXPECT_EQ(map.insert_many(Pairs{{given, 4}, {given, 5}}), 0U);
  EXPECT_EQ(map.get_copy(stored), 5);
  EXPECT_EQ(map.get_copy(given), 5);
  EXPECT_TRUE(map.contains(given));
  EXPECT_EQ(*map.get(given), 5);
  *map.entry(given).or_insert(0) += 1;
  EXPECT_FALSE(map.try_emplace(given, 0).second);
  map.with_keys(std::vector<Given>{given}, [](auto values) {
    ASSERT_NE(values[0], nullptr);
    *values[0] += 1;
  });
  int many = 0;
  map.get_many(std::vector<Given>{given, given}, [&](const Given&, const int* value) {
    ASSERT_NE(value, nullptr);
    many += *value;
  });
  EXPECT_EQ(many, 14);
  {
    auto all = map.lock_all();
    EXPECT_TRUE(all.contains(given));
    EXPECT_NE(all.get(given), nullptr);
    EXPECT_EQ(all.insert(given, 8), 7);
    EXPECT_EQ(all.remove(given)->second, 8);
    EXPECT_EQ(all.insert(given, 9), std::nullopt);
  }
  EXPECT_EQ(map.len(), 1U);
  EXPECT_TRUE(map.erase(given));
  EXPECT_TRUE(map.is_empty());
  const Pairs pairs{{given, 1}, {given, 2}};
  EXPECT_EQ(Map(pairs.begin(), pairs.end()).len(), 1U);
}

TEST(Heterogeneous, WhatConvertsToAKeyIsOneInEachCall) {
  each_call_converts<DashMap<float, int>>(0.1, 0.1F);
  each_call_converts<DashMap<double, int, HashOfAnything>>(5, 5.0);
  each_call_converts<DashMap<std::uint8_t, int>>(300, std::uint8_t{44});
  each_call_converts<DashMap<std::tuple<float, int>, int>>(std::make_tuple(0.1, 7),
                                                           std::make_tuple(0.1F, 7));
  each_call_converts<DashMap<std::optional<float>, int>>(0.1, std::optional<float>(0.1F));
  each_call_converts<DashMap<std::string, int, std::hash<std::string>>>("literal",
                                                                        std::string("literal"));
}

// What a user's `K k = 5` gives, not an explicit conversion.
struct Implicit {
  // That it converts by itself is what is tested. NOLINTNEXTLINE(google-explicit-constructor)
  Implicit(long n) : number(n) {}
  explicit Implicit(int bits) : number(-bits) {}
  bool operator==(const Implicit&) const = default;
  long number;
};
struct ImplicitHash {
  std::size_t operator()(const Implicit& k) const noexcept {
    return static_cast<std::size_t>(k.number);
  }
};

TEST(Heterogeneous, OnlyImplicitConversionsCount) {
  DashMap<Implicit, int, ImplicitHash> map;
  const Implicit five = 5;
  map.insert(five, 1);
  EXPECT_TRUE(map.contains(5));
  EXPECT_EQ(map.insert(5, 2), 1);
}

TEST(Heterogeneous, SetsConvertToo) {
  DashSet<float> set;
  EXPECT_EQ(set.insert_many(std::vector<double>{0.1, 0.1}), 1U);
  EXPECT_FALSE(set.insert(0.1));
  EXPECT_TRUE(set.contains(0.1));
}

TEST(Heterogeneous, ManyKeysOfBool) {
  DashMap<bool, int> map{{true, 1}};
  const std::vector<int> numbers{1, 0, 2};
  const auto truths = numbers | std::views::transform([](int n) { return n != 0; });
  map.with_keys(truths, [](auto values) {
    ASSERT_NE(values[0], nullptr);
    EXPECT_EQ(*values[0], 1);
    EXPECT_EQ(values[1], nullptr);
    EXPECT_EQ(values[2], values[0]);
  });
  map.with_keys(std::vector<bool>{false, true}, [](auto values) {
    EXPECT_EQ(values[0], nullptr);
    EXPECT_NE(values[1], nullptr);
  });
}

}  // namespace
