// Keys that are strings: short ones are found without a lock, and nobody can tell.
#include "support/hashers.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;
using dashmap::DashSet;
using dashmap::detail::CachedHash;
using dashmap::detail::ShortStringMatcher;
using dashmap::detail::StringImage;

constexpr std::size_t longest = 40;  // the buffer of no library has room for so many

std::string text_of(std::size_t length, char last = 'z') {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += static_cast<char>('a' + i % 20);
  if (!text.empty()) text.back() = last;
  return text;
}

/// Short, but in memory of its own.
std::string roomy(std::string_view text) {
  std::string result;
  result.reserve(100);
  result = text;
  return result;
}

/// Of plain values under short keys the closure sees copies: it may change what it is shown.
TEST(ShortString, GetManyShowsCopiesOfPlainValues) {
  DashMap<std::string, std::size_t> map;
  std::vector<std::string> keys;
  for (std::size_t n = 0; n <= longest; ++n) {
    keys.push_back(n % 3 == 0 ? roomy(text_of(n)) : text_of(n));
    if (n % 4 != 0) map.insert(keys.back(), n);
  }
  std::size_t n = 0;
  map.get_many(keys, [&](const std::string& key, const std::size_t* value) {
    EXPECT_EQ(&key, &keys[n]);
    ASSERT_EQ(value != nullptr, n % 4 != 0) << n;
    if (value != nullptr) {
      const bool copied = dashmap::detail::knows_strings && n <= 15;
      if (copied) {
        EXPECT_TRUE(map.alter(key, [](const std::string&, std::size_t v) { return v + 100; }));
      }
      EXPECT_EQ(*value, n);
      EXPECT_EQ(map.get_copy(key), copied ? n + 100 : n);
    } else {
      map.insert(key, 0);
    }
    ++n;
  });
  EXPECT_EQ(n, keys.size());
  EXPECT_EQ(map.len(), keys.size());
}

template <class Hash>
void find_all_lengths() {
  DashMap<std::string, std::size_t, Hash> map;
  DashSet<std::string, Hash> set;
  for (std::size_t n = 0; n <= longest; ++n) {
    EXPECT_FALSE(map.contains(text_of(n)));
    map.insert(n % 3 == 0 ? roomy(text_of(n)) : text_of(n), n);
    set.insert(text_of(n));
  }
  for (std::size_t n = 0; n <= longest; ++n) {
    const std::string text = text_of(n);
    const std::string_view view = text;
    const char* const pointer = text.c_str();
    EXPECT_EQ(map.get_copy(text), n);
    EXPECT_EQ(map.get_copy(view), n);
    EXPECT_EQ(map.get_copy(pointer), n);
    EXPECT_TRUE(map.contains(text) && map.contains(view) && map.contains(pointer));
    EXPECT_TRUE(set.contains(text) && set.contains(view) && set.contains(pointer));
    if (n != 0) {
      EXPECT_EQ(map.get_copy(text_of(n, 'y')), std::nullopt);
      EXPECT_FALSE(set.contains(text_of(n, 'y')));
    }
  }
  for (std::size_t n = 0; n <= longest; ++n) EXPECT_TRUE(map.erase(text_of(n)));
  for (std::size_t n = 0; n <= longest; ++n) EXPECT_FALSE(map.contains(text_of(n)));
}

TEST(ShortString, AllLengthsAreFound) { find_all_lengths<dashmap::DefaultHash<std::string>>(); }

TEST(ShortString, AmongKeysOfTheSameHashToo) { find_all_lengths<ConstantHash>(); }

/// One that cannot be told without a lock lies in the group, others in its chain can.
TEST(ShortString, WithRoomIsFoundBesideAChain) {
  DashMap<std::string, std::size_t, FirstGroupHash> map;
  map.insert(roomy("roomy"), 100);
  for (std::size_t n = 1; n <= 40; ++n) {
    map.insert(std::to_string(n), n);
    EXPECT_EQ(map.get_copy("roomy"), 100U) << n;
    EXPECT_TRUE(map.contains("roomy")) << n;
    EXPECT_EQ(map.get_copy(std::to_string(n)), n);
  }
  EXPECT_FALSE(map.contains("absent"));
}

TEST(ShortString, ZerosCount) {
  const std::string a("a\0b", 3);
  const std::string b("a\0c", 3);
  DashMap<std::string, int> map{{a, 1}};
  EXPECT_EQ(map.get_copy(a), 1);
  EXPECT_FALSE(map.contains(b));
  EXPECT_FALSE(map.contains("a"));
}

struct IgnoresCase {
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
  std::size_t operator()(const std::string& text) const {
    std::size_t sum = 0;
    for (const char c : text) sum = sum * 31 + static_cast<unsigned char>(lower(c));
    return sum;
  }
  bool operator()(const std::string& a, const std::string& b) const {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
  }
};

TEST(ShortString, AnEqualityOfOnesOwnIsAsked) {
  DashMap<std::string, int, IgnoresCase, IgnoresCase> map;
  map.insert("Key", 1);
  EXPECT_EQ(map.get_copy("kEY"), 1);
  EXPECT_TRUE(map.contains(std::string("KEY")));
}

/// A view that is equal to what begins with it.
struct Beginning {
  std::string_view text;
  friend bool operator==(const std::string& key, const Beginning& beginning) {
    return key.starts_with(beginning.text);
  }
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator std::string_view() const { return text; }
};
struct HashOfOne {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return static_cast<unsigned char>(text[0]);
  }
};

TEST(ShortString, AQueryOfAnotherTypeIsComparedAsItSays) {
  DashMap<std::string, int, HashOfOne> map;
  map.insert("key", 1);
  EXPECT_EQ(map.get_copy(Beginning{"ke"}), 1);
  EXPECT_FALSE(map.contains(std::string_view("ke")));
}

TEST(ShortString, AnOwnGuardDoesNotHideIt) {
  DashMap<std::string, int> map{{"key", 1}};
  auto guard = map.get_mut("key");
  *guard = 2;
  EXPECT_EQ(map.get_copy("key"), 2);
  EXPECT_TRUE(map.contains("key"));
  EXPECT_FALSE(map.contains("another"));
}

TEST(ShortString, AGuardOfAnotherThreadIsWaitedFor) {
  DashMap<std::string, int> map{{"key", 1}};
  std::atomic<bool> asks{false};
  std::thread reader;
  {
    auto guard = map.get_mut("key");
    reader = std::thread([&] {
      asks = true;
      EXPECT_EQ(map.get_copy("key"), 2);
    });
    while (!asks) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    *guard = 2;
  }
  reader.join();
}

// What an optimistic reader may say, whatever it sees.

/// The bytes of a string as a writer may leave them for a moment.
struct Torn {
  StringImage image{};
  CachedHash<true> hash{1};

  struct Element {
    const CachedHash<true>& hash;
    const std::string& key;
  };
  Element element() const {
    return {hash, *std::launder(reinterpret_cast<const std::string*>(&image))};
  }
  explicit Torn(std::string_view text) {
    // The image has the address as a number.
    image.characters = reinterpret_cast<std::uintptr_t>(image.buffer.data());
    image.size = text.size();
    std::memcpy(image.buffer.data(), text.data(), std::min(text.size(), image.buffer.size()));
  }
  Torn(const Torn&) = delete;
  Torn& operator=(const Torn&) = delete;
};

enum class Answer { yes, no, unsure };

Answer ask(const Torn& torn, std::string_view query, std::uint64_t hash = 1) {
  bool unsure = false;
  const ShortStringMatcher matches(std::equal_to<>(), hash, query, &unsure);
  if (matches(torn)) return Answer::yes;
  return unsure ? Answer::unsure : Answer::no;
}

TEST(ShortString, WhatIsWholeIsCompared) {
  EXPECT_EQ(ask(Torn("key"), "key"), Answer::yes);
  EXPECT_EQ(ask(Torn(""), ""), Answer::yes);
  EXPECT_EQ(ask(Torn("exactly fifteen"), "exactly fifteen"), Answer::yes);
}

TEST(ShortString, AnotherHashIsAnotherKey) { EXPECT_EQ(ask(Torn("key"), "key", 2), Answer::no); }

TEST(ShortString, TheSameHashLeavesItOpen) {
  EXPECT_EQ(ask(Torn("key"), "kex"), Answer::unsure);
  EXPECT_EQ(ask(Torn("key"), "ke"), Answer::unsure);
  EXPECT_EQ(ask(Torn("key"), "keys"), Answer::unsure);
}

TEST(ShortString, NoPointerIsFollowed) {
  Torn torn("key");
  torn.image.characters = 16;  // nobody may read there
  EXPECT_EQ(ask(torn, "key"), Answer::unsure);
}

TEST(ShortString, ASizeBeyondTheBufferIsNotBelieved) {
  Torn torn("key");
  torn.image.size = std::numeric_limits<std::size_t>::max() / 2;
  EXPECT_EQ(ask(torn, "key"), Answer::unsure);
}

// So that the tests above are of what strings are.
TEST(ShortString, TheImageIsThatOfAString) {
  if constexpr (dashmap::detail::knows_strings) {
    const Torn torn("key");
    EXPECT_EQ(torn.element().key, "key");
  }
}

}  // namespace
