// Memory: readers never meet a freed table, every object is destroyed once, and a map that has
// shrunk gives its memory back while it lives.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#endif

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::Background;
using stress::Census;
using stress::number;
using stress::phase;
using stress::Rng;
using stress::Rounds;
using stress::run_threads;
using stress::scaled;
using stress::stopped;
using stress::Subject;
using stress::u64;

template <class S>
class ReclamationTest : public stress::StressTest {
 protected:
  void SetUp() override {
    StressTest::SetUp();
    Census::reset();
  }
  void TearDown() override {
    EXPECT_EQ(Census::alive.load(), 0) << "leaked, or destroyed twice";
    EXPECT_EQ(Census::broken.load(), 0U) << "used after destruction";
    StressTest::TearDown();
  }
};

using Subjects = ::testing::Types<stress::Numbers, stress::Texts, Subject<u64, stress::Counted>,
                                  Subject<u64, stress::Large>>;
TYPED_TEST_SUITE(ReclamationTest, Subjects);

// Readers spin on the same keys while the table under them is replaced over and over.
TYPED_TEST(ReclamationTest, ReadersNeverMeetAFreedTable) {
  using S = TypeParam;
  constexpr u64 stable = 40;
  const u64 peak = scaled(sizeof(typename S::Value) > 512 ? 6'000 : 30'000, 1500);
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  for (u64 n = 0; n < stable; ++n) map.insert(S::key(n), S::value(n));
  stress::Violations violations;
  {
    const auto read = [&](u64 salt) {
      return [&, salt](const std::atomic<bool>& stop) {
        Rng rng = stress::random_for(salt);
        while (!stopped(stop)) {
          const u64 n = rng.below(stable);
          const auto copy = map.get_copy(S::key(n));
          violations.expect(copy && number(*copy) == n, "lost or wrong", n);
          violations.expect(map.contains(S::key(n)), "lost", n);
          const auto seen =
              map.view(S::key(n), [](const auto&, const auto& v) { return number(v); });
          violations.expect(seen == n, "view: lost or wrong", n);
          if (rng.one_in(64)) {
            u64 last = 0;
            for (auto item : map.iter()) last = number(item.value());
            violations.expect(last != stress::damaged, "iter: damaged");
          }
        }
      };
    };
    Background first(read(1));
    Background second(read(2));
    phase("growing and shrinking");
    Rng rng = stress::random_for(0);
    for (Rounds rounds(12); rounds.next();) {
      for (u64 n = stable; n < peak; ++n) map.insert(S::key(n), S::value(n));
      switch (rng.below(3)) {
        case 0:
          for (u64 n = stable; n < peak; ++n) map.erase(S::key(n));
          break;
        case 1: map.retain([](const auto& key, auto&) { return number(key) < stable; }); break;
        default: {
          u64 gone = 0;
          for ([[maybe_unused]] auto&& pair :
               map.extract_if([](const auto& key, const auto&) { return number(key) >= stable; })) {
            ++gone;
          }
          EXPECT_EQ(gone, peak - stable);
        }
      }
      map.shrink_to_fit();
      EXPECT_EQ(map.len(), stable);
      if (rng.one_in(2)) map.reserve(peak);
    }
    phase("stopping the readers");
  }
  EXPECT_NO_VIOLATIONS(violations);
}

// Every way by which a value enters, leaves or moves, from several threads.
TYPED_TEST(ReclamationTest, EveryValueIsDestroyedOnce) {
  using S = TypeParam;
  using Value = typename S::Value;
  const u64 keys = 300;
  const u64 times = scaled(20'000, 500);
  {
    typename S::Map map;
    const auto reporter = this->dump_on_hang(map);
    stress::Churn<S> churn(map, 1000, sizeof(Value) > 512 ? 200 : 1000);
    phase("inserting and removing");
    run_threads(3, [&](unsigned thread) {
      Rng rng = stress::random_for(thread);
      for (u64 i = 0; i < times; ++i) {
        const u64 n = rng.below(keys);
        const auto key = S::key(n);
        switch (rng.below(14)) {
          case 0:
          case 1: map.insert(key, S::value(n)); break;
          case 2: map.insert_or_assign(key, S::value(n)); break;
          case 3: map.try_emplace(key, S::value(n)); break;
          case 4: static_cast<void>(map.entry(key).or_insert(S::value(n))); break;
          case 5:
            static_cast<void>(map.get_or_insert_with(key, [&] { return S::value(n); }));
            break;
          case 6: map.remove(key); break;
          case 7: map.erase(key); break;
          case 8:
            map.remove_if(key,
                          [](const auto&, const Value& value) { return number(value) % 2 == 0; });
            break;
          case 9: map.alter(key, [](const auto&, Value value) { return value; }); break;
          case 10:
            map.compute(key, [&](std::optional<Value>& value) {
              if (value) {
                value.reset();
              } else {
                value = S::value(n);
              }
            });
            break;
          case 11: {
            auto entry = map.entry(key);
            if (entry.is_occupied()) entry.occupied()->remove_entry();
            break;
          }
          case 12:
            if (rng.one_in(400)) map.clear();
            break;
          default:
            if (rng.one_in(100)) {
              const auto copy = map.clone();
              static_cast<void>(copy.len());
            } else if (rng.one_in(100)) {
              for (auto&& pair : map.drain()) {
                static_cast<void>(pair);
                if (rng.one_in(16)) break;  // the rest of a drain goes, too
              }
            } else {
              static_cast<void>(map.get_copy(key));
            }
        }
      }
    });
    phase("stopping the churn");
    churn.finish();
    phase("destroying");
  }
}

TYPED_TEST(ReclamationTest, MovedAndSwappedMapsDestroyTheirValuesOnce) {
  using S = TypeParam;
  for (Rounds rounds(20); rounds.next();) {
    typename S::Map one;
    run_threads(2, [&](unsigned thread) {
      for (u64 n = 0; n < 200; ++n) one.insert(S::key(n * 2 + thread), S::value(n));
    });
    typename S::Map two(std::move(one));
    EXPECT_EQ(two.len(), 400U);
    typename S::Map three;
    three.insert(S::key(7), S::value(7));
    three.swap(two);
    EXPECT_EQ(three.len(), 400U);
    EXPECT_EQ(two.len(), 1U);
    two = std::move(three);
    EXPECT_EQ(two.len(), 400U);
    auto view = std::move(two).into_read_only();
    EXPECT_EQ(view.len(), 400U);
    auto back = std::move(view).into_inner();
    run_threads(2, [&](unsigned thread) {
      for (u64 n = 0; n < 200; ++n) EXPECT_TRUE(back.erase(S::key(n * 2 + thread)));
    });
    EXPECT_TRUE(back.is_empty());
  }
}

// A map that dies while other maps are in full use, thousands of times: its tables must not be
// freed too early, nor wait for ever.
TYPED_TEST(ReclamationTest, ShortLivedMapsBesideALongLivedOne) {
  using S = TypeParam;
  typename S::Map lasting;
  stress::Churn<S> churn(lasting, 0, 300);
  run_threads(2, [&](unsigned thread) {
    for (u64 i = 0; i < scaled(2000, 100); ++i) {
      typename S::Map map;
      for (u64 n = 0; n < 20 + thread; ++n) map.insert(S::key(n), S::value(n));
      EXPECT_EQ(map.len(), 20 + thread);
      static_cast<void>(lasting.get_copy(S::key(i % 300)));
    }
  });
}

#if defined(__linux__)

/// Resident memory of this process in bytes.
std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

constexpr std::int64_t mebibyte = 1 << 20;

class ResidentMemoryTest : public stress::StressTest {
 protected:
  void SetUp() override {
    StressTest::SetUp();
#if defined(__GLIBC__)
    // Else each thread has an arena, in which the library keeps megabytes of what was freed.
    mallopt(M_ARENA_MAX, 1);
#endif
  }
};

void fill_and_empty(stress::Numbers::Map& map, u64 total) {
  constexpr unsigned threads = 4;
  phase("filling");
  run_threads(threads, [&](unsigned thread) {
    for (u64 n = thread; n < total; n += threads) map.insert(n, n);
  });
  EXPECT_EQ(map.len(), total);
  phase("emptying");
  run_threads(threads, [&](unsigned thread) {
    for (u64 n = thread; n < total; n += threads) map.erase(n);
  });
  EXPECT_EQ(map.len(), 0U);
  phase("shrinking");
  map.shrink_to_fit();
}

TEST_F(ResidentMemoryTest, ComesBackAfterEverythingWasErased) {
  const u64 total = scaled(stress::small_address_space ? 1'000'000 : 3'000'000);
  stress::Numbers::Map map;
  fill_and_empty(map, total / 100);  // whatever is allocated once for ever
  const std::int64_t before = resident_bytes();
  for (Rounds rounds(1); rounds.next();) {
    fill_and_empty(map, total);
    const std::int64_t after = resident_bytes();
    if constexpr (!stress::under_sanitizer) {
      EXPECT_LT(after - before, 24 * mebibyte) << "bytes before " << before << ", after " << after;
    }
  }
}

// What has moved to the new table is not kept in the old one.
TEST_F(ResidentMemoryTest, AGrowingTableIsNotThereTwice) {
  stress::Numbers::Map map;
  u64 n = 0;
  const auto insert = [&] {
    map.insert(n, n);
    ++n;
  };
  const std::int64_t before = resident_bytes();
  map.reserve(1'000'000);
  const u64 capacity = map.capacity();
  phase("filling");
  while (n < capacity) insert();
  const std::int64_t full = resident_bytes() - before;
  std::int64_t peak = full;
  phase("growing");
  while (n < capacity + capacity / 4) {
    insert();
    if (n % 1024 == 0) peak = std::max(peak, resident_bytes() - before);
  }
  EXPECT_GT(map.capacity(), capacity);
  // Twice as much for the new table, three times with all of the old one. Sanitizers add memory of
  // their own.
  if constexpr (!stress::under_sanitizer) {
    EXPECT_LT(peak, full * 12 / 5) << "bytes before growth " << full << ", during growth " << peak;
  }
}

#if defined(MADV_POPULATE_WRITE)

bool system_populates() {
  const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* page = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool populates = madvise(page, bytes, MADV_POPULATE_WRITE) == 0;
  munmap(page, bytes);
  return populates;
}

/// Whether all pages that end in [begin, end) are resident.
bool all_resident(std::uintptr_t begin, std::uintptr_t end) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  begin &= ~(page - 1);
  std::vector<unsigned char> resident((end - begin) / page);
  auto* first = reinterpret_cast<void*>(begin);  // cast: the system takes a pointer
  if (mincore(first, resident.size() * page, resident.data()) != 0) return false;
  return std::all_of(resident.begin(), resident.end(),
                     [](unsigned char r) { return (r & 1) != 0; });
}

// Threads that fill a table take steps of several lengths, so that they begin anywhere.
TEST_F(ResidentMemoryTest, EachStepOfAGrowthFindsItsPagesThere) {
  using Table = dashmap::detail::Table<dashmap::detail::Slot<u64, u64, false>>;
  const std::allocator<int> allocator;
  Table* table = Table::create(1 << 15, allocator);
  if (!table->from_system || !system_populates()) {
    Table::destroy(table, allocator);
    return;  // pages come one by one here
  }
  const auto groups = static_cast<std::size_t>(table->groups);
  const auto place = [&](std::size_t group) {
    return reinterpret_cast<std::uintptr_t>(table->slots_of(group));  // a number, to be rounded
  };
  EXPECT_FALSE(all_resident(place(0), place(groups)));
  std::size_t step = 8;
  for (std::size_t first = 0; first < groups; first += step) {
    step = 40 - step;
    const std::size_t last = std::min(first + step, groups);
    table->expect(first, last);
    ASSERT_TRUE(all_resident(place(first), place(last))) << "from " << first << " to " << last;
  }
  Table::destroy(table, allocator);
}

#endif

// A thread that has read once and then does other things must not keep old tables alive.
TEST_F(ResidentMemoryTest, IdleThreadsDoNotKeepOldTables) {
  const u64 total = scaled(stress::small_address_space ? 300'000 : 1'000'000);
  stress::Numbers::Map map;
  map.insert(1, 1);
  std::atomic<bool> has_read{false};
  Background idler([&](const std::atomic<bool>& stop) {
    EXPECT_TRUE(map.contains(1));
    EXPECT_EQ(*map.get(1), 1U);
    has_read.store(true, std::memory_order_release);
    while (!stopped(stop)) stress::linger();
  });
  stress::await(has_read);
  fill_and_empty(map, total / 100);
  const std::int64_t before = resident_bytes();
  for (int i = 0; i < 4; ++i) fill_and_empty(map, total);
  const std::int64_t after = resident_bytes();
  if constexpr (!stress::under_sanitizer) {
    EXPECT_LT(after - before, 24 * mebibyte) << "bytes before " << before << ", after " << after;
  }
}

// Insertions and removals that keep the number of elements small must not grow the map for ever.
TEST_F(ResidentMemoryTest, SteadyTurnoverNeedsNoMoreMemory) {
  stress::Numbers::Map map;
  const auto turn_over = [&](u64 times) {
    run_threads(2, [&](unsigned thread) {
      const u64 base = u64{thread} << 40;
      constexpr u64 window = 1000;
      for (u64 n = 0; n < times; ++n) {
        map.insert(base + n, n);
        if (n >= window) map.erase(base + n - window);
      }
      for (u64 n = times - window; n < times; ++n) map.erase(base + n);
    });
    EXPECT_EQ(map.len(), 0U);
  };
  turn_over(scaled(200'000, 5000));
  const std::int64_t before = resident_bytes();
  const u64 capacity = map.capacity();
  turn_over(scaled(3'000'000, 20'000));
  const std::int64_t after = resident_bytes();
  if constexpr (!stress::under_sanitizer) {
    EXPECT_LT(after - before, 16 * mebibyte) << "bytes before " << before << ", after " << after;
  }
  EXPECT_LE(map.capacity(), 4 * capacity + 1024);
}

#endif  // __linux__

}  // namespace
