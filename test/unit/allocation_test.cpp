// What allocates and what does not, and what happens when an allocation of the library's own fails.
// This file replaces the global operator new by one that counts, and fails on request; for all
// other tests of the program it is an ordinary one.
#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

// Kept out of line, so that no compiler matches malloc here with free there across operator new.
#if defined(__GNUC__)
#define DASHMAP_TEST_NOINLINE [[gnu::noinline]]
#else
#define DASHMAP_TEST_NOINLINE
#endif

namespace {

thread_local std::size_t allocations = 0;
thread_local std::size_t until_failure = 0;  // the how-manieth from now fails; 0: none

DASHMAP_TEST_NOINLINE void* counted(std::size_t bytes, std::size_t alignment) noexcept {
  ++allocations;
  if (until_failure != 0 && --until_failure == 0) return nullptr;
  if (bytes == 0) bytes = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(bytes);
#if defined(_WIN32)
  return _aligned_malloc(bytes, alignment);
#else
  void* place = nullptr;
  return posix_memalign(&place, alignment, bytes) == 0 ? place : nullptr;
#endif
}

DASHMAP_TEST_NOINLINE void release(void* place) noexcept { std::free(place); }

DASHMAP_TEST_NOINLINE void release_aligned(void* place,
                                           [[maybe_unused]] std::size_t alignment) noexcept {
#if defined(_WIN32)
  if (alignment > alignof(std::max_align_t)) {
    _aligned_free(place);
    return;
  }
#endif
  std::free(place);
}

}  // namespace

void* operator new(std::size_t bytes) {
  if (void* const place = counted(bytes, 0)) return place;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return ::operator new(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes, 0); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return counted(bytes, 0);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (void* const place = counted(bytes, static_cast<std::size_t>(alignment))) return place;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return ::operator new(bytes, alignment);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment,
                     const std::nothrow_t&) noexcept {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* place) noexcept { release(place); }
void operator delete[](void* place) noexcept { release(place); }
void operator delete(void* place, std::size_t) noexcept { release(place); }
void operator delete[](void* place, std::size_t) noexcept { release(place); }
void operator delete(void* place, const std::nothrow_t&) noexcept { release(place); }
void operator delete[](void* place, const std::nothrow_t&) noexcept { release(place); }
void operator delete(void* place, std::align_val_t alignment) noexcept {
  release_aligned(place, static_cast<std::size_t>(alignment));
}
void operator delete[](void* place, std::align_val_t alignment) noexcept {
  release_aligned(place, static_cast<std::size_t>(alignment));
}
void operator delete(void* place, std::size_t, std::align_val_t alignment) noexcept {
  release_aligned(place, static_cast<std::size_t>(alignment));
}
void operator delete[](void* place, std::size_t, std::align_val_t alignment) noexcept {
  release_aligned(place, static_cast<std::size_t>(alignment));
}
void operator delete(void* place, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  release_aligned(place, static_cast<std::size_t>(alignment));
}
void operator delete[](void* place, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  release_aligned(place, static_cast<std::size_t>(alignment));
}

namespace {

using dashmap::DashMap;
using dashmap::DashSet;

/// How often `work()` allocates on this thread.
template <class Work>
std::size_t allocations_of(Work&& work) {
  const std::size_t before = allocations;
  work();
  return allocations - before;
}

constexpr std::string_view long_key = "a key that is far too long for any small-string buffer";
constexpr const char* long_literal = "another key that is far too long for any small buffer";

TEST(Allocation, TheCounterCounts) {
  EXPECT_EQ(allocations_of([] { const auto p = std::make_unique<int>(1); }), 1U);
  EXPECT_EQ(allocations_of([] { const std::string s(long_key); }), 1U);
  EXPECT_EQ(allocations_of([] {}), 0U);
}

TEST(Allocation, EmptyMapsOwnNoMemory) {
  {
    const DashMap<int, int> first;
  }  // what a process or thread needs once is not the map's
  std::vector<DashMap<int, int>> maps;
  EXPECT_EQ(allocations_of([&] { std::vector<DashMap<int, int>>(100'000).swap(maps); }), 1U)
      << "the vector allocates once, 100,000 empty maps never";
  EXPECT_EQ(allocations_of([&] {
              for (auto& map : maps) {
                EXPECT_EQ(map.len(), 0U);
                EXPECT_FALSE(map.contains(1));
                EXPECT_FALSE(map.get(1));
                EXPECT_FALSE(map.get_mut(1));
                EXPECT_FALSE(map.erase(1));
                map.clear();
                map.retain([](const int&, int&) { return true; });
                map.shrink_to_fit();
                for (auto&& item : map) ADD_FAILURE() << item.key();
              }
            }),
            0U);
  EXPECT_EQ(allocations_of([&] {
              for (std::size_t i = 1; i < maps.size(); ++i) {
                DashMap<int, int> moved(std::move(maps[i]));
                maps[i - 1] = std::move(moved);
                maps[i - 1].swap(maps[i]);
              }
            }),
            0U);
  EXPECT_EQ(allocations_of([] { const DashMap<std::string, std::string> other; }), 0U);
  EXPECT_EQ(allocations_of([] { const DashSet<int> set; }), 0U);
}

// It takes another way through the code than those that follow.
TEST(Allocation, AThreadsFirstOperationLeavesAnEmptyMapEmpty) {
  using Map = DashMap<int, std::string>;
  const std::vector<std::function<void(Map&)>> operations = {
      [](Map& map) { EXPECT_FALSE(map.contains(1)); },
      [](Map& map) { EXPECT_FALSE(map.get_copy(1)); },
      [](Map& map) { EXPECT_FALSE(map.get(1)); },
      [](Map& map) { EXPECT_FALSE(map.get_mut(1)); },
      [](Map& map) { EXPECT_TRUE(map.try_get_mut(1).is_absent()); },
      [](Map& map) { EXPECT_FALSE(map.alter(1, [](int, std::string s) { return s; })); },
      [](Map& map) { EXPECT_FALSE(map.erase(1)); },
      [](Map& map) { EXPECT_FALSE(map.remove(1)); },
      [](Map& map) { map.clear(); },
      [](Map& map) { map.retain([](int, std::string&) { return true; }); },
  };
  for (std::size_t i = 0; i < operations.size(); ++i) {
    Map map;
    std::thread([&] { operations[i](map); }).join();
    EXPECT_EQ(map.capacity(), 0U) << "operation " << i;
  }
}

// A thread's first operation and first guard, and a guard more than it has room to note, allocate
// what is not the map's. Each of these allocations fails once.
TEST(Allocation, AFailureOnAThreadsFirstUseChangesNothing) {
  using Map = DashMap<int, int>;
  static constexpr int keys = 100;
  const std::vector<std::function<void(Map&)>> operations = {
      [](Map& map) { EXPECT_TRUE(map.contains(1)); },
      [](Map& map) { EXPECT_EQ(map.get_copy(1), 1); },
      [](Map& map) { EXPECT_EQ(*map.get(1), 1); },
      [](Map& map) { EXPECT_EQ(*map.get_mut(1), 1); },
      [](Map& map) { EXPECT_EQ(*map.entry(1).or_insert(2), 1); },
      [](Map& map) { EXPECT_TRUE(map.entry(-1).vacant()); },
      [](Map& map) { EXPECT_EQ(map.insert(1, 1), 1); },
      [](Map& map) { EXPECT_TRUE(map.alter(1, [](int, int v) { return v; })); },
      [](Map& map) { EXPECT_FALSE(map.erase(-1)); },
      [](Map& map) { EXPECT_EQ(map.with_keys({1, 2}, [](auto v) { return v.size(); }), 2U); },
      [](Map& map) { EXPECT_EQ(map.snapshot().size(), std::size_t{keys}); },
      [](Map& map) { EXPECT_EQ(map.lock_all().len(), std::size_t{keys}); },
      [](Map& map) { EXPECT_TRUE(map.view(1, [&](int, int) { map.contains(2); })); },
      [](Map& map) {
        int seen = 0;
        for (auto&& item : map) seen += item.key() == item.value() ? 1 : 0;
        EXPECT_EQ(seen, keys);
      },
      [](Map& map) {
        for (auto&& item : map.iter_mut()) EXPECT_EQ(item.key(), item.value());
      },
      [](Map& map) {
        std::vector<decltype(map.get(1))> guards;
        for (int key = 0; key < keys; ++key) guards.push_back(map.get(key));
      },
  };
  Map map;
  for (int key = 0; key < keys; ++key) map.insert(key, key);
  // Threads that live on, for one that ends leaves the next what it had allocated.
  std::promise<void> over;
  const std::shared_future<void> end = over.get_future().share();
  std::vector<std::thread> threads;
  std::size_t failures = 0;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    bool failed = true;
    for (std::size_t nth = 1; failed && nth < 200; ++nth) {
      std::promise<bool> outcome;
      std::future<bool> result = outcome.get_future();
      threads.emplace_back([&, nth, end, done = std::move(outcome)]() mutable {
        bool thrown = false;
        until_failure = nth;
        try {
          operations[i](map);
        } catch (const std::bad_alloc&) {
          thrown = true;
        }
        until_failure = 0;
        done.set_value(thrown);
        end.wait();
      });
      failed = result.get();
      failures += failed ? 1 : 0;
      EXPECT_EQ(map.len(), std::size_t{keys});
      for (int key = 0; key < keys; ++key) {
        const auto guard = map.try_get_mut(key);
        EXPECT_TRUE(guard.is_present()) << "operation " << i << ", allocation " << nth;
      }
    }
    EXPECT_FALSE(failed) << "operation " << i;
  }
  EXPECT_GT(failures, operations.size());
  over.set_value();
  for (std::thread& thread : threads) thread.join();
}

TEST(Allocation, LookupsByViewOrLiteralNeverAllocate) {
  DashMap<std::string, int> map;
  map.insert(long_key, 1);
  map.insert(long_literal, 2);
  const std::string_view absent = "a key that is not there and too long for a small buffer too";
  const auto use = [&](const auto& k, bool there) {
    EXPECT_EQ(static_cast<bool>(map.get(k)), there);
    EXPECT_EQ(static_cast<bool>(map.get_mut(k)), there);
    EXPECT_EQ(map.try_get(k).is_present(), there);
    EXPECT_EQ(map.try_get_mut(k).is_present(), there);
    EXPECT_EQ(map.contains(k), there);
    EXPECT_EQ(map.contains_key(k), there);
    EXPECT_EQ(map.get_copy(k).has_value(), there);
    EXPECT_EQ(map.view(k, [](const std::string&, const int&) {}), there);
    EXPECT_EQ(map.alter(k, [](const std::string&, int v) { return v; }), there);
    EXPECT_FALSE(map.remove_if(k, [](const std::string&, const int&) { return false; }));
    EXPECT_FALSE(map.remove_if_mut(k, [](const std::string&, int&) { return false; }));
    static_cast<void>(map.hash_usize(k));
    static_cast<void>(map.determine_map(k));
  };
  use(long_key, true);  // what a thread needs once is got here
  EXPECT_EQ(allocations_of([&] { use(long_key, true); }), 0U);
  EXPECT_EQ(allocations_of([&] { use(long_literal, true); }), 0U);
  EXPECT_EQ(allocations_of([&] { use(absent, false); }), 0U);
  EXPECT_EQ(allocations_of([&] {
              use("a literal in place that is also much too long for a small buffer", false);
            }),
            0U);
}

TEST(Allocation, KeysAreBuiltOnlyWhenTheyAreInserted) {
  DashMap<std::string, int> map;
  map.insert(long_key, 1);
  static_cast<void>(map.entry(long_key).or_insert(1));
  EXPECT_EQ(allocations_of([&] {
              EXPECT_EQ(map.insert(long_key, 2), std::optional<int>(1));
              EXPECT_FALSE(map.insert_or_assign(long_key, 3));
              EXPECT_FALSE(map.try_emplace(long_key, 4).second);
              EXPECT_EQ(*map.entry(long_key).or_insert(5), 3);
              static_cast<void>(map.entry(long_key).and_modify([](int& v) { ++v; }));
              EXPECT_EQ(*map.get_or_insert_with(long_key, [] { return 6; }), 4);
              map.compute(long_key, [](std::optional<int>& v) { ++*v; });
              {
                const auto vacant = map.entry(long_literal);
              }
              map.compute(long_literal, [](std::optional<int>&) {});
              EXPECT_TRUE(map.try_entry(long_key).has_value());
            }),
            0U);
  EXPECT_EQ(*map.get(long_key), 5);
  EXPECT_EQ(allocations_of([&] { map.insert(long_literal, 1); }), 1U) << "the key, once";
  EXPECT_TRUE(map.erase(long_literal));
  EXPECT_EQ(allocations_of([&] { static_cast<void>(map.entry(long_literal).or_insert(1)); }), 1U);
  EXPECT_TRUE(map.erase(long_literal));
  EXPECT_EQ(allocations_of([&] { map.try_emplace(long_literal, 1); }), 1U);
}

TEST(Allocation, SetsLookUpWithoutAllocating) {
  DashSet<std::string> set;
  set.insert(long_key);
  static_cast<void>(set.get(long_key));
  EXPECT_EQ(allocations_of([&] {
              EXPECT_TRUE(set.contains(long_key));
              EXPECT_FALSE(set.contains(long_literal));
              EXPECT_TRUE(set.get(long_key));
              EXPECT_FALSE(set.insert(long_key));
              EXPECT_FALSE(set.erase(long_literal));
            }),
            0U);
}

TEST(Allocation, UpdatesOfAMapWithRoomNeverAllocate) {
  auto map = DashMap<std::uint64_t, std::uint64_t>::with_capacity(1000);
  map.insert(0, 0);
  {
    const auto warm = map.get(0);
  }
  EXPECT_EQ(allocations_of([&] {
              for (std::uint64_t round = 0; round < 3; ++round) {
                for (std::uint64_t i = 0; i < 500; ++i) map.insert(i, i + round);
                for (std::uint64_t i = 0; i < 500; ++i) *map.get_mut(i) += 1;
                for (std::uint64_t i = 0; i < 500; i += 2) EXPECT_TRUE(map.erase(i));
              }
            }),
            0U)
      << "a half-full map allocated";
}

TEST(Allocation, IterationNeverAllocates) {
  DashMap<int, int> map;
  for (int i = 0; i < 1000; ++i) map.insert(i, i);
  const std::size_t iterating = allocations_of([&] {
    long sum = 0;
    for (auto&& item : map) sum += item.value();
    EXPECT_EQ(sum, 499'500);
  });
  EXPECT_EQ(iterating, 0U) << "iteration allocated";
}

// As much as one group needs, not as much as all do: what is taken out of a group is destroyed
// before the next one is entered, and its place used again.
TEST(Allocation, SweepsNeedNoMemoryForEachGroup) {
  using Map = DashMap<std::uint64_t, std::unique_ptr<int>>;
  const auto fill = [](Map& map) {
    for (std::uint64_t i = 0; i < 20'000; ++i) map.insert(i, std::make_unique<int>(1));
  };
  constexpr std::size_t few = 200;  // groups with a chain need a second chunk for a moment
  Map map;
  fill(map);
  const auto keep_pointer = [](const auto&, std::unique_ptr<int> value) { return value; };
  EXPECT_LT(allocations_of([&] { map.alter_all(keep_pointer); }), few);
  EXPECT_LT(allocations_of([&] { map.retain([](auto&, auto& value) { return *value == 0; }); }),
            few);
  EXPECT_TRUE(map.is_empty());
  fill(map);
  EXPECT_LT(allocations_of([&] { map.clear(); }), few);
  EXPECT_TRUE(map.is_empty());
}

}  // namespace
