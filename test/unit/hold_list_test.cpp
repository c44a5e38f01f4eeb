// The records of many guards: what a place for one costs, how many places there are, and who looks
// at them. Counted, not timed.
#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace {

using dashmap::detail::Held;
using dashmap::detail::HeldThread;
using dashmap::detail::Hold;
using dashmap::detail::HoldBlock;
using dashmap::detail::HoldKind;
using dashmap::detail::HoldView;
using dashmap::detail::Operation;

std::size_t all_blocks(const HeldThread& list) {
  std::size_t number = 0;
  for (const HoldBlock* block = list.newest.load(); block != nullptr; block = block->older) {
    ++number;
  }
  return number;
}
std::size_t busy_blocks(const HeldThread& list) {
  std::size_t number = 0;
  for (const HoldBlock* block = list.busy; block != nullptr; block = block->next_busy) ++number;
  return number;
}

/// Makes and ends records as the thread it is on would for guards, and counts what that takes.
class Records {
 public:
  void make() {
    Hold* hold = Held::push(this, nullptr, HoldKind::ref, Operation::get);
    EXPECT_TRUE(all_.insert(hold).second) << "a place was given twice";
    order_.push_back(hold);
    most_ = std::max(most_, all_.size());
    ++made_;
    count();
  }
  void end_newest() {
    end(order_.back());
    order_.pop_back();
  }
  void end_oldest() {
    end(order_.front());
    order_.pop_front();
  }
  void end_one_of(std::mt19937& random) {
    std::swap(order_[random() % order_.size()], order_.back());
    end_newest();
  }
  void end_but_one_of(std::size_t number) {
    for (std::size_t i = 0, all = order_.size(); i < all; ++i) {
      if (i % number != 0) {
        end_oldest();
      } else {
        order_.push_back(order_.front());
        order_.pop_front();
      }
    }
  }
  void end_all_elsewhere() {
    std::thread([this] {
      while (!order_.empty()) end_oldest();
    }).join();
  }
  std::size_t size() const { return all_.size(); }

  /// A record costs few steps, the places are in proportion, and each is seen by those who look.
  void check() const {
    const HeldThread& list = *Held::this_thread();
    // A round may go over what the thread before left.
    EXPECT_LE(steps_, 5 * made_ + (blocks_before_ + 5) * HoldBlock::size);
    EXPECT_LE(all_blocks(list), std::max(blocks_before_, 3 * most_ / HoldBlock::size + 5));
    std::set<Hold*> seen;
    Held::for_each([&](const HoldView& hold) { seen.insert(hold.record); });
    EXPECT_TRUE(seen == all_);
    EXPECT_LE(busy_blocks(list), all_.size() + 1);
    std::thread([&] {
      seen.clear();
      Held::for_each_record([&](const HoldView& hold, const HeldThread* user, const HeldThread*) {
        if (user == &list) seen.insert(hold.record);
      });
      EXPECT_TRUE(seen == all_);
      EXPECT_EQ(list.is_unused(), all_.empty());
    }).join();
  }

 private:
  void end(Hold* hold) {
    all_.erase(hold);
    Held::pop(hold);
  }
  /// Where a round of the search is; 0 between two.
  static std::size_t place() {
    const HeldThread& list = *Held::this_thread();
    return list.round == nullptr ? 0 : list.round_blocks * HoldBlock::size + list.round_next;
  }
  /// The places that the search passed for the last record.
  void count() {
    const HeldThread& list = *Held::this_thread();
    const std::size_t now = place();
    const bool fruitless = list.newest.load() != newest_ && to_make_ == 0;
    steps_ += now - at_;
    if (now < at_ || fruitless) steps_ += blocks_ * HoldBlock::size;
    at_ = now;
    to_make_ = list.to_make;
    if (list.newest.load() == newest_) return;
    newest_ = list.newest.load();
    ++blocks_;
  }

  std::set<Hold*> all_;
  std::deque<Hold*> order_;
  std::size_t made_ = 0;
  std::size_t most_ = 0;
  std::size_t steps_ = 0;
  std::size_t at_ = place();
  std::size_t to_make_ = Held::this_thread()->to_make;
  const HoldBlock* newest_ = Held::this_thread()->newest.load();
  std::size_t blocks_ = all_blocks(*Held::this_thread());
  std::size_t blocks_before_ = blocks_;
};

/// On a thread of its own, and once more on the one that is given its list.
template <class Body>
void on_threads(Body body) {
  for (int round = 0; round < 2; ++round) {
    std::thread([&] {
      Held::claim();
      EXPECT_LE(busy_blocks(*Held::this_thread()), 1U) << "what the thread before held";
      Records records;
      body(records);
      records.check();
      while (records.size() != 0) records.end_newest();
      records.check();
      EXPECT_EQ(busy_blocks(*Held::this_thread()), 1U);
    }).join();
  }
}

constexpr std::size_t many = 10'000;

TEST(HoldList, GuardsThatEndInOrder) {
  on_threads([](Records& records) {
    for (int round = 0; round < 4; ++round) {
      while (records.size() < many) records.make();
      records.check();
      while (records.size() != 0) {
        if (round % 2 == 0) {
          records.end_oldest();
        } else {
          records.end_newest();
        }
      }
    }
  });
}

TEST(HoldList, GuardsThatSlide) {
  on_threads([](Records& records) {
    while (records.size() < many / 10) records.make();
    for (std::size_t i = 0; i < 10 * many; ++i) {
      records.end_oldest();
      records.make();
    }
  });
}

TEST(HoldList, GuardsThatEndInAnyOrder) {
  on_threads([](Records& records) {
    std::mt19937 random(1);
    for (std::size_t i = 0; i < 20; ++i) {
      const std::size_t wanted = random() % many;
      while (records.size() < wanted) records.make();
      while (records.size() > wanted) records.end_one_of(random);
      for (std::size_t k = 0; k < 1000; ++k) {
        if (records.size() != 0 && random() % 2 == 0) records.end_one_of(random);
        records.make();
      }
      records.check();
    }
  });
}

TEST(HoldList, GuardsThatComeAndGo) {
  on_threads([](Records& records) {
    for (std::size_t kept = 1; kept < 300; ++kept) {  // a tooth of 100 on each
      while (records.size() < kept + 100) records.make();
      while (records.size() > kept) records.end_newest();
      if (kept % 50 == 0) records.check();
    }
  });
}

// Each block keeps a record, so all stay in use.
TEST(HoldList, AFewOfManyStay) {
  on_threads([](Records& records) {
    for (int round = 0; round < 4; ++round) {
      while (records.size() < many) records.make();
      records.end_but_one_of(HoldBlock::size);
      records.check();
    }
  });
}

TEST(HoldList, GuardsThatEndElsewhere) {
  on_threads([](Records& records) {
    for (std::size_t number = 1; number < many; number *= 3) {
      while (records.size() < number) records.make();
      records.end_all_elsewhere();
      records.check();
    }
  });
}

// A comparison of keys may use maps.
TEST(HoldList, AVisitorMakesAndEndsRecords) {
  on_threads([](Records& records) {
    while (records.size() < 200) records.make();
    std::size_t visits = 0;
    Records more;
    Held::for_each([&](const HoldView&) {
      ++visits;
      while (more.size() < 200) more.make();
      if (visits % 2 == 0) {
        while (more.size() != 0) more.end_oldest();
      }
      static_cast<void>(Held::any());
    });
    EXPECT_GE(visits, 200U);
    EXPECT_LE(visits, 400U);
    while (more.size() != 0) more.end_oldest();
  });
}

}  // namespace
