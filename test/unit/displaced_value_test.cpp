// Displaced values are destroyed after the lock is released: a destructor may call the map.
#include "support/configs.hpp"
#include "support/other_thread.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;

/// Runs the hook when a value that was not moved from dies.
class Caller {
 public:
  static inline std::function<void(int)> hook;

  Caller() noexcept = default;
  explicit Caller(int number) noexcept : number_(number) {}
  Caller(const Caller& other) noexcept = default;
  Caller(Caller&& other) noexcept : number_(std::exchange(other.number_, moved_from)) {}
  Caller& operator=(const Caller& other) {
    Caller(other).swap(*this);
    return *this;
  }
  Caller& operator=(Caller&& other) noexcept {
    Caller(std::move(other)).swap(*this);
    return *this;
  }
  ~Caller() {
    if (number_ == moved_from || !hook) return;
    try {
      hook(number_);
    } catch (const std::exception& error) {
      ADD_FAILURE() << "the map refused a call from a destructor: " << error.what();
    }
  }

  [[nodiscard]] int number() const noexcept { return number_; }
  void swap(Caller& other) noexcept { std::swap(number_, other.number_); }

 private:
  int number_ = moved_from;
};

using Map = dashmap::DashMap<int, Caller>;

/// While it lives, each dying value looks at every key of the map, for reading and for writing,
/// here and on another thread.
class Inquiry {
 public:
  explicit Inquiry(Map& map) {
    Caller::hook = [this, &map](int n) {
      if (busy_) return;
      busy_ = true;
      dead.push_back(n);
      look(map);
      on_another_thread([&] { look(map); });
      busy_ = false;
    };
  }
  Inquiry(const Inquiry&) = delete;
  Inquiry& operator=(const Inquiry&) = delete;
  ~Inquiry() { Caller::hook = nullptr; }

  std::vector<int> dead;

 private:
  static void look(Map& map) {
    for (int i = 0; i < 8; ++i) {
      static_cast<void>(map.contains(i));
      if (auto ref = map.get_mut(i)) {
        EXPECT_EQ(ref.key(), i);
      }
      const auto ref = map.get(i);
    }
    static_cast<void>(map.len());
    map.insert_or_assign(100, Caller());
    map.erase(100);
  }

  bool busy_ = false;
};

class DisplacedValue : public ::testing::Test {
 protected:
  DisplacedValue() {
    for (int i = 0; i < 4; ++i) map.try_emplace(i, stored(i));
  }
  ~DisplacedValue() override { Caller::hook = nullptr; }

  Map map;
};

TEST_F(DisplacedValue, OfInsert) {
  const Inquiry inquiry(map);
  map.insert(1, Caller(7));
  EXPECT_EQ(inquiry.dead, std::vector<int>{stored(1)});
}

TEST_F(DisplacedValue, OfInsertOrAssign) {
  const Inquiry inquiry(map);
  map.insert_or_assign(1, Caller(7));
  EXPECT_EQ(inquiry.dead, std::vector<int>{stored(1)});
}

TEST_F(DisplacedValue, OfErase) {
  const Inquiry inquiry(map);
  map.erase(1);
  EXPECT_EQ(inquiry.dead, std::vector<int>{stored(1)});
}

TEST_F(DisplacedValue, OfRemove) {
  const Inquiry inquiry(map);
  static_cast<void>(map.remove(1));
  EXPECT_EQ(inquiry.dead, std::vector<int>{stored(1)});
}

TEST_F(DisplacedValue, OfRemoveIf) {
  const Inquiry inquiry(map);
  static_cast<void>(map.remove_if(1, [](const int&, const Caller&) { return true; }));
  static_cast<void>(map.remove_if_mut(2, [](const int&, Caller&) { return true; }));
  EXPECT_EQ(inquiry.dead, (std::vector<int>{stored(1), stored(2)}));
}

TEST_F(DisplacedValue, OfRetain) {
  const Inquiry inquiry(map);
  map.retain([](const int& k, Caller&) { return k != 1 && k != 3; });
  EXPECT_EQ(inquiry.dead.size(), 2U);
  EXPECT_EQ(map.len(), 2U);
}

TEST_F(DisplacedValue, OfClear) {
  const Inquiry inquiry(map);
  map.clear();
  EXPECT_EQ(inquiry.dead.size(), 4U);
  EXPECT_TRUE(map.is_empty());
}

TEST_F(DisplacedValue, OfExtend) {
  const std::vector<std::pair<int, Caller>> pairs{{1, Caller(7)}, {2, Caller(8)}};
  const Inquiry inquiry(map);
  map.extend(pairs);
  EXPECT_EQ(inquiry.dead, (std::vector<int>{stored(1), stored(2)}));
}

TEST_F(DisplacedValue, OfInsertMany) {
  std::vector<std::pair<int, Caller>> pairs{{1, Caller(7)}, {2, Caller(8)}};
  {
    const Inquiry inquiry(map);
    EXPECT_EQ(map.insert_many(pairs), 0U);
    EXPECT_EQ(inquiry.dead.size(), 2U);
  }
  EXPECT_EQ(map.get(1)->number(), 7);
}

TEST_F(DisplacedValue, OfComputeThatErases) {
  const Inquiry inquiry(map);
  std::optional<Caller> taken;
  map.compute(1, [&](std::optional<Caller>& v) {
    taken = std::move(v);
    v.reset();
  });
  EXPECT_FALSE(map.contains(1));
  taken.reset();
  ASSERT_FALSE(inquiry.dead.empty());
  for (const int n : inquiry.dead) EXPECT_EQ(n, stored(1));
}

TEST_F(DisplacedValue, OfComputeThatUpdates) {
  const Inquiry inquiry(map);
  std::optional<Caller> taken;
  map.compute(1, [&](std::optional<Caller>& v) {
    taken.swap(v);
    v.emplace(7);
  });
  EXPECT_EQ(map.get(1)->number(), 7);
  taken.reset();
  ASSERT_FALSE(inquiry.dead.empty());
  for (const int n : inquiry.dead) EXPECT_EQ(n, stored(1));
}

TEST_F(DisplacedValue, OfAlter) {
  std::optional<Caller> taken;
  {
    const Inquiry inquiry(map);
    map.alter(1, [&](const int&, Caller v) {
      taken = std::move(v);
      return Caller(7);
    });
    taken.reset();
    ASSERT_FALSE(inquiry.dead.empty());
    for (const int n : inquiry.dead) EXPECT_EQ(n, stored(1));
  }
  EXPECT_EQ(map.get(1)->number(), 7);
}

TEST_F(DisplacedValue, OfAlterAll) {
  std::vector<Caller> taken;
  {
    const Inquiry inquiry(map);
    map.alter_all([&](const int& k, Caller v) {
      taken.push_back(std::move(v));
      return Caller(k);
    });
    taken.clear();
    EXPECT_GE(inquiry.dead.size(), 4U);
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(map.get(i)->number(), i);
}

TEST_F(DisplacedValue, OfOccupiedEntry) {
  const Inquiry inquiry(map);
  {
    auto entry = map.entry(1);
    static_cast<void>(std::move(*entry.occupied()).remove());
  }
  EXPECT_EQ(inquiry.dead, std::vector<int>{stored(1)});
}

TEST_F(DisplacedValue, OfDrainAndExtractIf) {
  const Inquiry inquiry(map);
  for (auto&& [k, v] : map.extract_if([](const int& k, Caller&) { return k < 2; })) {
    EXPECT_LT(k, 2);
    EXPECT_EQ(v.number(), stored(k));
  }
  EXPECT_EQ(inquiry.dead.size(), 2U);
  for (auto&& [k, v] : map.drain()) EXPECT_EQ(v.number(), stored(k));
  EXPECT_EQ(inquiry.dead.size(), 4U);
}

TEST_F(DisplacedValue, OfAnUnusedArgument) {
  // Values that were offered and not needed may die under the guard: only other keys may be used.
  Caller::hook = [this](int) { map.insert_or_assign(50, Caller()); };
  static_cast<void>(map.entry(1).or_insert(Caller(9)));
  Caller::hook = nullptr;
  EXPECT_TRUE(map.contains(50));
  EXPECT_EQ(map.get(1)->number(), stored(1));
}

/// A map of maps whose values point back: destroying everything in any order must end.
TEST(DisplacedValues, OfTheMapItself) {
  const Census census;
  {
    dashmap::DashMap<int, dashmap::DashMap<int, Tracked>> outer;
    for (int i = 0; i < 20; ++i) {
      dashmap::DashMap<int, Tracked> inner;
      for (int j = 0; j < 20; ++j) inner.insert(j, Tracked(j));
      outer.insert(i, std::move(inner));
    }
    EXPECT_EQ(outer.get(3)->get(4)->number(), 4);
    outer.get_mut(3)->insert(4, Tracked(5));
    EXPECT_EQ(outer.get(3)->get(4)->number(), 5);
    EXPECT_EQ(outer.get(3)->len(), 20U);
    outer.erase(3);
  }
}

}  // namespace
