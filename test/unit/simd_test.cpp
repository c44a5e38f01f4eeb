// Each way to compare the tags of a group finds exactly the lanes that a loop finds.
#include "dashmap/detail/simd/group.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "dashmap/detail/simd/portable.hpp"

namespace {

using dashmap::detail::group_width;

struct alignas(16) Group {
  std::array<std::uint8_t, group_width> tags{};

  [[nodiscard]] const std::uint8_t* data() const { return tags.data(); }
};

// Only the low byte of a hash is its tag.
constexpr std::uint64_t hash_with(std::uint8_t low) { return 0x0180'7fff'55aa'0100U | low; }

struct Selected {
  static auto match(const Group& group, std::uint8_t low) {
    return dashmap::detail::match(group.data(), dashmap::detail::tag_pattern(hash_with(low)));
  }
  static auto match_empty(const Group& group) { return dashmap::detail::match_empty(group.data()); }
  static auto match_full(const Group& group) { return dashmap::detail::match_full(group.data()); }
};

struct Portable {
  static auto match(const Group& group, std::uint8_t low) {
    namespace portable = dashmap::detail::simd_portable;
    return portable::match(group.data(), portable::tag_pattern(hash_with(low)));
  }
  static auto match_empty(const Group& group) {
    return dashmap::detail::simd_portable::match_empty(group.data());
  }
  static auto match_full(const Group& group) {
    return dashmap::detail::simd_portable::match_full(group.data());
  }
};

template <class Implementation>
class Simd : public testing::Test {};
using Implementations = testing::Types<Selected, Portable>;
TYPED_TEST_SUITE(Simd, Implementations, );

// The lanes of a mask as bits, in the order in which it gives them.
template <class Mask>
std::uint32_t lanes_of(Mask mask) {
  std::uint32_t lanes = 0;
  unsigned seen = 0;
  std::size_t above = 0;
  const unsigned count = mask.count();
  for (; mask; mask.clear_lowest()) {
    const std::size_t lane = mask.next();
    EXPECT_TRUE(mask.any());
    EXPECT_LT(lane, group_width);
    EXPECT_GE(lane, above);
    above = lane + 1;
    lanes |= 1U << lane;
    ++seen;
  }
  EXPECT_FALSE(mask.any());
  EXPECT_EQ(seen, count);
  return lanes;
}

std::uint32_t expected_lanes(const Group& group, std::uint8_t tag) {
  std::uint32_t lanes = 0;
  for (std::size_t lane = 0; lane < group_width; ++lane) {
    lanes |= group.tags[lane] == tag ? 1U << lane : 0U;
  }
  return lanes;
}

// A hash's tag is its low byte, but never 0.
template <class Implementation>
bool agrees(const Group& group, std::uint8_t low) {
  const std::uint32_t empty = expected_lanes(group, 0);
  const std::uint8_t tag = std::max<std::uint8_t>(low, 1);
  return lanes_of(Implementation::match(group, low)) == expected_lanes(group, tag) &&
         lanes_of(Implementation::match_empty(group)) == empty &&
         lanes_of(Implementation::match_full(group)) == (empty ^ 0xffffU);
}

// Bytes whose differences from `tag` provoke a carry or a borrow in word arithmetic.
std::vector<std::uint8_t> neighbours(std::uint8_t tag) {
  std::vector<std::uint8_t> bytes{0x00, 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff};
  for (const unsigned change : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU}) {
    bytes.push_back(static_cast<std::uint8_t>(tag ^ change));
    bytes.push_back(static_cast<std::uint8_t>(tag + change));
  }
  return bytes;
}

TYPED_TEST(Simd, FindsEachTagInEachLane) {
  for (unsigned tag = 0; tag < 256; ++tag) {
    for (std::size_t lane = 0; lane < group_width; ++lane) {
      Group group;
      group.tags.fill(static_cast<std::uint8_t>(~tag));
      group.tags[lane] = static_cast<std::uint8_t>(tag);
      ASSERT_TRUE(agrees<TypeParam>(group, static_cast<std::uint8_t>(tag)))
          << "tag " << tag << " lane " << lane;
    }
  }
}

TYPED_TEST(Simd, TellsEachByteFromEachTag) {
  for (unsigned tag = 0; tag < 256; ++tag) {
    for (unsigned byte = 0; byte < 256; byte += group_width) {
      Group group;
      for (std::size_t lane = 0; lane < group_width; ++lane) {
        group.tags[lane] = static_cast<std::uint8_t>(byte + lane);
      }
      ASSERT_TRUE(agrees<TypeParam>(group, static_cast<std::uint8_t>(tag)))
          << "tag " << tag << " from " << byte;
    }
  }
}

TYPED_TEST(Simd, NeighbouringLanesDoNotDisturbEachOther) {
  constexpr std::array<std::uint8_t, 9> tags{0x00, 0x01, 0x02, 0x55, 0x7f, 0x80, 0x81, 0xfe, 0xff};
  for (const std::uint8_t tag : tags) {
    const std::vector<std::uint8_t> bytes = neighbours(tag);
    for (const std::uint8_t filler : bytes) {
      for (const std::uint8_t low : bytes) {
        for (const std::uint8_t high : bytes) {
          for (std::size_t lane = 0; lane + 1 < group_width; ++lane) {
            Group group;
            group.tags.fill(filler);
            group.tags[lane] = low;
            group.tags[lane + 1] = high;
            ASSERT_TRUE(agrees<TypeParam>(group, tag))
                << "tag " << int{tag} << " lane " << lane << ": " << int{low} << ' ' << int{high}
                << " among " << int{filler};
          }
        }
      }
    }
  }
}

TYPED_TEST(Simd, AgreesWithALoopOnRandomTags) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    // Few different bytes, so that each number of matches occurs.
    const unsigned kinds = 1U + random() % 8U;
    const auto first = static_cast<unsigned>(random());
    Group group;
    for (std::uint8_t& tag : group.tags) {
      tag = static_cast<std::uint8_t>(first + random() % kinds);
    }
    const auto tag = static_cast<std::uint8_t>(first + random() % kinds);
    ASSERT_TRUE(agrees<TypeParam>(group, tag)) << "round " << round;
  }
}

TYPED_TEST(Simd, EmptyAndFullGroups) {
  Group group;
  EXPECT_EQ(TypeParam::match_empty(group).count(), group_width);
  EXPECT_FALSE(TypeParam::match_full(group).any());
  EXPECT_FALSE(static_cast<bool>(TypeParam::match(group, 1)));
  group.tags.fill(1);
  EXPECT_FALSE(TypeParam::match_empty(group).any());
  EXPECT_EQ(TypeParam::match_full(group).count(), group_width);
  EXPECT_EQ(TypeParam::match(group, 1).count(), group_width);
}

TYPED_TEST(Simd, SeesWhatWasWrittenByteByByte) {
  Group group;
  for (std::size_t lane = 0; lane < group_width; ++lane) {
    EXPECT_EQ(TypeParam::match_empty(group).next(), lane);
    group.tags[lane] = static_cast<std::uint8_t>(lane + 1);
    EXPECT_EQ(TypeParam::match(group, static_cast<std::uint8_t>(lane + 1)).next(), lane);
  }
}

}  // namespace
