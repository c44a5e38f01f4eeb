// DefaultHash spreads each pattern of keys over groups and tags, under each seed.
#include "dashmap/hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace {

using dashmap::DefaultHash;
namespace detail = dashmap::detail;

template <class T>
std::uint64_t hash_with(std::uint64_t seed, const T& value) {
  return DefaultHash<T>::with_seed(seed)(value);
}

// --- The promises in types ----------------------------------------------------------------------

static_assert(sizeof(DefaultHash<int>) == 16);
static_assert(sizeof(DefaultHash<std::string>) == 16);
static_assert(std::is_trivially_copyable_v<DefaultHash<int>>);
static_assert(std::is_nothrow_default_constructible_v<DefaultHash<int>>);
static_assert(std::is_same_v<DefaultHash<int>::is_avalanching, std::true_type>);
static_assert(DefaultHash<int>::with_seed(1)(2) == DefaultHash<int>::with_seed(1)(2));
static_assert(DefaultHash<int>::with_seed(1)(2) != DefaultHash<int>::with_seed(2)(2));

template <class Hash, class Key>
constexpr bool gives_64_bits =
    std::is_same_v<std::invoke_result_t<const Hash&, Key>, std::uint64_t>;
static_assert(gives_64_bits<DefaultHash<int>, int>);
static_assert(gives_64_bits<DefaultHash<std::uint64_t>, const std::uint64_t&>);
static_assert(gives_64_bits<DefaultHash<std::string>, const char*>);

template <class T>
constexpr bool hashes_without_throwing =
    noexcept(std::declval<const DefaultHash<T>&>()(std::declval<const T&>()));
static_assert(hashes_without_throwing<int>);
static_assert(hashes_without_throwing<double>);
static_assert(hashes_without_throwing<void*>);
static_assert(hashes_without_throwing<std::string>);
static_assert(hashes_without_throwing<std::pair<int, std::string>>);
static_assert(hashes_without_throwing<std::vector<int>>);
static_assert(noexcept(std::declval<const DefaultHash<std::string>&>()("literal")));

template <class T>
concept Transparent = requires { typename DefaultHash<T>::is_transparent; };
static_assert(Transparent<std::string> && Transparent<std::string_view> &&
              Transparent<std::pmr::string> && Transparent<std::u8string> &&
              Transparent<std::wstring>);
static_assert(!Transparent<int> && !Transparent<std::vector<char>> && !Transparent<const char*>);

// What has no hash, or none that agrees with its equality.
struct Opaque {
  bool operator==(const Opaque&) const = default;
};
struct CaseBlind : std::char_traits<char> {};
static_assert(!detail::Hashable<Opaque>);
static_assert(!detail::Hashable<std::vector<Opaque>>);
static_assert(!detail::Hashable<std::pair<int, Opaque>>);
static_assert(!detail::Hashable<std::unordered_set<int>>);
static_assert(!detail::Hashable<std::unordered_map<int, int>>);
static_assert(!detail::Hashable<std::basic_string<char, CaseBlind>>);
static_assert(!detail::Hashable<std::complex<double>>);

struct Plain {};
struct Marked {
  using is_avalanching = void;
};
struct Promised {
  using is_avalanching = std::true_type;
};
struct Denied {
  using is_avalanching = std::false_type;
};
static_assert(!detail::hash_is_avalanching<Plain>);
static_assert(detail::hash_is_avalanching<Marked>);
static_assert(detail::hash_is_avalanching<Promised>);
static_assert(!detail::hash_is_avalanching<Denied>);
static_assert(!detail::hash_is_avalanching<std::hash<int>>);
static_assert(detail::hash_is_avalanching<DefaultHash<int>>);

// --- Arithmetic ---------------------------------------------------------------------------------

TEST(HashArithmetic, TheProductByPartsIsTheProduct) {
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> factors{0,
                                     1,
                                     2,
                                     0xffff'ffffU,
                                     0x1'0000'0000U,
                                     ~std::uint64_t{0},
                                     ~std::uint64_t{0} << 32,
                                     std::uint64_t{1} << 63};
  for (int i = 0; i < 100; ++i) factors.push_back(random() >> (random() % 64));
  for (const std::uint64_t a : factors) {
    for (const std::uint64_t b : factors) {
      const detail::Product128 product = detail::mul128(a, b);
      const detail::Product128 parts = detail::mul128_by_parts(a, b);
      ASSERT_EQ(product.low, a * b);
      ASSERT_EQ(parts.low, product.low);
      ASSERT_EQ(parts.high, product.high) << a << ' ' << b;
    }
  }
  static_assert(detail::mul128(~std::uint64_t{0}, ~std::uint64_t{0}).high == ~std::uint64_t{1});
}

// The same values on each target: seeds reproduce across machines.
TEST(HashArithmetic, ValuesAreTheSameEverywhere) {
  EXPECT_EQ(hash_with(1, std::uint64_t{0}), 0xa840'384a'564b'5cd7U);
  EXPECT_EQ(hash_with(1, std::uint64_t{1}), 0x7c99'b3bd'70be'dcf1U);
  EXPECT_EQ(hash_with(2, std::uint64_t{1}), 0xa30f'abaf'e2a5'df37U);
  EXPECT_EQ(hash_with(1, std::string("a")), 0x2a39'8d5d'b863'c148U);
  EXPECT_EQ(detail::mix64(1), 0xdf44'2d22'ce48'59b9U);
}

// --- Distribution -------------------------------------------------------------------------------

// How far the counts are from even ones, as a multiple of what chance does: about 1 for random
// keys.
double unevenness(const std::vector<unsigned>& counts) {
  double total = 0;
  for (const unsigned count : counts) total += count;
  const double mean = total / static_cast<double>(counts.size());
  double sum = 0;
  for (const unsigned count : counts) {
    sum += (count - mean) * (count - mean) / mean;
  }
  return sum / static_cast<double>(counts.size() - 1);
}

struct Spread {
  double groups;    // by the top eight bits
  double tags;      // by the low eight bits
  double together;  // by four bits of each
  double overflow;  // the share of keys that groups of 16 slots, filled to 12 on average, turn away
};

Spread spread_of(const std::vector<std::uint64_t>& hashes) {
  std::vector<unsigned> groups(256);
  std::vector<unsigned> tags(256);
  std::vector<unsigned> together(256);
  for (const std::uint64_t hash : hashes) {
    ++groups[static_cast<std::size_t>(hash >> 56)];
    ++tags[static_cast<std::size_t>(hash & 255U)];
    ++together[static_cast<std::size_t>(((hash >> 60) << 4) | (hash & 15U))];
  }
  unsigned overflow = 0;
  for (const unsigned count : groups) overflow += count > 16 ? count - 16 : 0;
  return {unevenness(groups), unevenness(tags), unevenness(together),
          overflow / static_cast<double>(hashes.size())};
}

constexpr std::size_t spread_keys = 256 * 12;

// 255 degrees of freedom: chance goes above 1.5 once in a million times.
void expect_even(const std::vector<std::uint64_t>& hashes, const std::string& what) {
  ASSERT_EQ(hashes.size(), spread_keys);
  const Spread spread = spread_of(hashes);
  EXPECT_LT(spread.groups, 1.6) << what;
  EXPECT_LT(spread.tags, 1.6) << what;
  EXPECT_LT(spread.together, 1.6) << what;
  EXPECT_LT(spread.overflow, 0.05) << what;
}

struct IntegerPattern {
  std::string name;
  std::function<std::uint64_t(std::uint64_t)> key;
};

std::vector<IntegerPattern> integer_patterns() {
  std::vector<IntegerPattern> patterns;
  for (unsigned shift = 0; shift <= 48; shift += 2) {
    patterns.push_back({"i << " + std::to_string(shift), [=](auto i) { return i << shift; }});
  }
  for (const std::uint64_t stride : {3U, 10U, 24U, 40U, 48U, 56U, 72U, 100U, 1000U, 10'000U}) {
    patterns.push_back({"i * " + std::to_string(stride), [=](auto i) { return i * stride; }});
    patterns.push_back({"pointers " + std::to_string(stride) + " apart",
                        [=](auto i) { return 0x7f12'3456'0000U + i * stride; }});
  }
  for (const unsigned shift : {16U, 32U, 48U}) {
    patterns.push_back({"grid " + std::to_string(shift),
                        [=](auto i) { return ((i & 63U) << shift) | (i >> 6); }});
  }
  patterns.push_back({"negative", [](auto i) { return ~i; }});
  patterns.push_back({"gray code", [](auto i) { return i ^ (i >> 1); }});
  patterns.push_back({"as double",
                      [](auto i) { return std::bit_cast<std::uint64_t>(static_cast<double>(i)); }});
  patterns.push_back({"bit-reversed", [](std::uint64_t i) {
                        std::uint64_t reversed = 0;
                        for (unsigned bit = 0; bit < 64; ++bit) {
                          reversed |= ((i >> bit) & 1U) << (63 - bit);
                        }
                        return reversed;
                      }});
  return patterns;
}

TEST(HashDistribution, IntegersOfEachPatternSpreadUnderEachSeed) {
  for (const IntegerPattern& pattern : integer_patterns()) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const auto hash = DefaultHash<std::uint64_t>::with_seed(seed);
      std::vector<std::uint64_t> hashes;
      for (std::uint64_t i = 0; i < spread_keys; ++i) hashes.push_back(hash(pattern.key(i)));
      expect_even(hashes, pattern.name + ", seed " + std::to_string(seed));
    }
  }
}

// The share of keys that tables of 2^bits groups, filled to 12 of 16 slots, turn away.
template <class Hash>
double overflow_of(const Hash& hash, unsigned bits, const IntegerPattern& pattern) {
  std::vector<unsigned> groups(std::size_t{1} << bits);
  for (std::uint64_t i = 0; i < groups.size() * 12; ++i) {
    ++groups[static_cast<std::size_t>(hash(pattern.key(i)) >> (64U - bits))];
  }
  unsigned overflow = 0;
  for (const unsigned count : groups) overflow += count > 16 ? count - 16 : 0;
  return overflow / (static_cast<double>(groups.size()) * 12);
}

TEST(HashDistribution, LargeTablesFillEvenly) {
  for (const IntegerPattern& pattern : integer_patterns()) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const auto hash = DefaultHash<std::uint64_t>::with_seed(seed);
      EXPECT_LT(overflow_of(hash, 12, pattern), 0.03) << pattern.name << ", seed " << seed;
    }
  }
}

// Weak seeds exist, but must be so rare, and so little weak, that nobody meets one.
TEST(HashDistribution, NoSeedInThousandsIsBad) {
  for (const unsigned shift : {0U, 3U, 6U, 12U, 32U}) {
    const IntegerPattern pattern{"", [=](auto i) { return i << shift; }};
    std::vector<double> overflows;
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
      const auto hash = DefaultHash<std::uint64_t>::with_seed(seed);
      overflows.push_back(overflow_of(hash, 6, pattern));
    }
    std::sort(overflows.begin(), overflows.end());
    EXPECT_LT(overflows[overflows.size() / 2], 0.03) << shift;
    EXPECT_LT(overflows[overflows.size() * 99 / 100], 0.06) << shift;
    EXPECT_LT(overflows.back(), 0.25) << shift;
  }
}

TEST(HashDistribution, TheMixerOfWeakHashesSpreadsEachPattern) {
  for (const IntegerPattern& pattern : integer_patterns()) {
    std::vector<std::uint64_t> hashes;
    for (std::uint64_t i = 0; i < spread_keys; ++i) hashes.push_back(detail::mix64(pattern.key(i)));
    expect_even(hashes, pattern.name);
    EXPECT_LT(overflow_of(detail::mix64, 6, pattern), 0.08) << pattern.name;
    EXPECT_LT(overflow_of(detail::mix64, 12, pattern), 0.03) << pattern.name;
  }
}

struct TextPattern {
  std::string name;
  std::function<std::string(std::uint64_t)> key;
};

std::vector<TextPattern> text_patterns() {
  const auto padded = [](std::uint64_t i, std::size_t width) {
    const std::string digits = std::to_string(i);
    return std::string(width - std::min(width, digits.size()), '0') + digits;
  };
  std::vector<TextPattern> patterns{
      {"number", [](auto i) { return std::to_string(i); }},
      {"key number", [](auto i) { return "key" + std::to_string(i); }},
      {"key, padded", [=](auto i) { return "key" + padded(i, 8); }},
      {"number first", [=](auto i) { return padded(i, 8) + ".profile.example.org"; }},
      {"address", [](auto i) { return "https://example.org/u/" + std::to_string(i) + "/a.html"; }},
      {"zeros of each length", [](auto i) {
         return std::string(static_cast<std::size_t>(i % 300), '\0') +
                (i < 300 ? "" : std::to_string(i));
       }}};
  for (const std::size_t size :
       {2U, 3U, 4U, 7U, 8U, 12U, 16U, 17U, 24U, 32U, 33U, 48U, 49U, 96U, 97U, 150U}) {
    for (const bool front : {true, false}) {
      patterns.push_back({"counter in " + std::to_string(size) + " bytes", [=](std::uint64_t i) {
                            std::string text(size, '\0');
                            const std::size_t at = front ? 0 : size - 2;
                            text[at] = static_cast<char>(i);
                            text[at + 1] = static_cast<char>(i >> 8);
                            return text;
                          }});
    }
  }
  return patterns;
}

TEST(HashDistribution, StringsOfEachPatternSpreadUnderEachSeed) {
  for (const TextPattern& pattern : text_patterns()) {
    std::vector<std::string> keys;
    for (std::uint64_t i = 0; i < spread_keys; ++i) keys.push_back(pattern.key(i));
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto hash = DefaultHash<std::string>::with_seed(seed);
      std::vector<std::uint64_t> hashes;
      for (const std::string& key : keys) hashes.push_back(hash(key));
      expect_even(hashes, pattern.name + ", seed " + std::to_string(seed));
    }
  }
}

TEST(HashDistribution, CompositeKeysSpreadUnderEachSeed) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::vector<std::uint64_t> narrow;
    std::vector<std::uint64_t> wide;
    std::vector<std::uint64_t> triple;
    std::vector<std::uint64_t> list;
    std::vector<std::uint64_t> single;
    for (std::uint64_t i = 0; i < spread_keys; ++i) {
      const auto x = static_cast<int>(i & 63U);
      const auto y = static_cast<int>(i >> 6);
      narrow.push_back(hash_with(seed, std::pair(x, y)));
      wide.push_back(hash_with(seed, std::pair(std::int64_t{x}, std::int64_t{y})));
      triple.push_back(hash_with(seed, std::tuple(x, std::to_string(y), 1.5)));
      single.push_back(hash_with(seed, std::deque<std::uint64_t>{i}));
      list.push_back(hash_with(seed, std::vector<double>{1.0 * x, 1.0 * y}));
    }
    const std::string what = "seed " + std::to_string(seed);
    expect_even(narrow, "pair of int, " + what);
    expect_even(wide, "pair of int64, " + what);
    expect_even(triple, "tuple, " + what);
    expect_even(list, "vector, " + what);
    expect_even(single, "deque, " + what);
  }
}

// Each bit of the input changes each bit of the hash in about half of the cases.
template <class Change>
void expect_avalanche(unsigned input_bits, Change change, const std::string& what) {
  constexpr unsigned rounds = 4096;
  for (unsigned input = 0; input < input_bits; ++input) {
    std::array<unsigned, 64> changed{};
    for (unsigned round = 0; round < rounds; ++round) {
      const std::uint64_t difference = change(round, input);
      for (unsigned output = 0; output < 64; ++output) {
        changed[output] += static_cast<unsigned>((difference >> output) & 1U);
      }
    }
    for (unsigned output = 0; output < 64; ++output) {
      EXPECT_NEAR(changed[output] / double{rounds}, 0.5, 0.06)
          << what << ": bit " << input << " to bit " << output;
    }
  }
}

TEST(HashDistribution, IntegersAvalanche) {
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> keys(4096);
  for (std::uint64_t& key : keys) key = random() >> (random() % 60);
  expect_avalanche(
      64,
      [&](unsigned round, unsigned bit) {
        const auto hash = DefaultHash<std::uint64_t>::with_seed(round);
        return hash(keys[round]) ^ hash(keys[round] ^ (std::uint64_t{1} << bit));
      },
      "integer");
}

TEST(HashDistribution, StringsAvalanche) {
  for (const unsigned size : {1U, 3U, 5U, 8U, 13U, 16U, 29U}) {
    expect_avalanche(
        size * 8,
        [&](unsigned round, unsigned bit) {
          const auto hash = DefaultHash<std::string>::with_seed(round);
          std::string text(size, static_cast<char>('a' + round % 26));
          const std::uint64_t before = hash(text);
          text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
          return before ^ hash(text);
        },
        "string of " + std::to_string(size));
  }
}

// --- Flooding -----------------------------------------------------------------------------------

// For how many of 4096 seeds the top twelve bits of both hashes agree; chance makes it 1.
template <class T>
unsigned colliding_seeds(const T& a, const T& b) {
  unsigned collisions = 0;
  for (std::uint64_t seed = 0; seed < 4096; ++seed) {
    const auto hash = DefaultHash<T>::with_seed(seed);
    collisions += (hash(a) ^ hash(b)) >> 52 == 0 ? 1U : 0U;
  }
  return collisions;
}

TEST(HashFlooding, NoDifferenceOfIntegersCollidesUnderManySeeds) {
  std::mt19937_64 random(1);
  for (unsigned round = 0; round < 100; ++round) {
    const std::uint64_t key = random();
    const std::uint64_t bit = std::uint64_t{1} << (round % 64);
    EXPECT_LT(colliding_seeds(key, key ^ bit), 12U) << key << ' ' << bit;
    EXPECT_LT(colliding_seeds(key, key + bit), 12U) << key << ' ' << bit;
    EXPECT_LT(colliding_seeds(std::uint64_t{round}, bit ^ round), 12U) << round << ' ' << bit;
    EXPECT_LT(colliding_seeds(key, ~key), 12U) << key;
    EXPECT_LT(colliding_seeds(key, std::uint64_t{0} - key), 12U) << key;
    EXPECT_LT(colliding_seeds(key, std::rotl(key, 1 + static_cast<int>(round % 63))), 12U) << key;
  }
}

std::string random_text(std::mt19937_64& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text;
}

TEST(HashFlooding, ExchangedPartsOfStringsDoNotCollide) {
  std::mt19937_64 random(1);
  for (const std::size_t size : {8U, 16U, 32U, 48U, 64U, 96U, 112U, 144U, 160U}) {
    for (const std::size_t part : {4U, 8U, 16U, 48U}) {
      const std::string text = random_text(random, size);
      for (std::size_t first = 0; first + part <= size; first += part) {
        for (std::size_t second = first + part; second + part <= size; second += part) {
          std::string exchanged = text;
          std::swap_ranges(exchanged.begin() + static_cast<std::ptrdiff_t>(first),
                           exchanged.begin() + static_cast<std::ptrdiff_t>(first + part),
                           exchanged.begin() + static_cast<std::ptrdiff_t>(second));
          EXPECT_LT(colliding_seeds(text, exchanged), 12U)
              << size << " bytes, " << part << " at " << first << " and " << second;
        }
      }
    }
  }
}

TEST(HashFlooding, TheSameChangeInTwoPlacesDoesNotCancel) {
  std::mt19937_64 random(1);
  for (const std::size_t size : {16U, 32U, 48U, 64U, 96U, 112U}) {
    for (const bool zeros : {false, true}) {
      const std::string text = zeros ? std::string(size, '\0') : random_text(random, size);
      for (const unsigned change : {0x01U, 0x80U, 0xffU}) {
        for (std::size_t first = 0; first < size; first += 8) {
          for (std::size_t second = first + 8; second < size; second += 8) {
            std::string changed = text;
            for (const std::size_t at : {first, second}) {
              changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ change);
            }
            EXPECT_LT(colliding_seeds(text, changed), 12U)
                << size << " bytes, " << change << " at " << first << " and " << second;
          }
        }
      }
    }
  }
}

TEST(HashFlooding, LengthAloneMakesAnotherHash) {
  for (const char byte : {'\0', 'a'}) {
    for (std::size_t size = 0; size < 130; ++size) {
      EXPECT_LT(colliding_seeds(std::string(size, byte), std::string(size + 1, byte)), 12U) << size;
      EXPECT_LT(colliding_seeds(std::string(size, byte), std::string(size + 64, byte)), 12U)
          << size;
    }
  }
}

TEST(HashFlooding, ExchangedMembersDoNotCollide) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    const std::uint64_t a = random() >> (random() % 64);
    const std::uint64_t b = random();
    EXPECT_LT(colliding_seeds(std::pair(a, b), std::pair(b, a)), 12U);
    EXPECT_LT(colliding_seeds(std::pair(a, a), std::pair(b, b)), 12U);
    EXPECT_LT(colliding_seeds(std::pair(a, b), std::pair(a ^ 1U, b ^ 1U)), 12U);
    EXPECT_LT(colliding_seeds(std::vector<double>{double(a), double(b)},
                              std::vector<double>{double(b), double(a)}),
              12U);
    EXPECT_LT(colliding_seeds(std::vector<std::string>{"x", "y", "z"},
                              std::vector<std::string>{"y", "x", "z"}),
              12U);
  }
}

// An attacker who found keys of one group under one seed has found nothing about another seed.
TEST(HashFlooding, KeysThatCollideUnderOneSeedPartUnderAnother) {
  const auto known = DefaultHash<std::uint64_t>::with_seed(1);
  const auto known_text = DefaultHash<std::string>::with_seed(1);
  std::vector<std::uint64_t> numbers;
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; numbers.size() < 200 || texts.size() < 200; ++i) {
    if (known(i) >> 52 == 7 && numbers.size() < 200) numbers.push_back(i);
    std::string text = "user:" + std::to_string(i);
    if (known_text(text) >> 52 == 7 && texts.size() < 200) texts.push_back(std::move(text));
  }
  for (std::uint64_t seed = 2; seed < 100; ++seed) {
    const auto hash = DefaultHash<std::uint64_t>::with_seed(seed);
    const auto hash_text = DefaultHash<std::string>::with_seed(seed);
    std::map<std::uint64_t, unsigned> groups;
    std::map<std::uint64_t, unsigned> text_groups;
    for (const std::uint64_t key : numbers) ++groups[hash(key) >> 52];
    for (const std::string& key : texts) ++text_groups[hash_text(key) >> 52];
    for (const auto& [group, count] : groups) EXPECT_LT(count, 8U) << seed;
    for (const auto& [group, count] : text_groups) EXPECT_LT(count, 8U) << seed;
  }
}

// Whoever knows the seed can bring a factor to zero; the rest of the key must count all the same.
TEST(HashFlooding, AZeroFactorDoesNotSwallowTheRest) {
  const detail::HashSeed seed = detail::seed_of_instance(1, 0);
  std::set<std::uint64_t> first_zero;
  std::set<std::uint64_t> second_zero;
  std::set<std::uint64_t> long_zero;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    first_zero.insert(detail::hash_two_words(seed, seed.first, i, 16));
    second_zero.insert(detail::hash_two_words(seed, i, seed.second, 16));
    const std::array<std::uint64_t, 4> words{seed.second, i, 1, 2};
    long_zero.insert(detail::hash_bytes(seed, words.data(), sizeof words));
  }
  EXPECT_EQ(first_zero.size(), 1000U);
  EXPECT_EQ(second_zero.size(), 1000U);
  EXPECT_EQ(long_zero.size(), 1000U);
}

// --- Strings ------------------------------------------------------------------------------------

TEST(HashStrings, EachLengthAndEachByteCounts) {
  std::mt19937_64 random(1);
  const std::string all = random_text(random, 300);
  const auto hash = DefaultHash<std::string>::with_seed(1);
  std::unordered_map<std::uint64_t, std::string> seen;
  const auto expect_new = [&](std::string text) {
    const auto [at, inserted] = seen.try_emplace(hash(text), text);
    EXPECT_TRUE(inserted || at->second == text) << "collision at " << text.size() << " bytes";
  };
  for (std::size_t size = 0; size <= 300; ++size) {
    expect_new(all.substr(0, size));
    expect_new(all.substr(300 - size));
    expect_new(std::string(size, '\0'));
    expect_new(std::string(size, '\xff'));
    for (std::size_t at = 0; at < size; ++at) {
      for (const unsigned change : {0x01U, 0x80U}) {
        std::string text = all.substr(0, size);
        text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ change);
        expect_new(std::move(text));
      }
      std::string spike(size, '\0');
      spike[at] = 1;
      expect_new(std::move(spike));
    }
  }
}

// Exact heap blocks, so that the address sanitizer sees a read beyond either end.
TEST(HashStrings, OnlyTheBytesCountNotTheirPlace) {
  std::mt19937_64 random(1);
  const auto hash = DefaultHash<std::string_view>::with_seed(1);
  for (std::size_t size = 0; size <= 300; ++size) {
    const std::string text = random_text(random, size);
    const std::uint64_t expected = hash(text);
    for (std::size_t shift = 0; shift < 9; ++shift) {
      const auto block = std::make_unique<char[]>(shift + size);
      std::copy(text.begin(), text.end(), block.get() + shift);
      ASSERT_EQ(hash(std::string_view(block.get() + shift, size)), expected) << size;
    }
  }
}

TEST(HashStrings, EqualTextHasEqualHashesInEachType) {
  for (const std::string text :
       {"", "a", "apple", "pineapple", "a longer text than sixteen bytes"}) {
    const auto hash = DefaultHash<std::string>::with_seed(1);
    const std::uint64_t expected = hash(text);
    EXPECT_EQ(hash(text.c_str()), expected);
    EXPECT_EQ(hash(std::string_view(text)), expected);
    EXPECT_EQ(hash(std::pmr::string(text)), expected);
    EXPECT_EQ(hash_with(1, std::string_view(text)), expected);
    EXPECT_EQ(hash_with(1, std::pmr::string(text)), expected);
    EXPECT_EQ(hash_with(1, std::u8string(text.begin(), text.end())), expected);
    std::string copy = text;
    EXPECT_EQ(hash(copy.data()), expected);  // char*
  }
  const auto hash = DefaultHash<std::string>::with_seed(1);
  EXPECT_EQ(hash("apple"), hash(std::string("apple")));
  EXPECT_EQ(DefaultHash<std::u8string>::with_seed(1)(u8"apple"), hash("apple"));
  EXPECT_EQ(DefaultHash<std::wstring>::with_seed(1)(L"apple"),
            hash_with(1, std::wstring(L"apple")));
  EXPECT_NE(hash(std::string_view("a\0b", 3)), hash("a"));
}

struct Name {
  std::string text;
  operator std::string_view() const noexcept { return text; }  // NOLINT
};

TEST(HashStrings, WhatConvertsToAViewIsTakenAsOne) {
  const auto hash = DefaultHash<std::string>::with_seed(1);
  EXPECT_EQ(hash(Name{"apple"}), hash("apple"));
  static_assert(!std::is_invocable_v<const DefaultHash<std::string>&, int>);
  static_assert(!std::is_invocable_v<const DefaultHash<std::string>&, std::wstring>);
}

// --- Other types --------------------------------------------------------------------------------

TEST(HashTypes, IntegersOfEachWidthAreTheirValues) {
  const auto hash = DefaultHash<std::uint64_t>::with_seed(1);
  const std::uint64_t key = 7;
  EXPECT_EQ(hash(key), hash(7));
  EXPECT_EQ(hash_with(1, std::uint8_t{7}), hash(7));
  EXPECT_EQ(hash_with(1, 7), hash(7));
  EXPECT_NE(hash_with(1, std::int8_t{-1}), hash_with(1, std::int8_t{1}));
  EXPECT_NE(hash_with(1, true), hash_with(1, false));
  enum class Colour : short { red, green };
  EXPECT_NE(hash_with(1, Colour::red), hash_with(1, Colour::green));
  enum Unscoped { one = 1, two = 2 };
  EXPECT_NE(hash_with(1, one), hash_with(1, two));
  EXPECT_NE(hash_with(1, U'a'), hash_with(1, U'b'));
}

// Letters, large or small.
enum class Letter : char { a = 'a', b = 'b', A = 'A' };
constexpr int number_of(Letter letter) { return static_cast<int>(letter) | 0x20; }
constexpr bool operator==(Letter a, Letter b) { return number_of(a) == number_of(b); }

}  // namespace

template <>
struct std::hash<Letter> {
  std::size_t operator()(Letter letter) const noexcept {
    return static_cast<std::size_t>(number_of(letter));
  }
};

namespace {

TEST(HashTypes, EnumerationsWithAnEqualityOfTheirOwnHaveTheHashThatGoesWithIt) {
  EXPECT_TRUE(Letter::a == Letter::A);
  EXPECT_EQ(hash_with(1, Letter::a), hash_with(1, Letter::A));
  EXPECT_NE(hash_with(1, Letter::a), hash_with(1, Letter::b));
}

#if defined(__SIZEOF_INT128__)
TEST(HashTypes, WideIntegersCountWithBothHalves) {
  using Wide = detail::Uint128;
  std::set<std::uint64_t> hashes;
  for (unsigned bit = 0; bit < 128; ++bit) hashes.insert(hash_with(1, Wide{1} << bit));
  EXPECT_EQ(hashes.size(), 128U);
}
#endif

template <class Float>
void expect_float_hash() {
  EXPECT_EQ(hash_with(1, Float{0}), hash_with(1, -Float{0}));
  std::set<std::uint64_t> hashes;
  for (int i = -100; i <= 100; ++i) hashes.insert(hash_with(1, static_cast<Float>(i) / 8));
  hashes.insert(hash_with(1, std::numeric_limits<Float>::infinity()));
  hashes.insert(hash_with(1, -std::numeric_limits<Float>::infinity()));
  hashes.insert(hash_with(1, std::numeric_limits<Float>::denorm_min()));
  hashes.insert(hash_with(1, -std::numeric_limits<Float>::denorm_min()));
  hashes.insert(hash_with(1, std::nextafter(Float{1}, Float{2})));
  EXPECT_EQ(hashes.size(), 206U);
}

TEST(HashTypes, FloatingPointNumbersThatAreEqualHashEqual) {
  expect_float_hash<float>();
  expect_float_hash<double>();
  expect_float_hash<long double>();
}

TEST(HashTypes, ThePaddingOfALongDoubleDoesNotCount) {
  const long double number = 1.25L;
  const std::size_t size = std::numeric_limits<long double>::digits == 64 ? 10 : sizeof number;
  long double first = 0;
  long double second = 0;
  std::memset(&first, 0x00, sizeof first);
  std::memset(&second, 0xff, sizeof second);
  std::memcpy(&first, &number, size);
  std::memcpy(&second, &number, size);
  EXPECT_EQ(first, second);
  EXPECT_EQ(hash_with(1, first), hash_with(1, second));
}

TEST(HashTypes, PointersAreTheirAddresses) {
  std::array<int, 2> numbers{};
  EXPECT_NE(hash_with(1, &numbers[0]), hash_with(1, &numbers[1]));
  EXPECT_EQ(hash_with(1, static_cast<const void*>(&numbers[0])), hash_with(1, &numbers[0]));
  const auto owner = std::make_unique<int>(1);
  EXPECT_EQ(hash_with(1, owner), hash_with(1, owner.get()));
  const auto shared = std::make_shared<int>(1);
  EXPECT_EQ(hash_with(1, shared), hash_with(1, shared.get()));
  const char* const text = "text";
  const std::string copy(text);
  EXPECT_NE(hash_with(1, text), hash_with(1, copy.c_str()));  // not the characters
}

TEST(HashTypes, TuplesCountWithEachMemberAndItsPlace) {
  EXPECT_NE(hash_with(1, std::pair(1, 2)), hash_with(1, std::pair(2, 1)));
  EXPECT_NE(hash_with(1, std::pair(std::int8_t{-1}, std::int8_t{0})),
            hash_with(1, std::pair(std::int8_t{0}, std::int8_t{-1})));
  EXPECT_NE(hash_with(1, std::pair(std::int8_t{-1}, std::int8_t{0})),
            hash_with(1, std::pair(std::int8_t{-1}, std::int8_t{1})));
  EXPECT_NE(hash_with(1, std::pair(std::string("ab"), std::string("c"))),
            hash_with(1, std::pair(std::string("a"), std::string("bc"))));
  EXPECT_EQ(hash_with(1, std::pair(std::string("a"), 1)),
            hash_with(1, std::pair(std::string("a"), 1)));
  EXPECT_EQ(hash_with(1, std::tuple(-0.0, 1)), hash_with(1, std::tuple(0.0, 1)));
  EXPECT_NE(hash_with(1, std::tuple(1, 2, 3, 4)), hash_with(1, std::tuple(1, 2, 4, 3)));
  std::set<std::uint64_t> hashes{hash_with(1, std::tuple<>())};
  hashes.insert(hash_with(1, std::tuple<std::uint64_t>(5)));
  hashes.insert(hash_with(1, std::tuple<std::uint64_t>(6)));
  EXPECT_EQ(hashes.size(), 3U);
}

TEST(HashTypes, SmallTuplesAreExact) {
  std::set<std::uint64_t> hashes;
  for (int x = -50; x < 50; ++x) {
    for (int y = -50; y < 50; ++y) {
      hashes.insert(hash_with(1, std::tuple(static_cast<short>(x), true, y)));
    }
  }
  EXPECT_EQ(hashes.size(), 10'000U);
  hashes.clear();
  for (unsigned n = 0; n < 65'536; ++n) {
    hashes.insert(hash_with(1, std::pair(static_cast<std::uint8_t>(n >> 8),
                                         static_cast<std::uint8_t>(n & 255U))));
  }
  EXPECT_EQ(hashes.size(), 65'536U);
}

TEST(HashTypes, OptionalsAndVariants) {
  using Number = std::optional<int>;
  EXPECT_EQ(hash_with(1, Number()), hash_with(1, Number()));
  EXPECT_NE(hash_with(1, Number()), hash_with(1, Number(0)));
  EXPECT_NE(hash_with(1, Number(1)), hash_with(1, Number(2)));
  EXPECT_NE(hash_with(1, std::optional<Number>()), hash_with(1, std::optional<Number>(Number())));

  using Either = std::variant<std::monostate, int, unsigned, std::string>;
  std::set<std::uint64_t> hashes;
  for (const Either& either : {Either(), Either(0), Either(1), Either(0U), Either(1U),
                               Either(std::string()), Either(std::string("a"))}) {
    hashes.insert(hash_with(1, either));
  }
  EXPECT_EQ(hashes.size(), 7U);
}

template <class Range>
void expect_range_hash() {
  EXPECT_EQ(hash_with(1, Range{1, 2, 3}), hash_with(1, Range{1, 2, 3}));
  EXPECT_NE(hash_with(1, Range{1, 2, 3}), hash_with(1, Range{1, 2, 4}));
  std::set<std::uint64_t> hashes;
  for (const Range& range :
       {Range{}, Range{0}, Range{0, 1}, Range{0, 1, 2}, Range{1, 2}, Range{2}, Range{1, 3}}) {
    hashes.insert(hash_with(1, range));
  }
  EXPECT_EQ(hashes.size(), 7U);
}

TEST(HashTypes, ContainersCountWithEachElementAndItsPlace) {
  expect_range_hash<std::vector<int>>();
  expect_range_hash<std::vector<double>>();
  expect_range_hash<std::deque<int>>();
  expect_range_hash<std::set<int>>();
  EXPECT_NE(hash_with(1, std::vector<int>{1, 2}), hash_with(1, std::vector<int>{2, 1}));
  EXPECT_NE(hash_with(1, std::vector<double>{0}), hash_with(1, std::vector<double>{0, 0}));
  EXPECT_EQ(hash_with(1, std::vector<double>{0.0}), hash_with(1, std::vector<double>{-0.0}));
  using Texts = std::vector<std::string>;
  EXPECT_NE(hash_with(1, Texts{"ab", "c"}), hash_with(1, Texts{"a", "bc"}));
  EXPECT_NE(hash_with(1, Texts{}), hash_with(1, Texts{""}));
  using Directory = std::map<std::string, int>;
  EXPECT_NE(hash_with(1, Directory{{"a", 1}}), hash_with(1, Directory{{"a", 2}}));
  EXPECT_NE(hash_with(1, std::array{1, 2}), hash_with(1, std::array{2, 1}));
  EXPECT_NE(hash_with(1, std::array{1.0, 2.0}), hash_with(1, std::array{2.0, 1.0}));
  EXPECT_NE(hash_with(1, std::vector<bool>{true}), hash_with(1, std::vector<bool>{false}));
}

TEST(HashTypes, DurationsAndTimePoints) {
  using namespace std::chrono;
  EXPECT_NE(hash_with(1, seconds(1)), hash_with(1, seconds(2)));
  EXPECT_EQ(hash_with(1, duration<double>(0.0)), hash_with(1, duration<double>(-0.0)));
  EXPECT_NE(hash_with(1, system_clock::time_point(seconds(1))),
            hash_with(1, system_clock::time_point(seconds(2))));
}

}  // namespace

struct UserKey {
  int number = 0;
  friend bool operator==(const UserKey&, const UserKey&) = default;
};

template <>
struct std::hash<UserKey> {
  std::size_t operator()(const UserKey& key) const { return static_cast<std::size_t>(key.number); }
};

namespace {

TEST(HashTypes, StdHashIsUsedAndSeeded) {
  EXPECT_EQ(hash_with(1, UserKey{7}), hash_with(1, UserKey{7}));
  EXPECT_NE(hash_with(1, UserKey{7}), hash_with(2, UserKey{7}));
  static_assert(!hashes_without_throwing<UserKey>);
  using Path = std::filesystem::path;
  EXPECT_EQ(hash_with(1, Path("a/b")), hash_with(1, Path("a//b")));
  EXPECT_NE(hash_with(1, Path("a/b")), hash_with(1, Path("a/c")));
  EXPECT_NE(hash_with(1, std::bitset<4>(1)), hash_with(1, std::bitset<4>(2)));
  EXPECT_NE(hash_with(1, std::this_thread::get_id()), hash_with(1, std::thread::id()));
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<std::uint64_t> hashes;
    for (std::size_t i = 0; i < spread_keys; ++i) {
      hashes.push_back(hash_with(seed, UserKey{static_cast<int>(i)}));
    }
    expect_even(hashes, "std::hash, seed " + std::to_string(seed));
  }
}

// --- Seeds --------------------------------------------------------------------------------------

TEST(HashSeeds, EachHasherHasASeedOfItsOwn) {
  std::set<std::uint64_t> hashes;
  for (int i = 0; i < 10'000; ++i) hashes.insert(DefaultHash<int>()(1));
  EXPECT_EQ(hashes.size(), 10'000U);
  EXPECT_NE(DefaultHash<int>(), DefaultHash<int>());
}

TEST(HashSeeds, ACopyHasTheSeedOfItsOriginal) {
  const DefaultHash<int> original;
  const DefaultHash<int> copy = original;
  EXPECT_EQ(copy, original);
  EXPECT_EQ(copy(1), original(1));
  DefaultHash<int> assigned;
  EXPECT_NE(assigned, original);
  assigned = original;
  EXPECT_EQ(assigned(1), original(1));
}

TEST(HashSeeds, ANumberNamesASeed) {
  EXPECT_EQ(DefaultHash<int>::with_seed(42), DefaultHash<int>::with_seed(42));
  EXPECT_NE(DefaultHash<int>::with_seed(42), DefaultHash<int>::with_seed(43));
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) hashes.insert(hash_with(seed, 1));
  EXPECT_EQ(hashes.size(), 10'000U);
}

TEST(HashSeeds, ThreadsGetDifferentSeeds) {
  std::array<std::vector<std::uint64_t>, 4> hashes;
  {
    std::vector<std::jthread> threads;
    for (auto& own : hashes) {
      threads.emplace_back([&own] {
        for (int i = 0; i < 1000; ++i) own.push_back(DefaultHash<int>()(1));
      });
    }
  }
  std::set<std::uint64_t> all;
  for (const auto& own : hashes) all.insert(own.begin(), own.end());
  EXPECT_EQ(all.size(), 4000U);
}

// Filling one map in the order of another must not fill it group by group.
TEST(HashSeeds, TwoHashersOrderKeysDifferently) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto first = DefaultHash<int>::with_seed(2 * seed);
    const auto second = DefaultHash<int>::with_seed(2 * seed + 1);
    std::vector<unsigned> groups(64);
    unsigned keys = 0;
    for (int i = 0; i < 100'000; ++i) {
      if (first(i) >> 58 == 0) {
        ++groups[static_cast<std::size_t>(second(i) >> 58)];
        ++keys;
      }
    }
    EXPECT_LT(*std::max_element(groups.begin(), groups.end()), keys / 16) << seed;
  }
}

}  // namespace
