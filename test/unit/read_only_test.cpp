// ReadOnlyView, and maps taken apart.
#include "support/configs.hpp"

#include <gtest/gtest.h>

#include <concepts>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;

template <class C>
class ReadOnly : public MapTest<C> {};
TYPED_TEST_SUITE(ReadOnly, Configs, );

TYPED_TEST(ReadOnly, ShowsTheElements) {
  using C = TypeParam;
  auto map = filled<C>();
  const std::size_t capacity = map.capacity();
  const auto view = std::move(map).into_read_only();
  EXPECT_EQ(view.len(), static_cast<std::size_t>(C::count));
  EXPECT_FALSE(view.is_empty());
  EXPECT_EQ(view.capacity(), capacity);
  static_assert(std::same_as<decltype(view.get(key<C>(0))), const typename C::Value*>);
  for (int i = 0; i < C::count; ++i) {
    const auto* const found = view.get(key<C>(i));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(number(*found), stored(i));
    EXPECT_TRUE(view.contains_key(key<C>(i)));
    EXPECT_EQ(view.get(key<C>(C::count + i)), nullptr);
    EXPECT_FALSE(view.contains_key(key<C>(C::count + i)));
  }
}

TYPED_TEST(ReadOnly, Iterates) {
  using C = TypeParam;
  const auto view = filled<C>().into_read_only();
  Contents seen;
  for (auto&& [k, v] : view.iter()) {
    EXPECT_TRUE(seen.emplace(number(k), number(v)).second);
  }
  EXPECT_EQ(seen, expected(C::count));
  std::multiset<int> keys;
  for (auto&& k : view.keys()) keys.insert(number(k));
  std::multiset<int> values;
  for (auto&& v : view.values()) values.insert(number(v));
  EXPECT_EQ(keys.size(), static_cast<std::size_t>(C::count));
  EXPECT_EQ(values.size(), static_cast<std::size_t>(C::count));
  for (int i = 0; i < C::count; ++i) {
    EXPECT_EQ(keys.count(i), 1U);
    EXPECT_EQ(values.count(stored(i)), 1U);
  }
}

TYPED_TEST(ReadOnly, GivesTheMapBack) {
  using C = TypeParam;
  auto view = filled<C>().into_read_only();
  const auto* const place = view.get(key<C>(3));
  auto map = std::move(view).into_inner();
  static_assert(std::same_as<decltype(map), typename C::Map>);
  expect_holds(map, expected(C::count));
  EXPECT_EQ(&*map.get(key<C>(3)), place) << "elements were copied or moved on the way";
  map.insert(key<C>(0), value<C>(1));
  EXPECT_EQ(number(*map.get(key<C>(0))), 1);
}

TYPED_TEST(ReadOnly, OfAnEmptyMap) {
  using C = TypeParam;
  const auto view = typename C::Map().into_read_only();
  EXPECT_EQ(view.len(), 0U);
  EXPECT_TRUE(view.is_empty());
  EXPECT_EQ(view.get(key<C>(0)), nullptr);
  EXPECT_FALSE(view.contains_key(key<C>(0)));
  for (auto&& [k, v] : view.iter()) ADD_FAILURE() << number(k) << number(v);
}

TYPED_TEST(ReadOnly, AViewOfAHalfGrownMapSeesEverything) {
  using C = TypeParam;
  // Stop at every size, so that some stops fall into the middle of a growth.
  for (int n = 1; n < C::count; n += 1 + C::count / 40) {
    const auto view = filled<C>(n).into_read_only();
    EXPECT_EQ(view.len(), static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) ASSERT_NE(view.get(key<C>(i)), nullptr) << i << " of " << n;
    std::size_t visited = 0;
    for (auto&& item : view.iter()) {
      static_cast<void>(item);
      ++visited;
    }
    EXPECT_EQ(visited, static_cast<std::size_t>(n));
  }
}

TEST(ReadOnlyLookups, GetKeyValueShowsTheStoredKey) {
  DashMap<TaggedKey, int> map;
  map.insert(TaggedKey{1, 100}, 5);
  const auto view = std::move(map).into_read_only();
  const auto found = view.get_key_value(TaggedKey{1, 0});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->first.tag, 100);
  EXPECT_EQ(found->second, 5);
  EXPECT_FALSE(view.get_key_value(TaggedKey{2, 0}));
}

TEST(ReadOnlyLookups, ItsIteratorsAreOrdinaryOnes) {
  DashMap<int, std::string> map{{1, "one"}, {2, "two"}};
  const auto elements = [](const auto& range) {
    return std::map<int, std::string>(range.begin(), range.end());
  };
  EXPECT_EQ(elements(map.lock_all()), (std::map<int, std::string>{{1, "one"}, {2, "two"}}));
  EXPECT_EQ(map.lock_all().iter().begin()->value().size(), 3U);
  const auto view = std::move(map).into_read_only();
  EXPECT_EQ(elements(view), (std::map<int, std::string>{{1, "one"}, {2, "two"}}));
  const auto keys = view.keys();
  EXPECT_EQ(std::set<int>(keys.begin(), keys.end()), (std::set<int>{1, 2}));
  const auto values = view.values();
  EXPECT_EQ(std::set<std::string>(values.begin(), values.end()),
            (std::set<std::string>{"one", "two"}));
  EXPECT_EQ(values.begin()->size(), 3U);
  EXPECT_EQ(&*values.begin(), view.get(*keys.begin()));  // by reference
}

TEST(ReadOnlyLookups, ByStringView) {
  DashMap<std::string, int> map{{"one", 1}, {"two", 2}};
  const auto view = std::move(map).into_read_only();
  EXPECT_EQ(*view.get("one"), 1);
  EXPECT_EQ(*view.get(std::string_view("two")), 2);
  EXPECT_EQ(view.get("three"), nullptr);
  EXPECT_TRUE(view.contains_key("one"));
}

}  // namespace
