// Every way to look one key up, present and absent.
#include "support/configs.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;
using namespace std::chrono_literals;

template <class C>
class MapLookup : public MapTest<C> {};
TYPED_TEST_SUITE(MapLookup, Configs, );

TYPED_TEST(MapLookup, GetGivesKeyAndValue) {
  using C = TypeParam;
  const auto map = filled<C>();
  for (int i = 0; i < C::count; ++i) {
    const auto ref = map.get(key<C>(i));
    ASSERT_TRUE(ref);
    EXPECT_EQ(number(ref.key()), i);
    EXPECT_EQ(number(ref.value()), stored(i));
    EXPECT_EQ(&*ref, &ref.value());
    EXPECT_EQ(ref.operator->(), &ref.value());
    const auto& [k, v] = ref.pair();
    EXPECT_EQ(&k, &ref.key());
    EXPECT_EQ(&v, &ref.value());
  }
  for (int i = C::count; i < C::count + 50; ++i) EXPECT_FALSE(map.get(key<C>(i)));
}

TYPED_TEST(MapLookup, GetMutChangesInPlace) {
  using C = TypeParam;
  auto map = filled<C>();
  for (int i = 0; i < C::count; i += 3) {
    auto ref = map.get_mut(key<C>(i));
    ASSERT_TRUE(ref);
    EXPECT_EQ(number(ref.key()), i);
    EXPECT_EQ(number(ref.value()), stored(i));
    EXPECT_EQ(&*ref, &ref.value_mut());
    *ref = value<C>(i);
    const auto& [k, v] = ref.pair();
    EXPECT_EQ(number(k), i);
    EXPECT_EQ(number(v), i);
    auto&& pair = ref.pair_mut();
    EXPECT_EQ(&pair.second, &ref.value_mut());
    static_assert(std::is_const_v<std::remove_reference_t<decltype(pair.first)>>);
  }
  EXPECT_FALSE(map.get_mut(key<C>(C::count)));
  EXPECT_FALSE(map.contains(key<C>(C::count))) << "a failed look-up inserted the key";
  Contents oracle = expected(C::count);
  for (int i = 0; i < C::count; i += 3) oracle[i] = i;
  expect_holds(map, oracle);
}

TYPED_TEST(MapLookup, TryGetOfPresentAndAbsentKeys) {
  using C = TypeParam;
  auto map = filled<C>(10);
  {
    auto found = map.try_get(key<C>(3));
    EXPECT_TRUE(found.is_present());
    EXPECT_FALSE(found.is_absent());
    EXPECT_FALSE(found.is_locked());
    const auto ref = std::move(found).unwrap();
    EXPECT_EQ(number(*ref), stored(3));
  }
  {
    auto found = map.try_get_mut(key<C>(3));
    EXPECT_TRUE(found.is_present());
    auto ref = std::move(found).try_unwrap();
    ASSERT_TRUE(ref.has_value());
    **ref = value<C>(77);
  }
  EXPECT_EQ(number(*map.get(key<C>(3))), 77);
  {
    auto missing = map.try_get(key<C>(11));
    EXPECT_TRUE(missing.is_absent());
    EXPECT_FALSE(missing.is_present());
    EXPECT_FALSE(missing.is_locked());
    EXPECT_FALSE(std::move(missing).try_unwrap().has_value());
  }
  EXPECT_TRUE(map.try_get_mut(key<C>(11)).is_absent());
  EXPECT_EQ(map.len(), 10U);
}

TYPED_TEST(MapLookup, TimedLookupsOfFreeKeysAnswerAtOnce) {
  using C = TypeParam;
  auto map = filled<C>(10);
  EXPECT_EQ(number(*map.try_get_for(key<C>(4), 1h).unwrap()), stored(4));
  *map.try_get_mut_for(key<C>(4), 1h).unwrap() = value<C>(5);
  EXPECT_EQ(number(*map.get(key<C>(4))), 5);
  EXPECT_TRUE(map.try_get_for(key<C>(10), 1h).is_absent());
  EXPECT_TRUE(map.try_get_mut_for(key<C>(10), 1h).is_absent());
  EXPECT_TRUE(map.try_get_for(key<C>(4), 0s).is_present());
  EXPECT_TRUE(map.try_get_mut_for(key<C>(4), 0s).is_present());
}

TYPED_TEST(MapLookup, ContainsUnderBothNames) {
  using C = TypeParam;
  const auto map = filled<C>();
  for (int i = 0; i < C::count; ++i) {
    EXPECT_TRUE(map.contains(key<C>(i)));
    EXPECT_TRUE(map.contains_key(key<C>(i)));
    EXPECT_FALSE(map.contains(key<C>(C::count + i)));
    EXPECT_FALSE(map.contains_key(key<C>(C::count + i)));
  }
}

TYPED_TEST(MapLookup, ViewReturnsWhatTheFunctionReturns) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  const auto map = filled<C>();
  for (int i = 0; i < C::count; ++i) {
    const auto sum =
        map.view(key<C>(i), [](const K& k, const V& v) { return number(k) + number(v); });
    static_assert(std::same_as<std::remove_const_t<decltype(sum)>, std::optional<int>>);
    ASSERT_TRUE(sum.has_value());
    EXPECT_EQ(*sum, i + stored(i));
  }
  bool called = false;
  EXPECT_EQ(map.view(key<C>(C::count),
                     [&](const K&, const V&) {
                       called = true;
                       return 1;
                     }),
            std::nullopt);
  EXPECT_FALSE(called);
}

TYPED_TEST(MapLookup, ViewOfAFunctionWithoutResultSaysWhetherItRan) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  const auto map = filled<C>(5);
  int seen = 0;
  const auto look = [&](const K&, const V& v) { seen = number(v); };
  static_assert(std::same_as<decltype(map.view(key<C>(2), look)), bool>);
  EXPECT_TRUE(map.view(key<C>(2), look));
  EXPECT_EQ(seen, stored(2));
  EXPECT_FALSE(map.view(key<C>(5), look));
}

TYPED_TEST(MapLookup, GetCopy) {
  using C = TypeParam;
  if constexpr (C::copyable) {
    const auto map = filled<C>();
    for (int i = 0; i < C::count; ++i) {
      const auto copy = map.get_copy(key<C>(i));
      static_assert(
          std::same_as<std::remove_const_t<decltype(copy)>, std::optional<typename C::Value>>);
      ASSERT_TRUE(copy.has_value());
      EXPECT_EQ(number(*copy), stored(i));
    }
    EXPECT_FALSE(map.get_copy(key<C>(C::count)).has_value());
  }
}

TYPED_TEST(MapLookup, GetManyAnswersInOrder) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  const auto map = filled<C>();
  std::vector<K> queries;
  std::vector<int> asked;
  for (int i = 0; i < 150; ++i) {
    const int n = (i * 7919) % (2 * C::count);  // half of them absent, some twice
    queries.push_back(key<C>(n));
    asked.push_back(n);
  }
  std::size_t next = 0;
  map.get_many(queries, [&](const K& query, const V* found) {
    ASSERT_LT(next, asked.size());
    const int n = asked[next++];
    EXPECT_EQ(number(query), n);
    EXPECT_EQ(found != nullptr, n < C::count) << n;
    if (found != nullptr) {
      EXPECT_EQ(number(*found), stored(n));
    }
  });
  EXPECT_EQ(next, asked.size());
  map.get_many(std::vector<K>(), [](const K&, const V*) { ADD_FAILURE() << "called for nothing"; });
}

/// At each number of elements, so in the middle of growths too: readers do not end them.
TYPED_TEST(MapLookup, ReadersFindAllInTheMiddleOfAGrowth) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  typename C::Map map;
  constexpr int count = 130;  // two growths of several groups
  for (int n = 0; n < count; ++n) {
    map.insert(key<C>(n), value<C>(n));
    for (int i = 0; i <= n; i += 7) {
      const auto guard = map.get(key<C>(i));
      ASSERT_TRUE(guard) << i << " of " << n;
      EXPECT_EQ(number(guard.key()), i);
      EXPECT_EQ(number(*guard), i);
      EXPECT_EQ(&*map.get(key<C>(i)), &*guard);
      EXPECT_TRUE(map.view(key<C>(i), [](const K&, const V& v) { return number(v); }) == i);
      EXPECT_THROW(static_cast<void>(map.get_mut(key<C>(i))), dashmap::DeadlockError);
    }
    for (int i = n + 1; i < n + 4; ++i) EXPECT_FALSE(map.get(key<C>(i))) << i << " of " << n;
  }
}

TYPED_TEST(MapLookup, AMapWithoutElementsHasNone) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  typename C::Map map;
  EXPECT_FALSE(map.get(key<C>(1)));
  EXPECT_FALSE(map.get_mut(key<C>(1)));
  EXPECT_TRUE(map.try_get(key<C>(1)).is_absent());
  EXPECT_TRUE(map.try_get_mut(key<C>(1)).is_absent());
  EXPECT_FALSE(map.contains(key<C>(1)));
  EXPECT_FALSE(map.view(key<C>(1), [](const K&, const V&) {}));
  int absent = 0;
  map.get_many(std::vector<K>{key<C>(1)}, [&](const K&, const V* v) { absent += v == nullptr; });
  EXPECT_EQ(absent, 1);
}

// All hashes are the same here: only the bytes tell.
TEST(MapLookupText, EachByteCounts) {
  for (std::size_t length = 0; length <= 70; ++length) {
    std::string key;
    for (std::size_t i = 0; i < length; ++i) key += static_cast<char>('a' + i % 26);
    const dashmap::DashMap<std::string, int, ConstantHash> map{{key, 1}};
    EXPECT_TRUE(map.contains_key(key));
    EXPECT_TRUE(map.contains_key(std::string_view(key)));
    EXPECT_FALSE(map.contains_key(key + '.'));
    for (std::size_t i = 0; i < length; ++i) {
      std::string other = key;
      other[i] = '.';
      EXPECT_FALSE(map.contains_key(other)) << length << " bytes, byte " << i;
      EXPECT_FALSE(map.contains_key(std::string_view(key).substr(0, i)));
    }
  }
}

TEST(MapLookupExpression, ATemporaryGuardHoldsToTheEndOfTheExpression) {
  const DashMap<std::string, std::string> map{{"name", "a value that is not small at all"}};
  const std::string copy = *map.get("name");
  EXPECT_EQ(copy, "a value that is not small at all");
  EXPECT_EQ(map.get("name")->size(), copy.size());
}

TEST(MapLookupExpression, ConditionWithInitializer) {
  DashMap<int, int> map{{1, 10}};
  int reached = 0;
  if (const auto ref = map.get(1)) reached = *ref;
  if (auto ref = map.get_mut(1); ref) *ref += reached;
  if (const auto ref = map.get(2)) ADD_FAILURE() << *ref;
  EXPECT_EQ(*map.get(1), 20);
}

}  // namespace
