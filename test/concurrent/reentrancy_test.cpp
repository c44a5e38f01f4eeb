// The map is called while the map is at work: from destructors of displaced values, from closures
// that run under a lock, and by threads that hold guards. Everything keeps its exact result.
//
// Where two threads hold something each and want the other's, one of them gets a DeadlockError by
// contract (also when their keys only share a group): it lets go and tries again.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::number;
using stress::phase;
using stress::Rng;
using stress::run_threads;
using stress::scaled;
using stress::u64;

using ReentrancyTest = stress::StressTest;

constexpr unsigned thread_count = 4;

// ---- Destructors ----------------------------------------------------------------------------

/// Counts its end in another key of the map that it lives in, and asks the map this and that.
class Tombstone {
 public:
  using Map = dashmap::DashMap<u64, Tombstone>;

  static constexpr u64 grave(u64 n) { return (u64{1} << 32) + n; }

  Tombstone() = default;
  Tombstone(Map& map, u64 n) : map_(&map), number_(n) {}
  Tombstone(Tombstone&& other) noexcept
      : map_(std::exchange(other.map_, nullptr)), number_(other.number_), count_(other.count_) {}
  Tombstone& operator=(Tombstone&& other) noexcept {
    if (this == &other) return *this;
    Tombstone displaced(std::move(*this));
    map_ = std::exchange(other.map_, nullptr);
    number_ = other.number_;
    count_ = other.count_;
    return *this;
  }
  Tombstone(const Tombstone&) = delete;
  Tombstone& operator=(const Tombstone&) = delete;
  ~Tombstone() {
    if (map_ == nullptr) return;
    Map& map = *map_;
    static_cast<void>(map.len());
    static_cast<void>(map.contains(number_));
    static_cast<void>(map.view(number_ + 1,
                               [](const u64&, const Tombstone& t) { return t.number_; }));
    ++map.entry(grave(number_ % 16)).or_default()->count_;
  }

  u64 count() const { return count_; }

 private:
  Map* map_ = nullptr;
  u64 number_ = 0;
  u64 count_ = 0;
};

TEST_F(ReentrancyTest, DestructorsOfDisplacedValuesUseTheMap) {
  Tombstone::Map map;
  const auto reporter = dump_on_hang(map);
  std::atomic<u64> born{0};
  const auto make = [&](u64 n) {
    born.fetch_add(1);
    return Tombstone(map, n);
  };
  const auto is_grave = [](u64 n) { return n >= Tombstone::grave(0); };
  constexpr u64 keys = 200;
  phase("displacing values");
  run_threads(thread_count, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    for (u64 i = 0; i < scaled(20'000, 500); ++i) {
      const u64 n = rng.below(keys);
      switch (rng.below(10)) {
        case 0:
        case 1: map.insert(n, make(n)); break;
        case 2: map.insert_or_assign(n, make(n)); break;
        case 3:
        case 4: map.erase(n); break;
        case 5: map.remove(n); break;
        case 6: map.remove_if(n, [](const u64&, const Tombstone&) { return true; }); break;
        case 7:
          map.alter(n, [&](const u64& key, Tombstone old) {
            // The old one is displaced by the closure itself: it dies with the lock held, as every
            // object that a closure destroys. Keep it.
            static_cast<void>(key);
            return old;
          });
          break;
        case 8:
          if (rng.one_in(100)) {
            map.retain([&](const u64& key, Tombstone&) { return is_grave(key) || key % 2 == 0; });
          } else {
            map.insert(n, make(n));
          }
          break;
        default:
          if (rng.one_in(200)) {
            for (auto&& pair :
                 map.extract_if([&](const u64& key, const Tombstone&) { return !is_grave(key); })) {
              static_cast<void>(pair);
            }
          } else {
            static_cast<void>(map.try_emplace(n, make(n)));
          }
      }
    }
  });
  phase("erasing the rest");
  map.retain([&](const u64& key, Tombstone&) { return is_grave(key); });
  u64 buried = 0;
  for (auto item : map.iter()) {
    ASSERT_TRUE(is_grave(item.key()));
    buried += item.value().count();
  }
  EXPECT_EQ(buried, born.load());
  EXPECT_LE(map.len(), 16U);
}

/// Its destructor erases the next of its chain.
struct Link {
  using Map = dashmap::DashMap<u64, std::unique_ptr<Link>>;

  Map* map;
  u64 next;

  Link(Map& m, u64 n) : map(&m), next(n) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { map->erase(next); }
};

TEST_F(ReentrancyTest, DestructorsEraseTheNextOfAChain) {
  Link::Map map;
  const auto reporter = dump_on_hang(map);
  constexpr u64 length = 50;
  phase("erasing chains");
  run_threads(thread_count, [&](unsigned thread) {
    for (u64 round = 0; round < scaled(400, 20); ++round) {
      const u64 first = (u64{thread} << 32) + round * length;
      for (u64 n = first; n < first + length; ++n) {
        map.insert(n, std::make_unique<Link>(map, n + 1 < first + length ? n + 1 : first));
      }
      if (round % 2 == 0) {
        EXPECT_TRUE(map.erase(first + round % length));
      } else {
        EXPECT_TRUE(map.remove(first + round % length));
      }
      for (u64 n = first; n < first + length; ++n) EXPECT_FALSE(map.contains(n));
    }
  });
  EXPECT_EQ(map.len(), 0U);
}

TEST_F(ReentrancyTest, ClearRunsDestructorsThatUseTheMap) {
  Link::Map map;
  const auto reporter = dump_on_hang(map);
  phase("clearing");
  run_threads(3, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    for (u64 round = 0; round < scaled(300, 20); ++round) {
      for (u64 i = 0; i < 100; ++i) {
        const u64 n = rng.below(1000);
        map.insert(n, std::make_unique<Link>(map, rng.below(1000)));
      }
      if (thread == 0) map.clear();
      if (thread == 1) {
        for (auto&& pair : map.drain()) static_cast<void>(pair);
      }
    }
  });
  map.clear();
  EXPECT_EQ(map.len(), 0U);
}

// ---- Closures -------------------------------------------------------------------------------

/// Repeats `step` until it is not the victim of a circle. Gives how often it was.
template <class Step>
u64 until_no_victim(const Step& step) {
  for (u64 victims = 0;; ++victims) {
    try {
      step();
      return victims;
    } catch (const dashmap::DeadlockError&) {
      std::this_thread::yield();
    }
  }
}

template <class S>
class ReentrantClosuresTest : public stress::StressTest {};

using Subjects = ::testing::Types<stress::Numbers, stress::Texts, stress::Crowded>;
TYPED_TEST_SUITE(ReentrantClosuresTest, Subjects);

// Each closure runs under the lock of one key and adds to another: the outer change and the inner
// one are counted only when both happened.
TYPED_TEST(ReentrantClosuresTest, ClosuresChangeOtherKeysExactly) {
  using S = TypeParam;
  using Key = typename S::Key;
  using Value = typename S::Value;
  constexpr u64 keys = 64;
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  for (u64 n = 0; n < keys; ++n) map.insert(S::key(n), S::value(0));
  std::atomic<u64> inner_steps{0};
  std::atomic<u64> outer_steps{0};
  std::atomic<u64> victims{0};
  phase("nesting closures");
  run_threads(thread_count, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    u64 inner = 0;
    u64 outer = 0;
    u64 victim = 0;
    for (u64 i = 0; i < scaled(20'000, 500); ++i) {
      const u64 a = rng.below(keys);
      const u64 b = (a + 1 + rng.below(keys - 1)) % keys;
      const auto add_to_b = [&] {
        map.alter(S::key(b), [](const Key&, Value v) { return S::value(number(v) + 1); });
        ++inner;
      };
      const u64 way = rng.below(8);
      victim += until_no_victim([&] {
        switch (way) {
          case 0: map.view(S::key(a), [&](const Key&, const Value&) { add_to_b(); }); break;
          case 1:
            map.alter(S::key(a), [&](const Key&, Value value) {
              add_to_b();
              return S::value(number(value) + 1);
            });
            ++outer;
            break;
          case 2:
            map.compute(S::key(a), [&](std::optional<Value>& value) {
              add_to_b();
              value = S::value(number(*value) + 1);
            });
            ++outer;
            break;
          case 3:
            map.entry(S::key(a)).and_modify([&](Value& value) {
              add_to_b();
              value = S::value(number(value) + 1);
            });
            ++outer;
            break;
          case 4:
            map.remove_if(S::key(a), [&](const Key&, const Value&) {
              add_to_b();
              return false;
            });
            break;
          case 5: {
            const Key fresh = S::key(1000 + thread);
            static_cast<void>(map.get_or_insert_with(fresh, [&] {
              add_to_b();
              return S::value(0);
            }));
            map.erase(fresh);
            break;
          }
          case 6: {
            auto guard = map.get_mut(S::key(a));
            add_to_b();
            *guard = S::value(number(*guard) + 1);
            ++outer;
            break;
          }
          default: {
            const auto guard = map.get(S::key(a));
            add_to_b();
            EXPECT_TRUE(guard);
          }
        }
      });
    }
    inner_steps.fetch_add(inner);
    outer_steps.fetch_add(outer);
    victims.fetch_add(victim);
  });
  u64 sum = 0;
  for (auto item : map.iter()) sum += number(item.value());
  EXPECT_EQ(map.len(), keys);
  EXPECT_EQ(sum, inner_steps.load() + outer_steps.load());
  this->RecordProperty("victims", std::to_string(victims.load()));
}

// Closures over the whole map that ask it about other keys.
TYPED_TEST(ReentrantClosuresTest, WholeMapClosuresAskTheMap) {
  using S = TypeParam;
  using Key = typename S::Key;
  using Value = typename S::Value;
  const u64 keys = S::crowding > 1 ? 60 : 500;
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  for (u64 n = 0; n < keys; ++n) map.insert(S::key(n), S::value(n));
  stress::Violations violations;
  phase("asking");
  run_threads(2, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    for (u64 i = 0; i < scaled(40, 5); ++i) {
      const auto ask = [&](const Key& key) {
        const u64 n = number(key);
        violations.expect(map.contains(key), "contains itself", n);
        violations.expect(map.len() >= keys / 2, "len", n);
        const auto copy = map.get_copy(S::key(rng.below(keys)));
        violations.expect(!copy || number(*copy) < keys, "get_copy", n);
      };
      until_no_victim([&] {
        map.retain([&](const Key& key, Value&) {
          ask(key);
          return true;
        });
      });
      until_no_victim([&] {
        for (auto item : map.iter()) ask(item.key());
      });
      until_no_victim([&] {
        map.alter_all([&](const Key& key, Value value) {
          ask(key);
          return value;
        });
      });
    }
  });
  EXPECT_EQ(map.len(), keys);
  EXPECT_NO_VIOLATIONS(violations);
}

// ---- Guards ---------------------------------------------------------------------------------

// Each thread holds a guard on a key of its own and inserts thousands of others. A circle is
// possible (two held keys, each in the way of the other's insertions): its victim lets go once.
TEST_F(ReentrancyTest, GuardHoldersInsertThousands) {
  using Map = dashmap::DashMap<u64, u64>;
  for (const bool exclusive : {false, true}) {
    for (const u64 prefill : {u64{0}, u64{10'000}}) {
      // What is inserted beside a guard that was taken when the map was small stays in one group.
      const u64 each = prefill == 0 ? scaled(3000, 300) : scaled(20'000, 1000);
      Map map;
      const auto reporter = dump_on_hang(map);
      constexpr u64 first_prefilled = u64{1} << 48;
      for (u64 n = 0; n < prefill; ++n) map.insert(first_prefilled + n, n);
      for (u64 n = 0; n < thread_count; ++n) map.insert(n, n);
      stress::Violations violations;
      std::atomic<u64> victims{0};
      phase(exclusive ? "inserting under exclusive guards" : "inserting under shared guards");
      run_threads(thread_count, [&](unsigned thread) {
        std::optional<decltype(map.get(0))> reader;
        std::optional<decltype(map.get_mut(0))> writer;
        u64 victim = 0;
        for (u64 i = 0; i < each; ++i) {
          const u64 n = (u64{thread} + 1) << 40 | i;
          for (bool done = false; !done;) {
            try {
              if (exclusive && !writer) writer.emplace(map.get_mut(thread));
              if (!exclusive && !reader) reader.emplace(map.get(thread));
              violations.expect(!map.insert(n, i), "replaced", n);
              done = true;
            } catch (const dashmap::DeadlockError&) {
              reader.reset();
              writer.reset();
              violations.expect(!map.contains(n), "refused but inserted", n);
              ++victim;
              std::this_thread::yield();
            }
          }
          if (writer) **writer += 1;
        }
        victims.fetch_add(victim);
      });
      EXPECT_EQ(map.len(), prefill + thread_count * (each + 1));
      for (u64 thread = 0; thread < thread_count; ++thread) {
        EXPECT_EQ(*map.get(thread), thread + (exclusive ? each : 0));
        for (u64 i = 0; i < each; ++i) {
          violations.expect(map.get_copy((thread + 1) << 40 | i) == i, "lost", thread, i);
        }
      }
      EXPECT_NO_VIOLATIONS(violations);
    }
  }
}

// A holder of one guard among threads that hold none is never part of a circle, however long they
// wait for it: nobody may be told that there is one.
TEST_F(ReentrancyTest, OneGuardHolderAmongOthersIsNoCircle) {
  using Map = dashmap::DashMap<u64, u64>;
  Map map;
  const auto reporter = dump_on_hang(map);
  for (u64 n = 0; n < 64; ++n) map.insert(n, 0);
  std::atomic<bool> holder_done{false};
  phase("holding and waiting");
  run_threads(thread_count, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    if (thread != 0) {
      while (!holder_done.load()) {
        *map.get_mut(rng.below(64)) += 1;
        map.insert(1000 + rng.below(1000), 0);
        map.erase(1000 + rng.below(1000));
        if (rng.one_in(256)) map.shrink_to_fit();
      }
      return;
    }
    for (u64 i = 0; i < scaled(20'000, 500); ++i) {
      const u64 held = rng.below(64);
      auto guard = map.get_mut(held);
      stress::maybe_yield(rng, 16);
      for (int k = 0; k < 4; ++k) {
        const u64 other = rng.below(64);
        if (other != held) *map.get_mut(other) += 1;
        map.insert(1000 + rng.below(1000), 0);
      }
    }
    holder_done.store(true);
  });
}

}  // namespace
