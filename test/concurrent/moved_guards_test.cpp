// Guards that go from thread to thread, by moving: whom they count for, what the thread that took
// them may do meanwhile, and that nothing is torn where guards of one group are in several hands.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using dashmap::DeadlockError;
using stress::await;
using stress::scaled;
using stress::u64;

using Map = dashmap::DashMap<u64, std::string, stress::OneGroup>;
using Guard = decltype(std::declval<Map&>().get(u64{}));
using GuardMut = decltype(std::declval<Map&>().get_mut(u64{}));

class MovedGuardsTest : public stress::StressTest {
 protected:
  void SetUp() override {
    StressTest::SetUp();
    for (u64 n = 0; n < keys; ++n) map.insert(n, "value");
  }
  static constexpr u64 keys = 8;
  Map map;
};

// The new user's own conflicts are errors at once, also on keys of the same group it may do all.
TEST_F(MovedGuardsTest, AGuardCountsForTheThreadThatUsesIt) {
  const auto reporter = dump_on_hang(map);
  std::thread([this, guard = map.get_mut(1)]() mutable {
    stress::guarded([&] {
      *guard = "changed";
      EXPECT_THROW(map.insert(1, ""), DeadlockError);
      EXPECT_THROW(static_cast<void>(map.get(1)), DeadlockError);
      EXPECT_THROW(map.clear(), DeadlockError);
      EXPECT_TRUE(map.try_get(1).is_locked());
      EXPECT_EQ(map.get_copy(1), "changed");
      EXPECT_EQ(map.insert(2, "other"), "value");
      EXPECT_TRUE(map.erase(3));
      EXPECT_EQ(*map.get(2), "other");
      EXPECT_EQ(*guard, "changed");
    });
  }).join();
  map.clear();
  EXPECT_TRUE(map.is_empty());
}

// Other threads may look through a reference: the guard stays its maker's.
TEST_F(MovedGuardsTest, AGuardThatIsShownToAnotherThreadStaysItsMakers) {
  const auto reporter = dump_on_hang(map);
  auto guard = map.get_mut(1);
  std::thread([&guard] { stress::guarded([&] { EXPECT_EQ(*guard, "value"); }); }).join();
  EXPECT_THROW(map.insert(1, ""), DeadlockError);
  EXPECT_EQ(map.get_copy(1), "value");
  guard = {};
  EXPECT_EQ(map.insert(1, ""), "value");
}

// Made where it stays, in an object that another thread gets to see by its address alone.
TEST_F(MovedGuardsTest, AGuardInAnObjectCountsForTheThreadThatUsesIt) {
  struct Object {
    GuardMut guard;
  };
  const auto reporter = dump_on_hang(map);
  for (const bool ends_there : {true, false}) {
    auto object = std::unique_ptr<Object>(new Object{map.get_mut(1)});
    EXPECT_THROW(map.insert(1, ""), DeadlockError);
    std::thread([&] {
      stress::guarded([&] {
        *object->guard = "changed";
        EXPECT_THROW(map.insert(1, ""), DeadlockError);
        EXPECT_EQ(map.get_copy(1), "changed");
        if (ends_there) object.reset();
      });
    }).join();
    if (!ends_there) {
      EXPECT_EQ(*object->guard, "changed");  // and back again
      EXPECT_THROW(map.insert(1, ""), DeadlockError);
      object.reset();
    }
    EXPECT_EQ(map.insert(1, "value"), "changed");
  }
}

// Its maker is at work in the group, within its hold or not, at the moment when it ends.
TEST_F(MovedGuardsTest, AGuardEndsElsewhereWhileItsMakerIsAtWork) {
  const auto reporter = dump_on_hang(map);
  std::atomic<GuardMut*> given = nullptr;
  std::atomic<bool> over = false;
  std::thread taker([&] {
    stress::guarded([&] {
      for (u64 n = 0; !over; ++n) {
        GuardMut* guard = given;
        if (guard == nullptr) continue;
        if (n % 2 == 0) **guard = "changed";
        delete guard;
        given = nullptr;
      }
    });
  });
  std::thread third([&] {
    stress::guarded([&] {
      while (!over) map.alter(3, [](u64, std::string value) { return value.substr(1) + value[0]; });
    });
  });
  u64 changes = 0;
  for (u64 n = 0; n < scaled(20'000, 1'000); ++n) {
    given = new GuardMut(map.get_mut(1));
    for (unsigned work = 0; work < 3; ++work) {
      map.alter(2, [&](u64, std::string) { return std::to_string(++changes); });
      map.contains(1);
    }
    while (given != nullptr) std::this_thread::yield();
  }
  over = true;
  taker.join();
  third.join();
  EXPECT_EQ(map.get_copy(2), std::to_string(changes));
  map.clear();
  EXPECT_TRUE(map.is_empty());
}

// An entry, too, may be shown to a thread that uses it.
TEST_F(MovedGuardsTest, AnEntryThatIsShownToAnotherThreadWorks) {
  const auto reporter = dump_on_hang(map);
  auto entry = map.entry(keys);
  std::thread([&entry] { stress::guarded([&] { entry.vacant()->insert("new"); }); }).join();
  EXPECT_EQ(map.get_copy(keys), "new");
}

// Meanwhile its maker works with other keys of the group: one after the other.
TEST_F(MovedGuardsTest, AnEntryThatIsShownExcludesItsMakersOtherWork) {
  const auto reporter = dump_on_hang(map);
  for (u64 round = 0; round < scaled(2'000, 200); ++round) {
    Map some;
    some.insert(0, "zero");
    auto entry = some.entry(1);
    std::atomic<bool> begun = false;
    std::thread other([&] {
      begun = true;
      stress::guarded([&] {
        if (round % 2 == 0) {
          entry.vacant()->insert_entry("one").insert("uno");
        } else {
          *entry.or_insert("one") = "uno";
        }
      });
    });
    await(begun);
    for (int turn = 0; turn < 2; ++turn) {
      for (u64 n = 2; n < keys; ++n) some.insert(n, "other");
      for (u64 n = 2; n < keys; ++n) EXPECT_TRUE(some.erase(n));
    }
    other.join();
    EXPECT_EQ(some.len(), 2U);
    EXPECT_EQ(some.get_copy(1), "uno");
  }
}

// Whoever makes a guard of a guard, or an entry, that it was shown has that one in its own hands.
TEST_F(MovedGuardsTest, AGuardThatIsMadeOfAShownOneCountsForItsThread) {
  const auto reporter = dump_on_hang(map);
  auto entry = map.entry(keys);
  std::thread([&] {
    stress::guarded([&] {
      const auto guard = entry.or_insert("new");
      EXPECT_THROW(map.insert(keys, ""), DeadlockError);
    });
  }).join();
  auto guard = map.get_mut(1);
  std::thread([&] {
    stress::guarded([&] {
      const auto shared = std::move(guard).downgrade();
      EXPECT_THROW(map.insert(1, ""), DeadlockError);
    });
  }).join();
  auto another = map.get_mut(1);
  std::thread([&] {
    stress::guarded([&] {
      const auto part = std::move(another).map([](std::string& it) -> std::string& { return it; });
      EXPECT_THROW(map.insert(1, ""), DeadlockError);
    });
  }).join();
  map.clear();
  EXPECT_TRUE(map.is_empty());
}

// A question of the maker does not give a guard away that another thread reads meanwhile.
TEST_F(MovedGuardsTest, QuestionsUnderAGuardThatIsShown) {
  const auto reporter = dump_on_hang(map);
  auto guard = map.get_mut(1);
  std::atomic<bool> over = false;
  std::thread reader([&] {
    stress::guarded([&] {
      while (!over) EXPECT_EQ(*std::as_const(guard), "value");
    });
  });
  for (u64 n = 0; n < scaled(50'000, 2'000); ++n) {
    EXPECT_EQ(map.get_copy(1), "value");
    EXPECT_TRUE(map.contains(2));
  }
  over = true;
  reader.join();
  EXPECT_THROW(map.insert(1, ""), DeadlockError);
}

// A reader that waits to be the only one gives its own guard away, and that ends elsewhere: the
// reader that is left is a stranger, under whose guard nothing may change.
TEST_F(MovedGuardsTest, AnUpgradeCountsItsOwnGuardsAnew) {
  const auto reporter = dump_on_hang(map);
  for (u64 round = 0; round < scaled(100, 10); ++round) {
    const bool used = round % 2 == 1;  // by its new thread, which keeps it; else it ends there
    std::optional reader(map.get(3));
    std::unique_ptr<Guard> box;
    std::atomic<bool> given{false};
    std::atomic<bool> removed{false};
    std::thread upgrader([&] {
      stress::guarded([&] {
        box = std::make_unique<Guard>(map.get(1));
        given.store(true);
        EXPECT_EQ(map.remove(used ? 1 : 3)->second, "value");
        removed.store(true);
      });
    });
    await(given);
    stress::await_that([&] {
      std::ostringstream out;
      map.dump_locks(out);
      return out.str().find(" waits for ") != std::string::npos;
    });
    if (used) {
      EXPECT_EQ(**box, "value");
      reader.reset();
      stress::linger(stress::milliseconds(2));
      EXPECT_FALSE(removed.load());
      EXPECT_EQ(**box, "value");
      box.reset();
    } else {
      box.reset();
      stress::linger(stress::milliseconds(2));
      EXPECT_FALSE(removed.load());
      EXPECT_EQ(**reader, "value");
      reader.reset();
    }
    upgrader.join();
    EXPECT_EQ(map.insert(used ? 1 : 3, "value"), std::nullopt);
  }
}

// Two guards of the group went, and one was used there: the other counts for the giver, which waits
// for the first, and ends on the other thread just when the giver goes to sleep.
TEST_F(MovedGuardsTest, AWaiterWhoseOwnGuardEndsElsewhereGoesOn) {
  const auto reporter = dump_on_hang(map);
  for (u64 round = 0; round < scaled(3000, 100); ++round) {
    auto guards = std::make_unique<std::vector<GuardMut>>();
    guards->push_back(map.get_mut(1));
    guards->push_back(map.get_mut(2));
    std::atomic<bool> used{false};
    std::thread taker([&, guards = std::move(guards)]() mutable {
      *guards->at(1) = "taken";
      used.store(true);
      stress::Rng rng = stress::random_for(round);
      for (u64 pauses = rng.below(30'000); pauses > 0; --pauses) {
        std::atomic_signal_fence(std::memory_order_seq_cst);
      }
      guards.reset();
    });
    await(used);
    map.insert(3, "third");
    taker.join();
  }
}

// The thread that gave a guard away is in no other position than any thread: it waits.
TEST_F(MovedGuardsTest, TheGiverWaitsForTheTaker) {
  const auto reporter = dump_on_hang(map);
  for (u64 round = 0; round < scaled(300, 30); ++round) {
    std::atomic<bool> used{false};
    std::atomic<bool> waiting{false};
    std::atomic<bool> released{false};
    std::thread taker([&, guard = std::optional(map.get_mut(1))]() mutable {
      *guard.value() = "taken";
      used.store(true);
      await(waiting);
      if (round % 10 == 0) stress::linger();
      *guard.value() = "done";
      released.store(true);
      guard.reset();
    });
    await(used);
    EXPECT_TRUE(map.try_get_mut(1).is_locked());
    waiting.store(true);
    switch (round % 4) {
      case 0: EXPECT_EQ(*map.get(1), "done"); break;
      case 1: EXPECT_EQ(map.get_copy(1), "done"); break;
      case 2: EXPECT_EQ(map.insert(1, "value"), "done"); break;
      default: EXPECT_EQ(map.insert(2, "value"), "value"); break;  // another key of the group
    }
    EXPECT_TRUE(released.load());
    taker.join();
  }
}

// Used elsewhere, and then by its maker again: who had it meanwhile waits like any other.
TEST_F(MovedGuardsTest, AGuardThatCameBackIsWaitedFor) {
  const auto reporter = dump_on_hang(map);
  for (u64 round = 0; round < scaled(100, 12); ++round) {
    std::unique_ptr<GuardMut> guard;
    std::atomic<bool> sent{false};
    std::atomic<bool> returned{false};
    std::thread maker([&] {
      guard = std::make_unique<GuardMut>(map.get_mut(1));
      sent.store(true);
      await(returned);
      if (round % 2 == 0) stress::linger();
      GuardMut mine = std::move(*guard);
      *mine = "half";
      stress::linger();
      *mine = "done";
    });
    await(sent);
    guard = std::make_unique<GuardMut>(std::move(*guard));
    returned.store(true);
    try {
      switch (round % 3) {
        case 0: EXPECT_EQ(*map.get(1), "done"); break;
        case 1: EXPECT_NE(map.get_copy(1), "half"); break;  // answered as long as it is here
        default: EXPECT_EQ(map.insert(1, "value"), "done"); break;
      }
    } catch (const DeadlockError&) {  // it was still here, and a slow maker did not come for it
    }
    maker.join();
    map.insert(1, "value");
  }
}

// Not used yet by the thread that it went to: the giver waits a while before it takes it for an
// error.
TEST_F(MovedGuardsTest, AGuardOnItsWayIsWaitedFor) {
  const auto reporter = dump_on_hang(map);
  std::atomic<bool> waiting{false};
  std::thread taker([&, guard = std::optional(map.get_mut(1))]() mutable {
    await(waiting);
    guard.reset();
  });
  waiting.store(true);
  EXPECT_EQ(map.insert(1, "mine"), "value");
  taker.join();
  // One that stays with its thread is an error in the end, wherever it is kept.
  const auto kept = std::make_unique<GuardMut>(map.get_mut(1));
  EXPECT_THROW(map.insert(1, ""), DeadlockError);
  EXPECT_EQ(**kept, "mine");
}

// A circle through a guard that was moved is found.
TEST_F(MovedGuardsTest, CirclesThroughMovedGuardsAreFound) {
  dashmap::DashMap<u64, u64> far;  // locks of its own
  const auto reporter = dump_on_hang(map);
  far.insert(1, 0);
  for (u64 round = 0; round < scaled(100, 20); ++round) {
    std::atomic<unsigned> ready{0};
    std::atomic<unsigned> victims{0};
    const auto meet = [&] {
      ready.fetch_add(1);
      while (ready.load() < 2) std::this_thread::yield();
    };
    std::thread taker([&, guard = std::optional(map.get_mut(1))]() mutable {
      guard.value()->push_back('x');
      meet();
      try {
        far.alter(1, [](u64, u64 value) { return value + 1; });
      } catch (const DeadlockError&) {
        victims.fetch_add(1);
      }
      guard.reset();
    });
    {
      auto own = std::optional(far.get_mut(1));
      meet();
      try {
        map.insert(1, "value");
      } catch (const DeadlockError&) {
        victims.fetch_add(1);
      }
      own.reset();
    }
    taker.join();
    EXPECT_EQ(victims.load(), 1U);
  }
}

// A plain question of the giver never sees a value half written by the taker.
TEST_F(MovedGuardsTest, QuestionsAreNotTorn) {
  const auto reporter = dump_on_hang(map);
  stress::Violations violations;
  const std::string a(100, 'a');
  const std::string b(100, 'b');
  map.insert(1, a);
  for (u64 round = 0; round < scaled(2000, 200); ++round) {
    auto guard = std::make_unique<GuardMut>(map.get_mut(1));
    std::thread taker([&, guard = std::move(guard)]() mutable {
      for (int i = 0; i < 20; ++i) **guard = i % 2 == 0 ? b : a;
      guard.reset();
    });
    for (int i = 0; i < 10; ++i) {
      const auto seen = map.get_copy(1);
      violations.expect(seen == a || seen == b, "torn");
    }
    taker.join();
  }
  EXPECT_NO_VIOLATIONS(violations);
}

// Two guards of one group in two hands: both threads work on other keys of the group meanwhile. One
// of them may have to give up, since each waits for the other's guard.
TEST_F(MovedGuardsTest, GuardsOfOneGroupInSeveralHands) {
  const auto reporter = dump_on_hang(map);
  stress::Violations violations;
  for (u64 round = 0; round < scaled(1000, 100); ++round) {
    auto first = std::make_unique<GuardMut>(map.get_mut(0));
    auto second = std::make_unique<GuardMut>(map.get_mut(1));
    const auto work = [&](u64 own, std::unique_ptr<GuardMut> guard) {
      **guard = "in use";
      try {
        for (u64 n = 0; n < 50; ++n) {
          const u64 key = 1000 * own + n % 10;
          map.insert(key, std::to_string(n));
          violations.expect(map.get_copy(key) == std::to_string(n), "lost", key);
          violations.expect(map.erase(key), "not erased", key);
          violations.expect(**guard == "in use", "guarded value", own);
        }
      } catch (const DeadlockError&) {
      }
      guard.reset();
    };
    std::thread taker(work, 1, std::move(second));
    stress::guarded([&] { work(2, std::move(first)); });
    taker.join();
  }
  EXPECT_NO_VIOLATIONS(violations);
  EXPECT_TRUE(map.contains(0));
  EXPECT_TRUE(map.contains(1));
}

// Entries change the group itself: they keep clear of the giver's other work there. Where giver and
// taker wait for each other, one of them gives up and the other goes on.
TEST_F(MovedGuardsTest, EntriesThatWereMovedWork) {
  const auto reporter = dump_on_hang(map);
  stress::Violations violations;
  using EntryType = decltype(map.entry(u64{}));
  for (u64 round = 0; round < scaled(1000, 100); ++round) {
    auto other = std::optional(map.get_mut(0));
    auto vacant = std::make_unique<EntryType>(map.entry(100));
    auto occupied = std::make_unique<EntryType>(map.entry(1));
    bool inserted = false;
    bool removed = false;
    std::thread taker([&, vacant = std::move(vacant), occupied = std::move(occupied)]() mutable {
      violations.expect(occupied->key() == 1, "key");  // a guard counts for who has used it
      try {
        vacant->or_insert("new");
        inserted = true;
        violations.expect(occupied->occupied()->remove() == "value", "removed");
        removed = true;
      } catch (const DeadlockError&) {
      }
      vacant.reset();
      occupied.reset();
    });
    for (u64 n = 0; n < 20; ++n) {
      try {
        map.insert(50 + n, "x");
        map.erase(50 + n);
      } catch (const DeadlockError&) {
        break;
      }
    }
    other.reset();
    taker.join();
    violations.expect(map.get_copy(100) ==
                          (inserted ? std::optional<std::string>("new") : std::nullopt),
                      "inserted", round);
    violations.expect(map.contains(1) == !removed, "there", round);
    map.erase(100);
    for (u64 n = 0; n < 20; ++n) map.erase(50 + n);
    map.insert(1, "value");
  }
  EXPECT_NO_VIOLATIONS(violations);
  EXPECT_EQ(map.len(), keys);
}

// The taker of an entry changes the group only when the giver is through with its own work there.
TEST_F(MovedGuardsTest, AMovedEntryWaitsForTheGiversWork) {
  const auto reporter = dump_on_hang(map);
  using EntryType = decltype(map.entry(u64{}));
  for (u64 round = 0; round < scaled(20, 5); ++round) {
    auto entry = std::make_unique<EntryType>(map.entry(100));
    std::atomic<bool> there{false};
    std::atomic<bool> inserted{false};
    std::thread taker;
    map.alter(2, [&](const u64&, std::string value) {
      taker = std::thread([&, entry = std::move(entry)]() mutable {
        stress::guarded([&] {
          there.store(true);
          entry->or_insert("new");
          inserted.store(true);
        });
        entry.reset();
      });
      await(there);
      stress::linger();
      EXPECT_FALSE(inserted.load());
      return value;
    });
    taker.join();
    EXPECT_TRUE(inserted.load());
    EXPECT_EQ(map.remove(100), std::pair(u64{100}, std::string("new")));
  }
}

// Work under a guard of the group is not disturbed by the thread that the guard goes to.
TEST_F(MovedGuardsTest, ReadersUnderAGuardThatGoesAwayAreLeftAlone) {
  const auto reporter = dump_on_hang(map);
  for (u64 round = 0; round < scaled(100, 20); ++round) {
    auto guard = std::make_unique<GuardMut>(map.get_mut(1));
    std::atomic<bool> used{false};
    std::thread taker;
    map.view(2, [&](const u64&, const std::string& value) {
      taker = std::thread([&, guard = std::move(guard)]() mutable {
        stress::guarded([&] {
          **guard = "taken";
          used.store(true);
          EXPECT_TRUE(map.erase(2));  // waits for the reader
        });
        guard.reset();
      });
      await(used);
      if (round % 10 == 0) stress::linger();
      EXPECT_EQ(value, "value");
    });
    taker.join();
    EXPECT_FALSE(map.contains(2));
    map.insert(2, "value");
  }
}

// A factory may show its entry to another thread: afterwards it is the caller's again, which gets
// errors for its own keys and the others of the group.
TEST_F(MovedGuardsTest, AnEntryThatItsFactoryShowedAroundIsTheCallers) {
  const auto reporter = dump_on_hang(map);
  using EntryType = decltype(map.entry(u64{}));
  // Made here, so that the compiler knows that it was not moved.
  const std::unique_ptr<EntryType> entry(new EntryType(map.entry(100)));
  {
    const auto guard = entry->or_insert_with([&] {
      std::thread([&] { EXPECT_EQ(entry->key(), 100U); }).join();
      return std::string("new");
    });
    map.insert(101, "of the same group");
    EXPECT_THROW(static_cast<void>(map.get(100)), DeadlockError);
    EXPECT_EQ(*guard, "new");
  }
  // What is held next counts for this thread as well.
  const auto guard = map.get_mut(100);
  EXPECT_THROW(static_cast<void>(map.get(100)), DeadlockError);
}

// The factory of a moved entry may use the group: the entry's second hold on it is the thread's
// own.
TEST_F(MovedGuardsTest, FactoriesOfMovedEntriesUseTheGroup) {
  const auto reporter = dump_on_hang(map);
  auto entry = map.entry(100).and_modify([](std::string&) {});
  entry.or_insert_with([&] {
    map.insert(2, "from the factory");
    return "new";
  });
  EXPECT_EQ(map.get_copy(2), "from the factory");
  EXPECT_EQ(map.get_copy(100), "new");
}

// A guard in a thread-local object that outlives the library's own.
struct LateGuard {
  Map* map = nullptr;
  std::optional<GuardMut> guard;
  ~LateGuard() {
    if (map == nullptr) return;
    **guard = "late";
    map->insert(2, "late");  // the same group
    EXPECT_THROW(map->insert(1, ""), DeadlockError);
    guard.reset();
  }
};

TEST_F(MovedGuardsTest, AGuardThatIsKeptToTheEndOfItsThread) {
  const auto reporter = dump_on_hang(map);
  std::thread([this] {
    static thread_local LateGuard late;
    late.map = &map;
    late.guard.emplace(map.get_mut(1));
  }).join();
  EXPECT_EQ(map.get_copy(1), "late");
  EXPECT_EQ(map.insert(2, "value"), "late");
}

}  // namespace
