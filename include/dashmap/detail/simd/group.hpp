// Role
//   Selects how the 16 tags of a group are compared and names it once: `BitMask`,
//   `tag_pattern`, `match`, `match_empty` and `match_full` in dashmap::detail are those of
//   sse2.hpp, neon.hpp or portable.hpp.
//
// Invariants
//   1. Exactly one implementation is selected, by config.hpp (user option DASHMAP_PORTABLE_SIMD).
//   2. All implementations give the same lanes for the same bytes.
//   Tests: 2 unit/simd_test.cpp.
//
// Readers and writers
//   As each implementation says: masks of tags that are being written must be discarded.
//
// Not here
//   Which tags a hash gives, and what is done with a matching lane (detail/table).
#pragma once

#include <cstddef>

#include "dashmap/detail/base/config.hpp"

#if DASHMAP_DETAIL_SSE2
#include "dashmap/detail/simd/sse2.hpp"
namespace dashmap::detail {
namespace simd_selected = simd_sse2;
}
#elif DASHMAP_DETAIL_NEON
#include "dashmap/detail/simd/neon.hpp"
namespace dashmap::detail {
namespace simd_selected = simd_neon;
}
#else
#include "dashmap/detail/simd/portable.hpp"
namespace dashmap::detail {
namespace simd_selected = simd_portable;
}
#endif

namespace dashmap::detail {

/// Slots, and tags, in a group.
inline constexpr std::size_t group_width = 16;

using simd_selected::BitMask;
using simd_selected::match;
using simd_selected::match_empty;
using simd_selected::match_full;
using simd_selected::tag_pattern;
using simd_selected::TagPattern;

}  // namespace dashmap::detail
