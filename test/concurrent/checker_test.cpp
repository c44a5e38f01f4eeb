// The linearizability checker against histories whose verdict is known: a checker that cannot fail
// would prove nothing.

#include "support/history.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace {

using stress::Cell;
using stress::Cells;
using stress::check_history;
using stress::Kind;
using stress::Operation;
using stress::take_effect;
using stress::u64;

/// A call on key 0.
Operation call(Kind kind, unsigned slot, u64 invoked, u64 returned, u64 argument = 0,
               Cell seen = std::nullopt, bool flag = false) {
  Operation op;
  op.kind = kind;
  op.slot = static_cast<std::uint8_t>(slot);
  op.invoked = invoked;
  op.returned = returned;
  op.argument = argument;
  op.seen = seen;
  op.flag = flag;
  return op;
}

bool linearizable(const std::vector<Operation>& history, const Cells& initial = {}) {
  return check_history(history, initial).linearizable;
}

TEST(CheckerTest, AcceptsSequentialHistories) {
  EXPECT_TRUE(linearizable({}));
  EXPECT_TRUE(linearizable({
      call(Kind::insert, 0, 0, 1, 5),
      call(Kind::read, 1, 2, 3, 0, 5),
      call(Kind::increment, 0, 4, 5, 0, 5),
      call(Kind::remove, 1, 6, 7, 0, 6),
      call(Kind::contains, 0, 8, 9, 0, std::nullopt, false),
  }));
}

TEST(CheckerTest, AcceptsEitherOrderOfOverlappingCalls) {
  const auto insert = call(Kind::insert, 0, 0, 3, 5);
  EXPECT_TRUE(linearizable({insert, call(Kind::read, 1, 1, 2)}));
  EXPECT_TRUE(linearizable({insert, call(Kind::read, 1, 1, 2, 0, 5)}));
}

TEST(CheckerTest, RejectsStaleRead) {
  EXPECT_FALSE(linearizable({
      call(Kind::insert, 0, 0, 1, 5), call(Kind::read, 1, 2, 3),  // the insertion had returned
  }));
}

TEST(CheckerTest, RejectsReadFromTheFuture) {
  EXPECT_FALSE(linearizable({
      call(Kind::read, 1, 0, 1, 0, 5),
      call(Kind::insert, 0, 2, 3, 5),
  }));
}

TEST(CheckerTest, RejectsLostUpdate) {
  EXPECT_FALSE(linearizable({
      call(Kind::insert, 0, 0, 1, 5), call(Kind::increment, 0, 2, 5, 0, 5),
      call(Kind::increment, 1, 3, 4, 0, 5),  // both saw 5
  }));
}

TEST(CheckerTest, RejectsTwoSuccessfulInsertions) {
  EXPECT_FALSE(linearizable({
      call(Kind::assign, 0, 0, 3, 5, std::nullopt, true),
      call(Kind::assign, 1, 1, 2, 6, std::nullopt, true),
  }));
}

TEST(CheckerTest, RejectsTwoRemovalsOfOneValue) {
  EXPECT_FALSE(linearizable({
      call(Kind::insert, 0, 0, 1, 5),
      call(Kind::remove, 0, 2, 5, 0, 5),
      call(Kind::remove, 1, 3, 4, 0, 5),
  }));
}

TEST(CheckerTest, RejectsReadsThatGoBack) {
  // The insertion is under way, but the first reader saw it before the second was invoked.
  EXPECT_FALSE(linearizable({
      call(Kind::insert, 0, 0, 9, 5),
      call(Kind::read, 1, 1, 2, 0, 5),
      call(Kind::read, 2, 3, 4),
  }));
}

TEST(CheckerTest, RejectsTwoObserversThatDisagreeOnTheOrder) {
  EXPECT_FALSE(linearizable({
      call(Kind::store, 0, 0, 10, 1),
      call(Kind::store, 1, 0, 10, 2),
      call(Kind::read, 2, 1, 2, 0, 1),
      call(Kind::read, 2, 3, 4, 0, 2),
      call(Kind::read, 3, 1, 2, 0, 1),
      call(Kind::read, 3, 3, 4, 0, 2),
      call(Kind::read, 3, 5, 6, 0, 1),
  }));
}

TEST(CheckerTest, RejectsFactoryThatRanTwice) {
  EXPECT_FALSE(linearizable({
      call(Kind::find_or_add, 0, 0, 3, 5, 5),
      call(Kind::find_or_add, 1, 1, 2, 6, 6),
  }));
}

TEST(CheckerTest, RejectsRemovalThatMissedItsCondition) {
  const Cells four{Cell(4)};
  EXPECT_TRUE(linearizable({call(Kind::remove_even, 0, 0, 1, 0, 4)}, four));
  EXPECT_FALSE(linearizable({call(Kind::remove_even, 0, 0, 1)}, four));
  const Cells five{Cell(5)};
  EXPECT_TRUE(linearizable({call(Kind::remove_even, 0, 0, 1)}, five));
  EXPECT_FALSE(linearizable({call(Kind::remove_even, 0, 0, 1, 0, 5)}, five));
}

TEST(CheckerTest, RejectsValueSeenAfterToggleTookItAway) {
  EXPECT_FALSE(linearizable(
      {
          call(Kind::toggle, 0, 0, 1, 9, 4), call(Kind::toggle, 0, 2, 3, 8),
          call(Kind::read, 1, 4, 5, 0, 4),  // 8 is there now
      },
      Cells{Cell(4)}));
}

TEST(CheckerTest, RejectsViewOfHalfATransaction) {
  auto both = call(Kind::increment_all, 0, 0, 3);
  both.all_seen = {Cell(1), Cell(1), Cell()};
  auto view = call(Kind::read_all, 1, 1, 2);
  const Cells initial{Cell(1), Cell(1), Cell()};
  view.all_seen = {Cell(2), Cell(2), Cell()};
  EXPECT_TRUE(linearizable({both, view}, initial));
  view.all_seen = {Cell(1), Cell(1), Cell()};
  EXPECT_TRUE(linearizable({both, view}, initial));
  view.all_seen = {Cell(2), Cell(1), Cell()};
  EXPECT_FALSE(linearizable({both, view}, initial));
}

TEST(CheckerTest, NamesTheCulprit) {
  const auto verdict = check_history(
      {
          call(Kind::insert, 0, 0, 1, 5),
          call(Kind::read, 1, 2, 3, 0, 77),
      },
      {});
  ASSERT_FALSE(verdict.linearizable);
  EXPECT_NE(verdict.explanation.find("77"), std::string::npos) << verdict.explanation;
}

/// The definition, word for word: tries all orders.
bool linearizable_by_definition(const std::vector<Operation>& history, const Cells& initial) {
  std::vector<std::size_t> order(history.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  do {
    bool fits = true;
    Cells cells = initial;
    for (std::size_t i = 0; fits && i < order.size(); ++i) {
      for (std::size_t j = i + 1; fits && j < order.size(); ++j) {
        fits = history[order[j]].returned >= history[order[i]].invoked;
      }
      fits = fits && take_effect(cells, history[order[i]]);
    }
    if (fits) return true;
  } while (std::next_permutation(order.begin(), order.end()));
  return false;
}

/// Random short histories, most of them slightly wrong.
std::vector<Operation> random_history(stress::Rng& rng) {
  constexpr unsigned slots = 3;
  std::vector<Operation> history;
  u64 free_at[slots] = {};
  Cells cells;
  u64 time = 0;
  const u64 length = 3 + rng.below(4);
  for (u64 i = 0; i < length; ++i) {
    Operation op;
    op.kind = static_cast<Kind>(rng.below(12));
    op.slot = static_cast<std::uint8_t>(rng.below(slots));
    op.argument = rng.below(4);
    // Takes effect at `time`; the interval around it is random.
    time += 3;
    const u64 early = rng.below(9);
    op.invoked = std::max(free_at[op.slot], time > early ? time - early : 0);
    op.returned = std::max(op.invoked, time) + rng.below(9);
    free_at[op.slot] = op.returned + 1;
    // Reports what is right at that instant: found by trying the few there are.
    for (u64 guess = 0; guess < 32; ++guess) {
      op.flag = (guess & 1) != 0;
      const u64 seen = guess / 2;
      op.seen = seen == 0 ? Cell() : Cell(seen - 1);
      Cells probe = cells;
      if (take_effect(probe, op)) {
        cells = probe;
        break;
      }
    }
    if (rng.one_in(6)) op.flag = !op.flag;
    if (rng.one_in(6)) op.seen = Cell(rng.below(4));
    history.push_back(op);
  }
  return history;
}

TEST(CheckerTest, AgreesWithTheDefinition) {
  stress::Rng rng = stress::random_for(0);
  u64 accepted = 0;
  u64 rejected = 0;
  for (u64 round = 0; round < stress::scaled(20'000, 500); ++round) {
    const auto history = random_history(rng);
    const bool expected = linearizable_by_definition(history, {});
    (expected ? accepted : rejected)++;
    std::string text;
    if (linearizable(history) != expected) {
      for (const auto& op : history) text += "\n  " + to_text(op);
    }
    ASSERT_EQ(linearizable(history), expected) << "seed " << stress::base_seed() << text;
  }
  EXPECT_GT(accepted, u64{50}) << "the histories should be of both kinds";
  EXPECT_GT(rejected, u64{50});
}

}  // namespace
