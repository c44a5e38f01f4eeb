// A thread that holds a guard calls the map again: other keys always work, conflicts on the same
// key are answered by DeadlockError at once and change nothing.
#include "support/configs.hpp"
#include "support/other_thread.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;
using dashmap::DeadlockError;
using namespace std::chrono_literals;

template <class V, class H>
struct Reentrant {
  using Value = V;
  using Map = DashMap<int, V, H>;
  // Equal hashes make every insertion search all elements.
  static constexpr int many = std::is_same_v<H, ConstantHash> ? 600 : 5000;
};

template <class C>
class Reentrancy : public ::testing::Test {
 protected:
  using Item = typename C::Value;

  Reentrancy() {
    for (int i = 0; i < 20; ++i) map_.insert(i, v(stored(i)));
  }

  static Item v(int n) { return make<Item>(n); }

  /// Everything a thread may do while it holds guards on keys in `held` (never more than 0 … 4).
  void use_other_keys() {
    for (int i = 5; i < 15; ++i) {
      ASSERT_EQ(number(*map_.get(i)), stored(i));
      ASSERT_TRUE(map_.contains(i));
      *map_.get_mut(i) = v(-i);
      ASSERT_EQ(number(*map_.get(i)), -i);
      map_.insert(i, v(stored(i)));
    }
    ASSERT_TRUE(map_.erase(5));
    ASSERT_TRUE(map_.remove(6));
    ASSERT_TRUE(map_.try_emplace(5, v(stored(5))).second);
    ASSERT_TRUE(map_.insert_or_assign(6, v(stored(6))));
    ASSERT_TRUE(map_.alter(7, [](const int&, Item x) { return x; }));
    ASSERT_TRUE(map_.view(8, [](const int&, const Item&) {}));
    map_.compute(9, [](std::optional<Item>& x) { x = v(stored(9)); });
    static_cast<void>(map_.entry(10).and_modify([](Item& x) { x = v(stored(10)); }));
    ASSERT_EQ(number(*map_.entry(11).or_insert(v(0))), stored(11));
    ASSERT_EQ(number(*map_.get_or_insert_with(12, [] { return v(0); })), stored(12));
    ASSERT_TRUE(map_.try_get(13).is_present());
    ASSERT_TRUE(map_.try_get_mut(13).is_present());
    ASSERT_TRUE(map_.try_get_mut_for(14, 1h).is_present());
    ASSERT_FALSE(map_.get(1000));
    ASSERT_FALSE(map_.get_mut(1000));
    ASSERT_FALSE(map_.erase(1000));
    ASSERT_TRUE(map_.with_keys(std::vector<int>{15, 16, 17}, [](std::span<Item*> values) {
      return values[0] != nullptr && values[1] != nullptr && values[2] != nullptr;
    }));
    ASSERT_EQ(map_.len(), 20U);
    ASSERT_FALSE(map_.is_empty());
    ASSERT_GE(map_.capacity(), 20U);
    // A second layer of guards.
    const auto more = map_.get(18);
    const auto still_more = map_.get_mut(19);
    ASSERT_EQ(number(*more), stored(18));
    ASSERT_EQ(number(*still_more), stored(19));
    // Growth, far beyond what the table had room for, and back.
    for (int i = 100; i < 100 + C::many; ++i) map_.insert(i, v(i));
    ASSERT_EQ(map_.len(), 20U + C::many);
    for (int i = 100; i < 100 + C::many; ++i) ASSERT_EQ(number(*map_.get(i)), i);
    for (int i = 100; i < 100 + C::many; ++i) ASSERT_TRUE(map_.erase(i));
    ASSERT_EQ(map_.len(), 20U);
  }

  void expect_unchanged() { expect_holds(map_, expected(20)); }

  typename C::Map map_;
};

using Reentrants =
    ::testing::Types<Reentrant<int, dashmap::DefaultHash<int>>,
                     Reentrant<std::string, dashmap::DefaultHash<int>>,
                     Reentrant<int, ConstantHash>, Reentrant<std::string, ConstantHash>>;
TYPED_TEST_SUITE(Reentrancy, Reentrants, );

#define EXPECT_DEADLOCK(expression) EXPECT_THROW(static_cast<void>(expression), DeadlockError)

TYPED_TEST(Reentrancy, OtherKeysUnderARef) {
  {
    const auto held = this->map_.get(1);
    const auto* const place = &*held;
    this->use_other_keys();
    EXPECT_EQ(number(*held), stored(1));
    EXPECT_EQ(&*held, place);
    EXPECT_EQ(&*this->map_.get(1), place);
  }
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, OtherKeysUnderARefMut) {
  {
    auto held = this->map_.get_mut(1);
    this->use_other_keys();
    EXPECT_EQ(number(*held), stored(1));
    *held = this->v(5);
    this->use_other_keys();
    EXPECT_EQ(number(*held), 5);
    *held = this->v(stored(1));
  }
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, OtherKeysUnderManyGuards) {
  {
    const auto a = this->map_.get(0);
    auto b = this->map_.get_mut(1);
    const auto c = this->map_.get(2);
    const auto c_again = this->map_.get(2);
    auto d = this->map_.entry(3);
    const auto e = this->map_.get_mut(4).map([](auto& x) -> auto& { return x; });
    this->use_other_keys();
    EXPECT_EQ(number(*a), stored(0));
    EXPECT_EQ(number(*b), stored(1));
    EXPECT_EQ(number(*c), stored(2));
    EXPECT_EQ(number(*c_again), stored(2));
    EXPECT_EQ(number(d.occupied()->get()), stored(3));
    EXPECT_EQ(number(*e), stored(4));
  }
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, OtherKeysUnderAVacantEntry) {
  {
    auto entry = this->map_.entry(-500);
    this->use_other_keys();
    EXPECT_FALSE(this->map_.contains(-500));
    EXPECT_EQ(number(*std::move(entry).or_insert(this->v(1))), 1);
  }
  EXPECT_EQ(number(*this->map_.get(-500)), 1);
  EXPECT_TRUE(this->map_.erase(-500));
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, TwoVacantEntriesAtOnce) {
  {
    auto a = this->map_.entry(-500);
    auto b = this->map_.entry(-501);
    *std::move(b).or_insert(this->v(2)) = this->v(22);
    *std::move(a).or_insert(this->v(1)) = this->v(11);
  }
  EXPECT_EQ(number(*this->map_.get(-500)), 11);
  EXPECT_EQ(number(*this->map_.get(-501)), 22);
  EXPECT_EQ(this->map_.len(), 22U);
}

TYPED_TEST(Reentrancy, OtherKeysInsideClosures) {
  using V = typename TypeParam::Value;
  auto& map = this->map_;
  map.view(1, [&](const int&, const V& x) {
    this->use_other_keys();
    EXPECT_EQ(number(x), stored(1));
  });
  map.alter(1, [&](const int&, V x) {
    this->use_other_keys();
    return x;
  });
  map.compute(1, [&](std::optional<V>&) { this->use_other_keys(); });
  map.remove_if(1, [&](const int&, const V&) {
    this->use_other_keys();
    return false;
  });
  map.remove_if_mut(1, [&](const int&, V&) {
    this->use_other_keys();
    return false;
  });
  static_cast<void>(map.entry(1).and_modify([&](V&) { this->use_other_keys(); }));
  static_cast<void>(map.get_or_insert_with(-500, [&] {
    this->use_other_keys();
    return this->v(1);
  }));
  EXPECT_TRUE(map.erase(-500));
  static_cast<void>(map.entry(-500).or_insert_with([&] {
    this->use_other_keys();
    return this->v(1);
  }));
  EXPECT_TRUE(map.erase(-500));
  map.compute(-500, [&](std::optional<V>& x) {
    this->use_other_keys();
    x = this->v(1);
  });
  EXPECT_TRUE(map.erase(-500));
  map.with_keys(std::vector<int>{0, 1, -500}, [&](std::span<V*>) { this->use_other_keys(); });
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, OtherKeysUnderAnIteratorsItem) {
  using V = typename TypeParam::Value;
  auto& map = this->map_;
  int visited = 0;
  for (auto&& item : map.iter()) {
    if (item.key() >= 5) continue;
    this->use_other_keys();
    EXPECT_EQ(number(*item), stored(item.key()));
    ++visited;
  }
  EXPECT_EQ(visited, 5);
  for (auto&& item : map.iter_mut()) {
    if (item.key() >= 5) continue;
    this->use_other_keys();
    EXPECT_EQ(number(item.value_mut()), stored(item.key()));
    ++visited;
  }
  EXPECT_EQ(visited, 10);
  this->expect_unchanged();
  // Inside retain and alter_all the element in hand is the only one in the way.
  map.retain([&](const int& k, V&) {
    for (int i = 0; i < 20; ++i) {
      if (i != k) {
        EXPECT_EQ(number(*map.get(i)), stored(i));
      }
    }
    return true;
  });
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, RecursiveReads) {
  using V = typename TypeParam::Value;
  auto& map = this->map_;
  const auto held = map.get(1);
  EXPECT_EQ(&*map.get(1), &*held);
  EXPECT_TRUE(map.try_get(1).is_present());
  EXPECT_TRUE(map.try_get_for(1, 0s).is_present());
  EXPECT_EQ(map.view(1, [](const int&, const V& x) { return number(x); }), stored(1));
  EXPECT_TRUE(map.contains(1));
  EXPECT_EQ(number(*map.get_copy(1)), stored(1));
  EXPECT_EQ(number(*map.get_or_insert_with(1, [] { return make<V>(0); })), stored(1));
  EXPECT_EQ(contents(map), expected(20));
  EXPECT_EQ(map.snapshot().size(), 20U);
  EXPECT_EQ(map.clone().len(), 20U);
  int found = 0;
  map.get_many(std::vector<int>{0, 1, 2}, [&](const int&, const V* x) { found += x != nullptr; });
  EXPECT_EQ(found, 3);
  for (auto&& item : map) EXPECT_EQ(number(*map.get(item.key())), stored(item.key()));
  map.view(2, [&](const int&, const V&) { EXPECT_EQ(number(*map.get(2)), stored(2)); });
}

/// Whether a call that does not wait says that the key is not to be had: it may answer "locked",
/// and it may say that it never will be while this thread holds its guard.
template <class Call>
bool not_to_be_had(Call&& call) {
  try {
    return call();
  } catch (const DeadlockError&) {
    return true;
  }
}

/// All calls that write one key. Each must throw DeadlockError and change nothing.
template <class Map>
void expect_writes_refused(Map& map, int k) {
  using V = std::remove_cvref_t<decltype(*map.get(k))>;
  const V fresh = make<V>(1);
  int calls = 0;
  EXPECT_DEADLOCK(map.get_mut(k));
  EXPECT_DEADLOCK(map.insert(k, fresh));
  EXPECT_DEADLOCK(map.insert_or_assign(k, fresh));
  EXPECT_DEADLOCK(map.try_emplace(k, fresh));
  EXPECT_DEADLOCK(map.remove(k));
  EXPECT_DEADLOCK(map.erase(k));
  EXPECT_DEADLOCK(map.remove_if(k, [&](const int&, const V&) {
    ++calls;
    return true;
  }));
  EXPECT_DEADLOCK(map.remove_if_mut(k, [&](const int&, V&) {
    ++calls;
    return true;
  }));
  EXPECT_DEADLOCK(map.alter(k, [&](const int&, V x) {
    ++calls;
    return x;
  }));
  EXPECT_DEADLOCK(map.entry(k));
  EXPECT_DEADLOCK(map.compute(k, [&](std::optional<V>& x) {
    ++calls;
    x.reset();
  }));
  EXPECT_DEADLOCK(map.with_keys(std::vector<int>{15, k, 16}, [&](std::span<V*>) { ++calls; }));
  EXPECT_DEADLOCK(map.extend(std::vector<std::pair<int, V>>{{k, fresh}}));
  EXPECT_DEADLOCK(map.insert_many(std::vector<std::pair<int, V>>{{k, fresh}}));
  EXPECT_EQ(calls, 0) << "a closure ran although the lock was refused";
  EXPECT_TRUE(not_to_be_had([&] { return map.try_get_mut(k).is_locked(); }));
  EXPECT_TRUE(not_to_be_had([&] { return !map.try_entry(k).has_value(); }));
}

/// All calls on the whole map that write.
template <class Map>
void expect_whole_map_refused(Map& map) {
  using V = std::remove_cvref_t<decltype(*map.get(0))>;
  int calls = 0;
  EXPECT_DEADLOCK(map.clear());
  EXPECT_DEADLOCK(map.lock_all());
  EXPECT_DEADLOCK(map.retain([&](const int&, V&) {
    ++calls;
    return false;
  }));
  EXPECT_DEADLOCK(map.alter_all([&](const int&, V) {
    ++calls;
    return make<V>(0);
  }));
  EXPECT_DEADLOCK(map.par_retain([&](const int&, V&) {
    ++calls;
    return false;
  }));
  EXPECT_DEADLOCK(([&] {
    for (auto&& [k, v] : map.drain()) calls += 1 + k + number(v);
  }()));
  EXPECT_DEADLOCK(([&] {
    for (auto&& [k, v] : map.extract_if([](const int&, V&) { return true; })) {
      calls += 1 + k + number(v);
    }
  }()));
  EXPECT_EQ(calls, 0) << "something was changed before the refusal";
}

TYPED_TEST(Reentrancy, WritesOfAKeyUnderItsRefAreRefused) {
  auto& map = this->map_;
  {
    const auto held = map.get(1);
    expect_writes_refused(map, 1);
    EXPECT_EQ(number(*held), stored(1));
    this->use_other_keys();
  }
  this->expect_unchanged();
  *map.get_mut(1) = this->v(stored(1));  // free again
}

TYPED_TEST(Reentrancy, WholeMapWritesUnderARefAreRefused) {
  auto& map = this->map_;
  for (const int k : {0, 7, 19}) {
    const auto held = map.get(k);
    expect_whole_map_refused(map);
    EXPECT_EQ(number(*held), stored(k));
  }
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, AnyAccessToAKeyUnderItsRefMutIsRefused) {
  using V = typename TypeParam::Value;
  auto& map = this->map_;
  {
    auto held = map.get_mut(1);
    expect_writes_refused(map, 1);
    EXPECT_DEADLOCK(map.get(1));
    EXPECT_DEADLOCK(map.view(1, [](const int&, const V&) {}));
    EXPECT_DEADLOCK(map.get_or_insert_with(1, [] { return make<V>(0); }));
    EXPECT_TRUE(not_to_be_had([&] { return map.try_get(1).is_locked(); }));
    EXPECT_TRUE(not_to_be_had([&] { return map.try_get_mut(1).is_locked(); }));
    // Plain questions just answer.
    EXPECT_TRUE(map.contains(1));
    EXPECT_TRUE(map.contains_key(1));
    EXPECT_EQ(number(*map.get_copy(1)), stored(1));
    EXPECT_EQ(map.len(), 20U);
    EXPECT_FALSE(map.is_empty());
    EXPECT_GE(map.capacity(), 20U);
    *held = this->v(stored(1));
  }
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, WholeMapWritesUnderARefMutAreRefused) {
  auto& map = this->map_;
  {
    auto held = map.get_mut(7);
    expect_whole_map_refused(map);
    *held = this->v(stored(7));
  }
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, AnEntryIsAGuardForWriting) {
  auto& map = this->map_;
  {
    auto occupied = map.entry(1);
    EXPECT_DEADLOCK(map.get(1));
    EXPECT_DEADLOCK(map.get_mut(1));
    EXPECT_DEADLOCK(map.insert(1, this->v(0)));
    EXPECT_DEADLOCK(map.erase(1));
    EXPECT_DEADLOCK(map.entry(1));
    EXPECT_DEADLOCK(map.clear());
    EXPECT_TRUE(map.contains(1));
    EXPECT_EQ(number(*map.get_copy(1)), stored(1));
  }
  {
    auto vacant = map.entry(-500);
    EXPECT_DEADLOCK(map.insert(-500, this->v(0)));
    EXPECT_DEADLOCK(map.entry(-500));
    EXPECT_DEADLOCK(map.try_emplace(-500, this->v(0)));
    EXPECT_DEADLOCK(map.clear());
    EXPECT_FALSE(map.contains(-500));
    EXPECT_FALSE(map.get_copy(-500).has_value());
    EXPECT_EQ(map.len(), 20U);
  }
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, ClosuresCountAsGuards) {
  using V = typename TypeParam::Value;
  auto& map = this->map_;
  if constexpr (std::is_same_v<V, std::string>) {  // numbers are viewed without a lock
    map.view(1, [&](const int&, const V& x) {
      EXPECT_DEADLOCK(map.insert(1, make<V>(0)));
      EXPECT_DEADLOCK(map.erase(1));
      EXPECT_DEADLOCK(map.clear());
      EXPECT_EQ(number(x), stored(1));
    });
  }
  map.alter(1, [&](const int&, V x) {
    EXPECT_DEADLOCK(map.get(1));
    EXPECT_DEADLOCK(map.insert(1, make<V>(0)));
    EXPECT_DEADLOCK(map.clear());
    EXPECT_TRUE(map.contains(1));
    return x;
  });
  map.compute(1, [&](std::optional<V>&) {
    EXPECT_DEADLOCK(map.get(1));
    EXPECT_DEADLOCK(map.compute(1, [](std::optional<V>&) {}));
    EXPECT_DEADLOCK(map.clear());
    EXPECT_EQ(map.len(), 20U);
  });
  map.remove_if(1, [&](const int&, const V&) {
    EXPECT_DEADLOCK(map.erase(1));
    EXPECT_DEADLOCK(map.clear());
    return false;
  });
  static_cast<void>(map.entry(1).and_modify([&](V&) {
    EXPECT_DEADLOCK(map.get(1));
    EXPECT_DEADLOCK(map.clear());
  }));
  static_cast<void>(map.get_or_insert_with(-500, [&] {
    EXPECT_DEADLOCK(map.get_or_insert_with(-500, [] { return make<V>(0); }));
    EXPECT_DEADLOCK(map.insert(-500, make<V>(0)));
    EXPECT_FALSE(map.contains(-500));
    return make<V>(1);
  }));
  EXPECT_TRUE(map.erase(-500));
  map.retain([&](const int& k, V&) {
    EXPECT_DEADLOCK(map.get_mut(k));
    EXPECT_DEADLOCK(map.erase(k));
    EXPECT_DEADLOCK(map.clear());
    EXPECT_TRUE(map.contains(k));
    return true;
  });
  map.with_keys(std::vector<int>{1, 2}, [&](std::span<V*>) {
    EXPECT_DEADLOCK(map.get(1));
    EXPECT_DEADLOCK(map.insert(2, make<V>(0)));
    EXPECT_DEADLOCK(map.clear());
  });
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, AnIteratorsItemIsAGuard) {
  auto& map = this->map_;
  for (auto&& item : map) {
    const int k = item.key();
    EXPECT_EQ(number(*map.get(k)), stored(k));
    EXPECT_DEADLOCK(map.get_mut(k));
    EXPECT_DEADLOCK(map.erase(k));
    EXPECT_DEADLOCK(map.insert(k, this->v(0)));
    EXPECT_DEADLOCK(map.clear());
  }
  for (auto&& item : map.iter_mut()) {
    const int k = item.key();
    EXPECT_DEADLOCK(map.get(k));
    EXPECT_DEADLOCK(map.erase(k));
    EXPECT_DEADLOCK(map.clear());
    EXPECT_TRUE(map.contains(k));
  }
  this->expect_unchanged();
  map.clear();
  EXPECT_TRUE(map.is_empty());
}

TYPED_TEST(Reentrancy, ReleaseMakesTheKeyFree) {
  auto& map = this->map_;
  std::optional first(map.get(1));
  std::optional second(map.get(1));
  EXPECT_DEADLOCK(map.insert(1, this->v(0)));
  first.reset();
  EXPECT_DEADLOCK(map.insert(1, this->v(0)));
  second.reset();
  map.insert(1, this->v(5));
  EXPECT_EQ(number(*map.get(1)), 5);
  auto writer = map.get_mut(1);
  EXPECT_DEADLOCK(map.get(1));
  const auto reader = std::move(writer).downgrade();
  EXPECT_EQ(number(*map.get(1)), 5);
  EXPECT_DEADLOCK(map.get_mut(1));
}

TYPED_TEST(Reentrancy, ReleaseInAnyOrder) {
  auto& map = this->map_;
  std::optional a(map.get_mut(0));
  std::optional b(map.get(1));
  std::optional c(map.get_mut(2));
  std::optional d(map.get(3));
  b.reset();
  *map.get_mut(1) = this->v(1);
  EXPECT_DEADLOCK(map.get(0));
  a.reset();
  *map.get_mut(0) = this->v(0);
  d.reset();
  EXPECT_DEADLOCK(map.get(2));
  c.reset();
  map.clear();
  EXPECT_TRUE(map.is_empty());
  on_another_thread([&] { map.insert(1, make<typename TypeParam::Value>(1)); });
  EXPECT_EQ(map.len(), 1U);
}

TYPED_TEST(Reentrancy, ARefusedCallLeavesNoLockBehind) {
  auto& map = this->map_;
  {
    const auto held = map.get(1);
    EXPECT_DEADLOCK(map.insert(1, this->v(0)));
    EXPECT_DEADLOCK(map.with_keys(std::vector<int>{1, 2, 3, 4}, [](auto) {}));
    EXPECT_DEADLOCK(map.lock_all());
    EXPECT_DEADLOCK(map.clear());
  }
  on_another_thread([&] {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(map.try_get_mut(i).is_present()) << i;
    map.insert(1000, make<typename TypeParam::Value>(1));
    map.clear();
  });
  EXPECT_TRUE(map.is_empty());
}

TYPED_TEST(Reentrancy, OtherMapsAreNotInTheWay) {
  using Map = typename TypeParam::Map;
  auto& map = this->map_;
  Map other;
  other.insert(1, this->v(1));
  {
    const auto held = map.get(1);
    *other.get_mut(1) = this->v(2);
    other.retain([](const int&, auto&) { return true; });
    other.clear();
    EXPECT_TRUE(other.is_empty());
    other.insert(1, this->v(3));
    {
      const auto all = other.lock_all();
    }
  }
  this->expect_unchanged();
}

TYPED_TEST(Reentrancy, TimedCallsOnAnOwnKeyDoNotWaitForEver) {
  auto& map = this->map_;
  const auto held = map.get_mut(1);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(not_to_be_had([&] { return map.try_get_for(1, 20ms).is_locked(); }));
  EXPECT_TRUE(not_to_be_had([&] { return map.try_get_mut_for(1, 20ms).is_locked(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
}

TYPED_TEST(Reentrancy, LockAllCountsAsAGuardOnEveryKey) {
  auto& map = this->map_;
  {
    const auto all = map.lock_all();
    EXPECT_DEADLOCK(map.insert(1, this->v(0)));
    EXPECT_DEADLOCK(map.clear());
    EXPECT_TRUE(map.contains(1));
    EXPECT_EQ(map.len(), 20U);
  }
  this->expect_unchanged();
}

TEST(DeadlockErrors, AreSystemErrors) {
  DashMap<std::string, int> map{{"a", 1}};
  const auto held = map.get("a");
  static_assert(std::is_base_of_v<std::system_error, DeadlockError>);
  try {
    map.insert("a", 2);
    FAIL() << "no error";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::resource_deadlock_would_occur);
    const std::string text = error.what();
    EXPECT_NE(text.find("insert"), std::string::npos) << text;
    EXPECT_NE(text.find("Ref"), std::string::npos) << text;
  }
}

TEST(DeadlockErrors, NameTheOperationAndWhatIsInItsWay) {
  DashMap<int, int> map{{1, 1}, {2, 2}};
  auto text = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const DeadlockError& error) {
      return error.what();
    }
    return "no error";
  };
  {
    const auto held = map.get_mut(1);
    const std::string message = text([&] { map.erase(1); });
    EXPECT_NE(message.find("erase"), std::string::npos) << message;
    EXPECT_NE(message.find("RefMut"), std::string::npos) << message;
  }
  {
    const auto held = map.entry(3);
    const std::string message = text([&] { map.clear(); });
    EXPECT_NE(message.find("clear"), std::string::npos) << message;
    EXPECT_NE(message.find("Entry"), std::string::npos) << message;
  }
}

TEST(DeadlockErrors, NameEachOperationAsItIsCalled) {
  DashMap<int, int> map{{1, 1}};
  const auto held = map.get_mut(1);
  const auto expect_named = [](const std::string& name, auto&& call) {
    try {
      call();
      ADD_FAILURE() << name << " was not refused";
    } catch (const DeadlockError& error) {
      const std::string text = error.what();
      EXPECT_EQ(text.find("dashmap: " + name + " "), 0U) << text;
    }
  };
  auto shard = map.shards()[map.determine_map(1)];
  expect_named("alter", [&] { static_cast<void>(map.alter(1, [](int, int v) { return v; })); });
  expect_named("clear", [&] { static_cast<void>(map.clear()); });
  expect_named("compute", [&] { static_cast<void>(map.compute(1, [](auto&) {})); });
  expect_named("entry", [&] { static_cast<void>(map.entry(1)); });
  expect_named("get", [&] { static_cast<void>(map.get(1)); });
  expect_named("get_mut", [&] { static_cast<void>(map.get_mut(1)); });
  expect_named("insert", [&] { static_cast<void>(map.insert(1, 2)); });
  expect_named("lock_all", [&] { static_cast<void>(map.lock_all()); });
  expect_named("remove", [&] { static_cast<void>(map.remove(1)); });
  expect_named("retain", [&] { static_cast<void>(map.retain([](int, int) { return true; })); });
  expect_named("shard.read", [&] { static_cast<void>(shard.read()); });
  expect_named("shard.write", [&] { static_cast<void>(shard.write()); });
  expect_named("snapshot", [&] { static_cast<void>(map.snapshot()); });
  expect_named("try_emplace", [&] { static_cast<void>(map.try_emplace(1, 2)); });

  dashmap::DashSet<int> set{1};
  const auto key = set.get(1);
  expect_named("par_for_each", [&] { set.par_for_each([](int) {}); });
  expect_named("par_retain", [&] { set.par_retain([](int) { return true; }); });
}

TEST(ReentrancyOfReads, ACountingLoopThatHoldsEveryGuard) {
  DashMap<int, std::string> map;
  for (int i = 0; i < 3000; ++i) map.insert(i, std::to_string(i));
  {
    std::vector<decltype(map.get_mut(0))> guards;
    for (int i = 0; i < 3000; ++i) guards.push_back(map.get_mut(i));
    for (int i = 3000; i < 6000; ++i) map.insert(i, std::to_string(i));
    for (int i = 0; i < 3000; ++i) *guards[static_cast<std::size_t>(i)] += "!";
    EXPECT_DEADLOCK(map.get(1234));
  }
  EXPECT_EQ(map.len(), 6000U);
  for (int i = 0; i < 3000; ++i) EXPECT_EQ(*map.get(i), std::to_string(i) + "!");
}

TEST(ReentrancyOfReads, AnElementInsertedUnderAGuardOfItsGroupCanBeGuardedToo) {
  DashMap<int, int, ConstantHash> map;
  map.insert(0, 0);
  const auto held = map.get(0);
  auto fresh = map.try_emplace(1, 10).first;
  EXPECT_DEADLOCK(map.get(1));
  EXPECT_DEADLOCK(map.get_mut(0));
  EXPECT_EQ(*map.get(0), 0);
  *fresh = 11;
  EXPECT_EQ(*fresh, 11);
}

// Eight elements are one group.
dashmap::DashMap<int, int> one_group() {
  dashmap::DashMap<int, int> map;
  for (int k = 0; k < 8; ++k) map.insert(k, k);
  return map;
}

TEST(ReentrancyOfPasses, WhatTheClosureRemovedIsNotMet) {
  auto map = one_group();
  int met = 0;
  map.retain([&](const int& k, int&) {
    ++met;
    for (int other = 0; other < 8; ++other) {
      if (other != k) {
        EXPECT_TRUE(map.erase(other));
      }
    }
    return true;
  });
  EXPECT_EQ(met, 1);
  EXPECT_EQ(map.len(), 1);
}

TEST(ReentrancyOfPasses, WhatTheClosureKeepsInItsHandsIsRefused) {
  auto map = one_group();
  std::optional<dashmap::RefMut<int, int>> kept;
  int met = 0;
  EXPECT_DEADLOCK(map.alter_all([&](const int& k, int x) {
    ++met;
    if (!kept) kept.emplace(map.get_mut(k == 0 ? 1 : 0));
    return x + 100;
  }));
  EXPECT_LT(met, 8);
  const int untouched = kept->key();
  EXPECT_EQ(**kept, untouched);
  kept.reset();
  EXPECT_EQ(map.get_copy(untouched), untouched);
}

// A value whose copies look into the map.
struct Curious {
  explicit Curious(int x) : number(x) {}
  Curious(const Curious& other) : number(other.number) {
    if (on_copy) on_copy();
  }
  Curious(Curious&& other) noexcept : number(other.number) {}
  Curious& operator=(const Curious&) = default;
  Curious& operator=(Curious&&) noexcept = default;
  ~Curious() = default;

  int number;
  inline static std::function<void()> on_copy;
};

TEST(ReentrancyOfCopies, AValueThatAsksForItsOwnKeyIsRefused) {
  DashMap<int, Curious> map;
  map.insert(1, Curious(10));
  Curious::on_copy = [&] { static_cast<void>(map.get(1)); };
  // Not noexcept: what the closures get is a copy.
  EXPECT_DEADLOCK(map.compute(1, [](std::optional<Curious>& value) { value->number = 20; }));
  EXPECT_DEADLOCK(map.alter(1, [](int, Curious value) { return Curious(value.number + 1); }));
  Curious::on_copy = nullptr;
  EXPECT_EQ(map.get(1)->number, 10);
}

TEST(DumpLocks, ShowsWhatIsHeld) {
  DashMap<int, std::string> map{{1, "a"}, {2, "b"}};
  std::ostringstream before;
  map.dump_locks(before);
  std::ostringstream during;
  {
    const auto held = map.get_mut(1);
    map.dump_locks(during);
  }
  std::ostringstream after;
  map.dump_locks(after);
  EXPECT_NE(during.str().find("RefMut"), std::string::npos) << during.str();
  EXPECT_EQ(before.str().find("RefMut"), std::string::npos) << before.str();
  EXPECT_EQ(after.str().find("RefMut"), std::string::npos) << after.str();
}

}  // namespace
