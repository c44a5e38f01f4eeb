// Keys chosen to collide. What is counted is comparisons of keys: a table that is flooded compares
// each key with all others.
#include "support/hashers.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

long comparisons = 0;

struct CountingEqual {
  template <class A, class B>
  bool operator()(const A& a, const B& b) const noexcept {
    ++comparisons;
    return a == b;
  }
};

using Number = std::uint64_t;
template <class K, class H>
using Map = dashmap::DashMap<K, int, H, CountingEqual>;
template <class K>
using Peer = std::unordered_map<K, int, std::hash<K>, CountingEqual>;

/// Comparisons to insert all keys, find all, and remove all.
template <class M, class K>
long cost(M& map, const std::vector<K>& keys) {
  comparisons = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) map.insert({keys[i], static_cast<int>(i)});
  for (const K& key : keys) EXPECT_TRUE(map.contains(key));
  for (const K& key : keys) EXPECT_TRUE(map.erase(key));
  return comparisons;
}
template <class H, class K>
long cost_of(const std::vector<K>& keys) {
  Map<K, H> map;
  comparisons = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) map.insert(keys[i], static_cast<int>(i));
  for (const K& key : keys) EXPECT_TRUE(map.contains(key));
  for (const K& key : keys) EXPECT_TRUE(map.erase(key));
  EXPECT_TRUE(map.empty());
  return comparisons;
}

/// A look-up or removal compares the key that it finds, and of the 15 others of a group each with
/// a chance of 1 in 255; an insertion those others only.
template <class K>
void expect_normal(const std::vector<K>& keys, const std::string& what) {
  const double n = static_cast<double>(keys.size());
  const double normal = 2 * n + 3 * n * 16 / 255;
  EXPECT_LT(static_cast<double>(cost_of<dashmap::DefaultHash<K>>(keys)), 1.2 * normal) << what;
  // For 32 bits std::hash takes no more of a wider number.
  if constexpr (sizeof(K) <= sizeof(std::size_t)) {
    EXPECT_LT(static_cast<double>(cost_of<std::hash<K>>(keys)), 1.2 * normal) << what;
  }
}

constexpr std::size_t many = 4000;

std::vector<Number> multiples(Number factor) {
  std::vector<Number> keys;
  for (Number i = 1; i <= many; ++i) keys.push_back(i * factor);
  return keys;
}

TEST(Flooding, TheKeysDoFloodATableOfPrimeSize) {
  Peer<Number> peer(many);
  const auto keys = multiples(peer.bucket_count());
  EXPECT_GT(cost(peer, keys), static_cast<long>(many * many / 4)) << "no hostile input";
  expect_normal(keys, "multiples of the peer's number of buckets");
}

TEST(Flooding, MultiplesOfPrimesAndPowers) {
  for (const Number prime : {97U, 389U, 12289U, 786433U, 6291469U, 1610612741U}) {
    expect_normal(multiples(prime), "multiples of " + std::to_string(prime));
  }
  for (unsigned shift = 0; shift <= 52; shift += 4) {
    expect_normal(multiples(Number{1} << shift), "multiples of 2^" + std::to_string(shift));
    expect_normal(multiples((Number{1} << shift) + 1), "… plus 1: 2^" + std::to_string(shift));
    expect_normal(multiples(Number{0} - (Number{1} << shift)),
                  "negative, " + std::to_string(shift));
  }
}

TEST(Flooding, NumbersThatShareAllBitsButAFew) {
  for (unsigned low = 0; low <= 52; low += 13) {
    std::vector<Number> keys;
    const Number around = 0xdeadbeefdeadbeefU & ~((Number{1} << low << 12) - (Number{1} << low));
    for (Number i = 0; i < many; ++i) keys.push_back(around | i << low);
    expect_normal(keys, "twelve bits from " + std::to_string(low));
  }
}

/// Strings whose hashes under a function without a seed agree in their lowest bits.
TEST(Flooding, StringsBuiltAgainstAKnownFunction) {
  constexpr std::size_t mask = 0x3ff;
  std::vector<std::string> keys;
  for (int i = 0; keys.size() < 1000; ++i) {
    std::string text = "id=" + std::to_string(i);
    if ((std::hash<std::string>()(text) & mask) == 7) keys.push_back(std::move(text));
  }
  expect_normal(keys, "the same low bits of std::hash");
}

TEST(Flooding, KeysOfOneGroupUnderOneSeedAreNoneUnderAnother) {
  const auto known = dashmap::DefaultHash<Number>::with_seed(1);
  std::vector<Number> keys;
  for (Number i = 0; keys.size() < 500; ++i) {
    if (known(i) >> 54 == 7) keys.push_back(i);
  }
  using Seeded = Map<Number, dashmap::DefaultHash<Number>>;
  const auto under = [&](std::uint64_t seed) {
    Seeded map = Seeded::with_hasher(dashmap::DefaultHash<Number>::with_seed(seed));
    comparisons = 0;
    for (const Number key : keys) map.insert(key, 0);
    return comparisons;
  };
  const long hostile = under(1);
  for (std::uint64_t seed = 2; seed < 20; ++seed) EXPECT_LT(under(seed), hostile / 4) << seed;
}

// The user's own fault: right all the same, and each operation costs as many comparisons as there
// are elements, no more.
TEST(Flooding, AConstantHashIsLinear) {
  const auto total = [](int n) {
    Map<int, dashmap_test::ConstantHash> map;
    comparisons = 0;
    for (int i = 0; i < n; ++i) {
      const long before = comparisons;
      EXPECT_TRUE(map.insert_or_assign(i, i));
      EXPECT_LE(comparisons - before, i);
    }
    const long insertion = comparisons;
    for (int i = 0; i < n; ++i) {
      const long before = comparisons;
      EXPECT_EQ(map.get_copy(i), i);
      EXPECT_LE(comparisons - before, n);
    }
    EXPECT_FALSE(map.contains(n));
    for (int i = 0; i < n; ++i) {
      const long before = comparisons;
      EXPECT_EQ(map.remove(i)->second, i);
      EXPECT_LE(comparisons - before, n - i);
    }
    EXPECT_TRUE(map.empty());
    return insertion;
  };
  const long small = total(300);
  const long large = total(600);
  EXPECT_EQ(small, 300 * 299 / 2);
  EXPECT_EQ(large, 600 * 599 / 2);
}

}  // namespace
