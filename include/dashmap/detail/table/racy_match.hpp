// Role
//   How an optimistic reader compares a key that a writer may be changing with the one it looks
//   for: plain data by a copy, a std::string where it lies, if its characters are in the object.
//
// Invariants
//   1. Nothing is read but the slot: a string's characters only if its pointer, read once, is the
//      address of its own buffer, and not more of them than the buffer has.
//   2. A key is taken for another one if its hash is another, or it is plain data that compares
//      unequal. Of any other it is said that it cannot be told.
//   What was read may be torn: as for all optimistic reads, the group's version decides.
//   Tests: 1, 2 unit/short_string_test.cpp.
//
// Readers and writers
//   As in element.hpp.
//
// Not here
//   Comparisons under a lock (core/acquire.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/base/hash_bytes.hpp"
#include "dashmap/detail/base/hash_traits.hpp"
#include "dashmap/detail/table/element.hpp"

namespace dashmap::detail {

// Plain data.
template <class Equal, class Q>
class PlainMatcher {
 public:
  DASHMAP_DETAIL_INLINE PlainMatcher(const Equal& equal, std::uint64_t, const Q& query,
                                     bool*) noexcept
      : equal_(equal), query_(query) {}

  template <class SlotType>
  DASHMAP_DETAIL_INLINE bool operator()(const SlotType& slot) const {
    return static_cast<bool>(equal_(racy_copy(slot.element().key), query_));
  }

 private:
  DASHMAP_DETAIL_NO_UNIQUE_ADDRESS std::conditional_t<std::is_empty_v<Equal>, Equal, const Equal&>
      equal_;
  const Q& query_;
};

// How the GNU C++ library keeps a std::string, which its binary interface fixes.
struct StringImage {
  using Buffer = std::array<char, 16>;  // of which a zero ends the string

  std::uintptr_t characters;  // where they are
  std::size_t size;
  Buffer buffer;
};
inline constexpr bool knows_strings =
    DASHMAP_DETAIL_GNU_STRING != 0 && sizeof(StringImage) == sizeof(std::string);

// Keys whose characters may be elsewhere, but it is known where.
template <class SlotType>
inline constexpr bool has_characters =
    knows_strings && SlotType::in_place &&
    std::is_same_v<std::remove_cvref_t<decltype(std::declval<SlotType&>().element().key)>,
                   std::string>;
// Asks for those of a slot's key.
template <class SlotType>
DASHMAP_DETAIL_INLINE void prefetch_characters(const SlotType& slot) noexcept {
  // No more than its bytes is looked at, which lie so.
  const auto& image = reinterpret_cast<const StringImage&>(slot.element().key);
  // A number made an address: if it is none any more that does no harm, as nothing is read.
  DASHMAP_DETAIL_PREFETCH(reinterpret_cast<const char*>(racy_copy(image.characters)));
}

template <class Q>
inline constexpr bool is_c_string =
    std::is_same_v<std::decay_t<Q>, const char*> || std::is_same_v<std::decay_t<Q>, char*>;

// Whether keys that are short strings can be compared with a Q.
template <class K, class Equal, class Q>
inline constexpr bool compares_short_strings =
    knows_strings && std::is_same_v<K, std::string> && is_standard_equal<Equal, K> &&
    (is_text<Q> || is_c_string<Q>);

DASHMAP_DETAIL_INLINE constexpr bool is_short(std::string_view text) noexcept {
  return text.size() < std::tuple_size_v<StringImage::Buffer>;
}

// Short strings; `*unsure` gets true where a key could not be told from the query.
class ShortStringMatcher {
 public:
  template <class Equal>
  DASHMAP_DETAIL_INLINE ShortStringMatcher(const Equal&, std::uint64_t hash, std::string_view text,
                                           bool* unsure) noexcept
      : hash_(hash), text_(text), unsure_(unsure) {}

  template <class SlotType>
  DASHMAP_DETAIL_INLINE bool operator()(const SlotType& slot) const {
    if (racy_copy(slot.element().hash.value) != hash_) return false;
    if (is_query(slot.element().key)) [[likely]]
      return true;
    *unsure_ = true;
    return false;
  }

 private:
  DASHMAP_DETAIL_INLINE bool is_query(const std::string& key) const {
    // No more than its bytes is looked at, which lie so.
    const auto& image = reinterpret_cast<const StringImage&>(key);
    const auto here = reinterpret_cast<std::uintptr_t>(image.buffer.data());
    if (racy_copy(image.characters) != here) return false;
    if (racy_copy(image.size) != text_.size()) return false;
#if DASHMAP_DETAIL_TSAN
    const StringImage::Buffer buffer = racy_copy(image.buffer);
#else
    // Not copied: loads across the two stores of a copy would wait for both of them.
    const StringImage::Buffer& buffer = image.buffer;
#endif
    return same_few_bytes(buffer.data(), text_.data(), text_.size());
  }

  std::uint64_t hash_;
  std::string_view text_;
  bool* unsure_;
};

template <bool Plain, class Equal, class Q>
using RacyMatcher = std::conditional_t<Plain, PlainMatcher<Equal, Q>, ShortStringMatcher>;

}  // namespace dashmap::detail
