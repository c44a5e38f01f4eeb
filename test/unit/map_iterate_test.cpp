// Iteration in all its forms.
#include "support/configs.hpp"
#include "support/other_thread.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;

template <class C>
class MapIterate : public MapTest<C> {};
TYPED_TEST_SUITE(MapIterate, Configs, );

TYPED_TEST(MapIterate, AnEmptyMapHasNothingToVisit) {
  using C = TypeParam;
  typename C::Map map;
  for (auto&& item : map) ADD_FAILURE() << number(item.key());
  for (auto&& item : map.iter()) ADD_FAILURE() << number(item.key());
  for (auto&& item : map.iter_mut()) ADD_FAILURE() << number(item.key());
  EXPECT_TRUE(map.begin() == map.end());
  auto emptied = filled<C>(20);
  emptied.clear();
  for (auto&& item : emptied) ADD_FAILURE() << number(item.key());
}

TYPED_TEST(MapIterate, BeginEndAndIterVisitTheSame) {
  using C = TypeParam;
  auto map = filled<C>();
  Contents by_range_for;
  for (auto&& item : map) {
    EXPECT_EQ(&item.value(), &*item);
    EXPECT_EQ(item.operator->(), &item.value());
    EXPECT_TRUE(by_range_for.emplace(number(item.key()), number(item.value())).second);
  }
  EXPECT_EQ(by_range_for, expected(C::count));
  Contents by_iterators;
  for (auto it = map.begin(); it != map.end(); ++it) {
    const auto item = *it;
    EXPECT_TRUE(by_iterators.emplace(number(item.key()), number(item.value())).second);
  }
  EXPECT_EQ(by_iterators, expected(C::count));
  EXPECT_EQ(contents(map), expected(C::count));
  const auto& constant = map;
  EXPECT_EQ(std::ranges::distance(constant.begin(), constant.end()), C::count);
}

TYPED_TEST(MapIterate, ItemsBindAsKeyAndValue) {
  using C = TypeParam;
  const auto map = filled<C>();
  Contents seen;
  for (auto [k, v] : map) {
    static_assert(std::is_const_v<std::remove_reference_t<decltype(k)>>);
    static_assert(std::is_const_v<std::remove_reference_t<decltype(v)>>);
    EXPECT_TRUE(seen.emplace(number(k), number(v)).second);
  }
  EXPECT_EQ(seen, expected(C::count));
  seen.clear();
  for (const auto& [k, v] : map.iter()) EXPECT_TRUE(seen.emplace(number(k), number(v)).second);
  EXPECT_EQ(seen, expected(C::count));
}

TYPED_TEST(MapIterate, IterMutChangesInPlace) {
  using C = TypeParam;
  using V = typename C::Value;
  auto map = filled<C>();
  for (auto&& item : map.iter_mut()) {
    EXPECT_EQ(number(item.value()), stored(number(item.key())));
    item.value_mut() = make<V>(number(item.key()) + 1);
  }
  for (auto&& item : map.iter_mut()) *item = make<V>(number(*item) + 1);
  for (auto [k, v] : map.iter_mut()) {
    static_assert(std::is_const_v<std::remove_reference_t<decltype(k)>>);
    static_assert(!std::is_const_v<std::remove_reference_t<decltype(v)>>);
    v = make<V>(number(v) + 1);
  }
  Contents oracle;
  for (int i = 0; i < C::count; ++i) oracle[i] = i + 3;
  expect_holds(map, oracle);
}

TYPED_TEST(MapIterate, KeysAndValuesGiveCopies) {
  using C = TypeParam;
  const auto map = filled<C>();
  std::multiset<int> all_keys;
  for (auto k : map.keys()) {
    static_assert(std::same_as<decltype(k), typename C::Key>);
    all_keys.insert(number(k));
  }
  std::multiset<int> oracle;
  for (int i = 0; i < C::count; ++i) oracle.insert(i);
  EXPECT_EQ(all_keys, oracle);
  if constexpr (C::copyable) {
    std::multiset<int> all_values;
    for (auto v : map.values()) {
      static_assert(std::same_as<decltype(v), typename C::Value>);
      all_values.insert(number(v));
    }
    oracle.clear();
    for (int i = 0; i < C::count; ++i) oracle.insert(stored(i));
    EXPECT_EQ(all_values, oracle);
  }
}

TYPED_TEST(MapIterate, AnItemHoldsItsElementUntilItIsGone) {
  using C = TypeParam;
  auto map = filled<C>(10);
  auto range = map.iter();
  auto it = range.begin();
  {
    const auto item = *it;
    const int n = number(item.key());
    on_another_thread([&] {
      EXPECT_TRUE(map.try_get_mut(key<C>(n)).is_locked());
      EXPECT_TRUE(map.try_get(key<C>(n)).is_present());
    });
  }
  // The iterator is still at its first element, with no item in hand.
  on_another_thread([&] {
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(map.try_get_mut(key<C>(i)).is_present());
  });
  map.clear();
}

TYPED_TEST(MapIterate, AnItemThatMovesOnTakesItsLockAlong) {
  using C = TypeParam;
  auto map = filled<C>(10);
  auto range = map.iter_mut();
  auto it = range.begin();
  const auto is_locked = [&](int n) {
    bool locked = false;
    on_another_thread([&] { locked = map.try_get(key<C>(n)).is_locked(); });
    return locked;
  };
  int first = -1;
  {
    auto item = std::optional(*it);
    first = number(item->key());
    EXPECT_TRUE(is_locked(first));
    ++it;
    EXPECT_TRUE(is_locked(first)) << "the item lost its lock when the iterator went on";
    const int second = number((*it).key());
    EXPECT_NE(second, first);
    item->value_mut() = value<C>(77);
  }
  EXPECT_FALSE(is_locked(first));
  std::size_t rest = 1;
  while (++it != range.end()) ++rest;
  EXPECT_EQ(rest, 9U);
  EXPECT_EQ(number(*map.get(key<C>(first))), 77);
}

TYPED_TEST(MapIterate, AnIteratorMayMoveBesideItsItem) {
  using C = TypeParam;
  auto map = filled<C>();
  const auto is_locked = [&](int n) {
    return on_another_thread([&] { return map.try_get(key<C>(n)).is_locked(); });
  };
  auto range = map.iter_mut();
  auto from = std::optional(range.begin());
  auto to = decltype(from)();
  int first = -1;
  {
    const auto item = **from;
    first = number(item.key());
    to.emplace(std::move(*from));
    from.reset();
    EXPECT_TRUE(is_locked(first));
  }
  EXPECT_FALSE(is_locked(first));
  {
    const auto item = **to;
    while (*to != range.end()) ++*to;
    EXPECT_TRUE(is_locked(first)) << "the item lost its lock when the iterator went on";
  }
  EXPECT_FALSE(is_locked(first));
}

// The pattern that every container's users know: what is at the iterator may go, as it is not
// locked when no item is in hand.
TYPED_TEST(MapIterate, ElementsMayBeErasedBetweenItems) {
  using C = TypeParam;
  auto map = filled<C>(C::count);
  std::size_t met = 0;
  for (auto it = map.begin(); it != map.end(); ++it) {
    const int n = number((*it).key());
    ++met;
    EXPECT_TRUE(map.erase(key<C>(n)));
    EXPECT_THROW(static_cast<void>(*it), std::out_of_range) << "looked at an erased element";
  }
  EXPECT_EQ(met, static_cast<std::size_t>(C::count));
  EXPECT_TRUE(map.is_empty());
}

TYPED_TEST(MapIterate, AnElementInHandIsNotGivenForWritingTwice) {
  using C = TypeParam;
  auto map = filled<C>(10);
  auto range = map.iter_mut();
  std::size_t met = 0;
  for (auto it = range.begin(); it != range.end(); ++it) {
    auto item = *it;
    EXPECT_THROW(static_cast<void>(*it), dashmap::DeadlockError);
    auto kept = std::optional(std::move(item));
    EXPECT_THROW(static_cast<void>(*it), dashmap::DeadlockError);
    kept.reset();
    const int n = number((*it).key());
    EXPECT_EQ(number((*it).key()), n);
    ++met;
  }
  EXPECT_EQ(met, 10U);
}

TYPED_TEST(MapIterate, IteratorsOutliveTheContents) {
  using C = TypeParam;
  auto map = filled<C>(20);
  auto it = map.begin();
  static_cast<void>(*it);
  map = filled<C>(30);
  it = map.begin();  // the first goes, whose list is gone
  std::size_t met = 0;
  for (; it != map.end(); ++it) {
    static_cast<void>(*it);
    for (int i = 0; i < 5; ++i)
      map.insert(key<C>(1000 + static_cast<int>(met) * 5 + i), value<C>(0));
    ++met;
  }
  EXPECT_GE(met, 30U);
  auto doomed = std::make_unique<typename C::Map>(filled<C>(20));
  auto last = doomed->begin();
  static_cast<void>(*last);
  doomed.reset();
}

TYPED_TEST(MapIterate, AnElementMayBeLookedAtAgain) {
  using C = TypeParam;
  auto map = filled<C>(C::count);
  for (auto it = map.begin(); it != map.end(); ++it) {
    const int n = number((*it).key());
    map.get_mut(key<C>(n)).value_mut() = value<C>(n + 1);
    EXPECT_EQ(number((*it).value()), n + 1);
  }
  const auto even = [](const auto& item) { return number(item.key()) % 2 == 0; };
  int sum = 0;
  for (auto&& item : map.iter() | std::views::filter(even)) sum += number(item.key());
  int expected = 0;
  for (int i = 0; i < C::count; i += 2) expected += i;
  EXPECT_EQ(sum, expected);
}

TYPED_TEST(MapIterate, NothingIsHeldAtTheEnd) {
  using C = TypeParam;
  auto map = filled<C>(20);
  auto range = map.iter_mut();
  auto it = range.begin();
  std::size_t visited = 0;
  for (; it != range.end(); ++it) {
    const auto item = *it;
    ++visited;
  }
  EXPECT_EQ(visited, 20U);
  on_another_thread([&] {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(map.try_get_mut(key<C>(i)).is_present());
  });
  map.clear();
  expect_holds(map, {});
}

TYPED_TEST(MapIterate, GrowthInTheMiddleHidesAndRepeatsNothing) {
  using C = TypeParam;
  auto map = filled<C>(C::count / 4);
  Contents seen;
  int next = C::count / 4;
  for (auto&& item : map) {
    EXPECT_TRUE(seen.emplace(number(item.key()), number(item.value())).second)
        << number(item.key()) << " was visited twice";
    for (int i = 0; i < 40 && next < C::count; ++i, ++next) {
      map.insert(key<C>(next), value<C>(stored(next)));
    }
  }
  for (int i = 0; i < C::count / 4; ++i) EXPECT_TRUE(seen.contains(i)) << i << " was not visited";
  expect_holds(map, expected(next));
}

TYPED_TEST(MapIterate, ACopyGoesOnInTheMiddleWithoutItsOriginal) {
  using C = TypeParam;
  auto map = filled<C>(C::count / 4);
  std::set<int> seen;
  int next = C::count / 4;
  auto range = map.iter();
  auto it = std::optional(range.begin());
  while (*it != range.end()) {
    EXPECT_TRUE(seen.insert(number((**it).key())).second);
    auto copy = *it;
    it.reset();
    for (int i = 0; i < 40 && next < C::count; ++i, ++next) {
      map.insert(key<C>(next), value<C>(stored(next)));
    }
    it.emplace(++copy);
  }
  for (int i = 0; i < C::count / 4; ++i) EXPECT_TRUE(seen.contains(i)) << i << " was not visited";
}

TYPED_TEST(MapIterate, ErasureInTheMiddleHidesNothingElse) {
  using C = TypeParam;
  auto map = filled<C>();
  std::set<int> seen;
  // Each visit erases the element half a map away, unless it was visited.
  for (auto&& item : map) {
    const int n = number(item.key());
    EXPECT_TRUE(seen.insert(n).second) << n;
    const int other = (n + C::count / 2) % C::count;
    if (other != n) map.erase(key<C>(other));
  }
  for (int i = 0; i < C::count / 2; ++i) {
    EXPECT_TRUE(seen.contains(i) || seen.contains(i + C::count / 2)) << i;
  }
}

TYPED_TEST(MapIterate, ShrinkingInTheMiddleHidesAndRepeatsNothing) {
  using C = TypeParam;
  auto map = filled<C>();
  map.retain([](const auto& k, auto&) { return number(k) % 8 == 0; });
  std::map<int, int> visits;
  int step = 0;
  auto range = map.iter();
  for (auto it = range.begin(); it != range.end(); ++it) {
    {
      ++visits[number((*it).key())];
    }
    if (++step == 3) map.shrink_to_fit();
  }
  for (int i = 0; i < C::count; i += 8) EXPECT_EQ(visits[i], 1) << i;
  EXPECT_EQ(visits.size(), static_cast<std::size_t>((C::count + 7) / 8));
}

TEST(MapIterateAlgorithms, StandardOnes) {
  DashMap<int, int> map;
  for (int i = 1; i <= 100; ++i) map.insert(i, i * i);
  auto range = map.iter();
  static_assert(std::ranges::input_range<decltype(range)>);
  static_assert(std::ranges::input_range<DashMap<int, int>&>);
  static_assert(std::ranges::input_range<const DashMap<int, int>&>);
  EXPECT_EQ(std::ranges::count_if(map.iter(), [](auto&& item) { return item.key() % 2 == 0; }), 50);
  EXPECT_TRUE(std::ranges::all_of(map.iter(), [](auto&& item) {
    return item.value() == item.key() * item.key();
  }));
  EXPECT_EQ(std::ranges::distance(map.iter()), 100);
  long sum = 0;
  std::ranges::for_each(map.iter(), [&](auto&& item) { sum += item.value(); });
  EXPECT_EQ(sum, 338350);
  for (auto&& item : map.iter_mut()) item.value_mut() = 1;
  EXPECT_TRUE(std::ranges::all_of(map.iter(), [](auto&& item) { return *item == 1; }));
}

TEST(MapIterateAlgorithms, KeysAndValuesAreInputRanges) {
  DashMap<int, std::string> map{{3, "c"}, {1, "a"}, {2, "b"}};
  static_assert(std::ranges::input_range<decltype(map.keys())>);
  static_assert(std::ranges::input_range<decltype(map.values())>);
  std::vector<int> sorted;
  std::ranges::copy(map.keys(), std::back_inserter(sorted));
  std::ranges::sort(sorted);
  EXPECT_EQ(sorted, (std::vector<int>{1, 2, 3}));
  std::string joined;
  for (const std::string& v : map.values()) joined += v;
  std::ranges::sort(joined);
  EXPECT_EQ(joined, "abc");
  int total = 0;
  for (const int k : map.keys() | std::views::filter([](int k) { return k != 2; })) total += k;
  EXPECT_EQ(total, 4);
}

TEST(MapIterateAlgorithms, KeysHoldNothingBetweenSteps) {
  DashMap<int, int> map;
  for (int i = 0; i < 100; ++i) map.insert(i, i);
  for (const int k : map.keys()) EXPECT_TRUE(map.erase(k));
  EXPECT_TRUE(map.is_empty());
}

TEST(MapIterateAlgorithms, FindStopsEarlyAndLetsGo) {
  DashMap<int, int> map;
  for (int i = 0; i < 100; ++i) map.insert(i, i);
  for (auto&& item : map) {
    if (item.key() >= 0) break;
  }
  map.clear();
  EXPECT_TRUE(map.is_empty());
}

/// Follows the pointer, and counts.
struct HashOfText {
  inline static int calls = 0;
  std::size_t operator()(const char* text) const noexcept {
    ++calls;
    return std::hash<std::string_view>()(text);
  }
};
struct SameText {
  bool operator()(const char* a, const char* b) const noexcept {
    return std::string_view(a) == std::string_view(b);
  }
};

// What the removed key pointed to may be freed by then.
TEST(MapIterateTexts, LookingAtARemovedElementDoesNotHashItsKey) {
  const auto first = std::make_unique<std::string>("first");
  DashMap<const char*, int, HashOfText, SameText> map;
  map.insert(first->c_str(), 1);
  auto it = map.begin();
  EXPECT_STREQ((*it).key(), "first");
  EXPECT_EQ((*it).value(), 1);
  map.erase("first");
  map.insert("second", 2);  // where the first was
  const int calls = HashOfText::calls;
  EXPECT_THROW(static_cast<void>(*it), std::out_of_range);
  EXPECT_EQ(HashOfText::calls, calls);
}

TEST(MapIterateTexts, AnElementIsKnownAgainWhateverItsKeyIs) {
  DashMap<double, int, std::hash<double>> numbers;
  numbers.insert(std::numeric_limits<double>::quiet_NaN(), 1);
  numbers.insert(-0.0, 2);
  int sum = 0;
  for (auto it = numbers.begin(); it != numbers.end(); ++it) sum += (*it).value() + (*it).value();
  EXPECT_EQ(sum, 6);
}

TEST(MapIterateArrow, ReachesTheItem) {
  DashMap<int, std::string> map{{1, "one"}};
  auto it = map.begin();
  EXPECT_EQ(it->key(), 1);
  EXPECT_EQ(it->value().size(), 3U);
  EXPECT_TRUE(map.try_get_mut(1).is_present());
  map.iter_mut().begin()->value_mut() = "eleven";
  EXPECT_EQ(map.get_copy(1), "eleven");
}

TEST(MapIterateAlgorithms, TakeRangesThatAreTemporaries) {
  DashMap<int, int> map{{1, 10}, {2, 20}};
  std::ranges::for_each(map.iter_mut(), [](auto&& item) { item.value_mut() += 1; });
  EXPECT_EQ(*map.get(1), 11);
  EXPECT_EQ(*std::ranges::find(map.keys(), 2), 2);
  EXPECT_EQ(*std::ranges::find(map.values(), 21), 21);
  const auto found = std::ranges::find_if(map.iter(), [](const auto& i) { return i.key() == 2; });
  EXPECT_EQ(found->value(), 21);
}

TEST(MapIterateContainers, TakeTheItems) {
  const DashMap<int, std::string> map{{1, "one"}, {2, "two"}, {3, "three"}};
  using Pair = std::pair<int, std::string>;
  const std::map<int, std::string> sorted(map.begin(), map.end());
  const std::unordered_map<int, std::string> hashed(map.begin(), map.end());
  const std::multimap<int, std::string> many(map.begin(), map.end());
  std::vector<Pair> pairs(map.begin(), map.end());
  std::sort(pairs.begin(), pairs.end());
  EXPECT_EQ(pairs, std::vector<Pair>(sorted.begin(), sorted.end()));
  EXPECT_EQ(sorted, (std::map<int, std::string>{{1, "one"}, {2, "two"}, {3, "three"}}));
  EXPECT_EQ(sorted.size(), hashed.size());
  EXPECT_EQ(many.size(), 3U);

  std::map<int, std::string> filled;
  filled.insert(map.begin(), map.end());
  EXPECT_EQ(filled, sorted);
  filled.clear();
  for (auto item : map) filled.insert(item);
  EXPECT_EQ(filled, sorted);
  filled.clear();
  std::ranges::copy(map, std::inserter(filled, filled.end()));
  EXPECT_EQ(filled, sorted);
  pairs.assign(map.begin(), map.end());
  pairs.clear();
  for (auto item : map) pairs.push_back(item);
  for (auto item : map) pairs.emplace_back(item);
  EXPECT_EQ(pairs.size(), 6U);
  pairs.clear();
  std::ranges::copy(map, std::back_inserter(pairs));
  EXPECT_EQ(pairs.size(), 3U);
}

/// Each way to make and to set a pair; the parts go on binding.
template <class Item>
void expect_pairs(Item item) {
  using Pair = std::pair<int, std::string>;
  using Element = std::pair<const int, std::string>;
  const Pair copied = item;
  const Pair made(item);
  const Pair listed{item};
  const Element element = item;
  const Element made_element(item);
  Pair assigned;
  assigned = item;
  const auto given = [&]() -> Pair { return item; }();
  const auto passed = [](const Pair& pair) { return pair.second; }(item);
  EXPECT_EQ(copied, Pair(1, "one"));
  EXPECT_EQ(made, copied);
  EXPECT_EQ(listed, copied);
  EXPECT_EQ(element, Element(1, "one"));
  EXPECT_EQ(made_element, element);
  EXPECT_EQ(assigned, copied);
  EXPECT_EQ(given, copied);
  EXPECT_EQ(passed, "one");
  EXPECT_EQ(static_cast<Pair>(item), copied);
  const auto& [key, value] = item;
  EXPECT_EQ(key, 1);
  EXPECT_EQ(value, "one");
}

TEST(MapIterateContainers, ItemsBecomePairs) {
  DashMap<int, std::string> map{{1, "one"}};
  for (auto&& item : map) expect_pairs(std::move(item));
  for (auto&& item : map.iter_mut()) expect_pairs(std::move(item));
  std::map<int, std::string> sorted;
  for (auto item : map.iter_mut()) sorted.insert(item);
  EXPECT_EQ(sorted.at(1), "one");
  DashMap<int, std::string> other;
  for (auto item : map) other.insert_many({item});
  EXPECT_EQ(other.get_copy(1), "one");
}

// What cannot be copied becomes no pair.
using Owner = std::pair<int, std::unique_ptr<int>>;
static_assert(!std::is_convertible_v<dashmap::RefMulti<int, std::unique_ptr<int>>, Owner>);
static_assert(!std::is_convertible_v<dashmap::RefMutMulti<int, std::unique_ptr<int>>, Owner>);

}  // namespace
