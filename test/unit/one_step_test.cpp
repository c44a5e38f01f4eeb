// Plain elements are stored and removed in one step, or in more where something is in the way. Both
// must do the same: against a sequential model, whatever is in the way.
#include "support/hashers.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <type_traits>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;
using dashmap::DashSet;
using Number = std::uint64_t;
using Model = std::map<Number, Number>;

// One operation on a random key of so many, on the map and the model; what they give is compared.
template <class Map>
void step(Map& map, Model& model, std::mt19937& random, Number keys) {
  const Number key = random() % keys;
  const Number value = random();
  const auto found = model.find(key);
  const std::optional<Number> old =
      found == model.end() ? std::nullopt : std::optional<Number>(found->second);
  switch (random() % 3) {
    case 0:
      ASSERT_EQ(map.insert(key, value), old) << key;
      model[key] = value;
      break;
    case 1:
      ASSERT_EQ(map.insert_or_assign(key, value), !old) << key;
      model[key] = value;
      break;
    default: ASSERT_EQ(map.erase(key), old.has_value()) << key; model.erase(key);
  }
  ASSERT_EQ(map.size(), model.size());
}

template <class Map>
void expect_equal(const Map& map, const Model& model) {
  Model content;
  for (const auto& [key, value] : map) content[key] = value;
  EXPECT_EQ(content, model);
  for (const auto& [key, value] : model) ASSERT_EQ(map.get_copy(key), value);
}

template <class Hash>
void compare_with_model(Number keys, int steps) {
  DashMap<Number, Number, Hash> map;
  Model model;
  std::mt19937 random(11);
  for (int i = 0; i < steps; ++i) {
    ASSERT_NO_FATAL_FAILURE(step(map, model, random, keys));
    if (i % 1000 == 0) expect_equal(map, model);
  }
  expect_equal(map, model);
}

TEST(OneStep, OneGroup) { compare_with_model<dashmap::DefaultHash<Number>>(12, 4000); }
TEST(OneStep, SeveralGroups) { compare_with_model<dashmap::DefaultHash<Number>>(150, 8000); }
TEST(OneStep, ManyGroupsThatGrow) { compare_with_model<dashmap::DefaultHash<Number>>(9000, 40000); }
TEST(OneStep, GroupsWithChains) { compare_with_model<ConstantHash>(100, 6000); }
TEST(OneStep, OneGroupWithAChainAmongOthers) { compare_with_model<FirstGroupHash>(300, 6000); }

// The elements of the group that this thread holds, but for one, are changed within its hold.
template <class Guard>
void compare_under_a_guard(Guard guard_of) {
  DashMap<Number, Number, ConstantHash> map;
  Model model;
  const Number held = 1000;
  map.insert(held, 1);
  model[held] = 1;
  std::mt19937 random(12);
  {
    const auto guard = guard_of(map, held);
    for (int i = 0; i < 2000; ++i) ASSERT_NO_FATAL_FAILURE(step(map, model, random, 40));
    EXPECT_THROW(map.insert(held, 2), dashmap::DeadlockError);
    EXPECT_THROW(map.insert_or_assign(held, 2), dashmap::DeadlockError);
    EXPECT_THROW(map.erase(held), dashmap::DeadlockError);
    EXPECT_EQ(*guard, 1U);
  }
  expect_equal(map, model);
  EXPECT_EQ(map.insert(held, 2), 1U);
  EXPECT_TRUE(map.erase(held));
}
TEST(OneStep, UnderARef) {
  compare_under_a_guard([](auto& map, Number key) { return map.get(key); });
}
TEST(OneStep, UnderARefMut) {
  compare_under_a_guard([](auto& map, Number key) { return map.get_mut(key); });
}

// Plain data of kinds that a step has to treat with care.
struct Constant {  // neither made of nothing nor assigned
  explicit Constant(Number n) : number(n) {}
  const Number number;
};
struct MoveOnly {
  explicit MoveOnly(Number n) : number(n) {}
  MoveOnly(const MoveOnly&) = delete;
  MoveOnly(MoveOnly&&) = default;
  MoveOnly& operator=(const MoveOnly&) = delete;
  MoveOnly& operator=(MoveOnly&&) = default;
  ~MoveOnly() = default;
  Number number;
};
struct Large {
  explicit Large(Number n) : number(n) { rest.fill(n); }
  Number number;
  std::array<Number, 28> rest{};
};
template <class Value>
class OneStepValues : public ::testing::Test {};
using Values = ::testing::Types<Constant, MoveOnly, Large>;
TYPED_TEST_SUITE(OneStepValues, Values);

TYPED_TEST(OneStepValues, AreStoredAndRemoved) {
  static_assert(std::is_trivially_copyable_v<TypeParam>);
  DashMap<Number, TypeParam, FirstGroupHash> map;
  const Number many = 200;
  for (Number key = 0; key < many; ++key) EXPECT_FALSE(map.insert(key, TypeParam(key)));
  for (Number key = 0; key < many; ++key) {
    EXPECT_FALSE(map.insert_or_assign(key, TypeParam(key + 1)));
    const auto old = map.insert(key, TypeParam(key + 2));
    ASSERT_TRUE(old);
    EXPECT_EQ(old->number, key + 1);
  }
  for (Number key = 0; key < many; ++key) {
    EXPECT_EQ(map.get(key)->number, key + 2);
    EXPECT_EQ(map.erase(key), true);
    EXPECT_EQ(map.erase(key), false);
  }
  EXPECT_TRUE(map.empty());
}

TEST(OneStep, OfASet) {
  DashSet<Number> set;
  for (Number key = 0; key < 500; ++key) EXPECT_TRUE(set.insert(key));
  for (Number key = 0; key < 500; ++key) EXPECT_FALSE(set.insert(key));
  for (Number key = 0; key < 500; key += 2) EXPECT_TRUE(set.erase(key));
  for (Number key = 0; key < 500; ++key) EXPECT_EQ(set.erase(key), key % 2 == 1) << key;
  EXPECT_EQ(set.size(), 0U);
}

}  // namespace
