// The word of a group at the ends of its fields: what counts up comes round or is refused, and no
// field runs over into its neighbour.
#include "support/hashers.hpp"
#include "support/other_thread.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace dashmap_test;
using namespace dashmap::detail;
namespace word = dashmap::detail::word;

constexpr word_t last_version = ~word_t{0} << 31;
constexpr word_t all_readers = word::reader_mask;
constexpr word_t all_depth = word::depth_mask;

word_t version_of(word_t w) { return w >> 31; }

TEST(LockWord, FieldsShareNoBit) {
  word_t all = 0;
  for (const word_t field : {word::reader_mask, word::pending, word::depth_mask, word::overflow,
                             word::moved, word::readable, last_version}) {
    EXPECT_EQ(all & field, 0U);
    all |= field;
  }
  EXPECT_EQ(all, ~word_t{0});
}

TEST(LockWord, TheVersionComesRoundAndNothingElseChanges) {
  for (const word_t extra : {word_t{0}, word::overflow}) {
    const word_t before = last_version | word::readable | extra;
    Word w(before);
    word_t seen = before;
    ASSERT_TRUE(try_lock_exclusive(w, seen, 0, false));
    const word_t locked = w.load();
    EXPECT_EQ(version_of(locked), 0U);
    EXPECT_EQ(locked & ~last_version, word::depth_one | extra);
    EXPECT_FALSE(word::is_virgin(locked));
    EXPECT_FALSE(word::is_readable(locked));
    EXPECT_TRUE(release_exclusive(w));
    EXPECT_EQ(w.load(), word::readable | extra);
    EXPECT_FALSE(word::is_virgin(w.load()));
    EXPECT_FALSE(word::same_content(before, w.load()));
    EXPECT_EQ(word::unlocked_from(word::locked_from(before)), w.load());
  }
}

TEST(LockWord, EachExclusiveSectionMakesAnotherVersion) {
  for (const word_t first : {word_t{0}, word_t{1} << 32, last_version - 3 * word::version_one}) {
    Word w(first | word::readable);
    for (word_t i = 1; i < 8; ++i) {
      word_t seen = w.load();
      const word_t before = seen;
      ASSERT_TRUE(try_lock_exclusive(w, seen, 0, false));
      ASSERT_TRUE(release_exclusive(w));
      EXPECT_FALSE(word::same_content(before, w.load()));
      EXPECT_EQ(w.load(), (first | word::readable) + i * word::version_one);
    }
  }
}

TEST(LockWord, ReadersDoNotRunOver) {
  const word_t room_for_one = word::readable | (all_readers - 1);
  Word w(room_for_one);
  word_t seen = room_for_one;
  ASSERT_TRUE(word::has_room(seen));
  ASSERT_TRUE(try_lock_shared(w, seen, false));
  EXPECT_EQ(w.load(), word::readable | all_readers);
  EXPECT_FALSE(word::has_room(w.load()));
  EXPECT_FALSE(word::has_room(word::readable | word::pending));
  seen = w.load();
  EXPECT_THROW(static_cast<void>(try_lock_shared(w, seen, false)), std::length_error);
  EXPECT_THROW(static_cast<void>(try_lock_shared(w, seen, true)), std::length_error);
  EXPECT_EQ(w.load(), word::readable | all_readers);
  release_shared(w);
  EXPECT_EQ(w.load(), room_for_one);
}

TEST(LockWord, NestedHoldsDoNotRunOver) {
  const word_t full = word::version_one | all_depth | all_readers;
  Word w(full);
  EXPECT_THROW(static_cast<void>(try_nest(w, full, true)), std::length_error);
  EXPECT_THROW(static_cast<void>(try_nest(w, full, false)), std::length_error);
  EXPECT_THROW(add_same(w, true), std::length_error);
  EXPECT_THROW(add_same(w, false), std::length_error);
  EXPECT_THROW(downgrade(w), std::length_error);
  EXPECT_EQ(w.load(), full);

  const word_t room_for_one = full - word::depth_one - word::reader_one;
  w.store(room_for_one);
  EXPECT_TRUE(try_nest(w, room_for_one, true));
  EXPECT_TRUE(try_nest(w, room_for_one + word::depth_one, false));
  EXPECT_EQ(w.load(), full);
  EXPECT_FALSE(release_exclusive(w));
  EXPECT_EQ(release_shared(w), full - word::depth_one);
  EXPECT_EQ(w.load(), room_for_one);
}

TEST(LockWord, AMarkIsNoReader) {
  // One more than all readers would be the mark of a waiter.
  Word w(word::readable | word::pending | all_readers);
  EXPECT_EQ(word::readers(w.load()), all_readers);
  EXPECT_EQ(release_shared(w) & word::pending, word::pending);
  EXPECT_EQ(w.load(), word::readable | word::pending | (all_readers - 1));
}

using Map = dashmap::DashMap<int, std::string, ConstantHash>;

TEST(LockWordLimits, SharedGuardsOfOneGroup) {
  Map map{{1, "one"}, {2, "two"}};
  std::vector<decltype(map.get(1))> guards;
  guards.reserve(32'767);
  for (int i = 0; i < 32'767; ++i) guards.push_back(map.get(1 + i % 2));
  EXPECT_THROW(static_cast<void>(map.get(1)), std::length_error);
  EXPECT_THROW(static_cast<void>(map.try_get(2)), std::length_error);
  EXPECT_THROW(static_cast<void>(map.view(1, [](int, const std::string&) {})), std::length_error);
  EXPECT_EQ(map.len(), 2U);
  on_another_thread([&] {
    EXPECT_THROW(static_cast<void>(map.get(1)), std::length_error);
    EXPECT_TRUE(map.try_get_mut(1).is_locked());
  });
  guards.pop_back();
  EXPECT_TRUE(static_cast<bool>(map.get(1)));
  guards.clear();
  EXPECT_EQ(map.insert(1, "another"), "one");
  on_another_thread([&] { EXPECT_EQ(map.remove(2)->second, "two"); });
}

TEST(LockWordLimits, ExclusiveGuardsOfOneGroup) {
  constexpr int most = 4095;
  Map map;
  for (int i = 0; i <= most; ++i) map.insert(i, "value");
  {
    std::vector<decltype(map.get_mut(1))> guards;
    guards.reserve(most);
    for (int i = 0; i < most; ++i) guards.push_back(map.get_mut(i));
    EXPECT_THROW(static_cast<void>(map.get_mut(most)), std::length_error);
    EXPECT_THROW(map.insert(most, "other"), std::length_error);
    EXPECT_THROW(map.erase(most), std::length_error);
    guards.pop_back();
    EXPECT_TRUE(map.erase(most));
  }
  on_another_thread([&] {
    EXPECT_EQ(map.len(), static_cast<std::size_t>(most));
    EXPECT_TRUE(map.erase(0));
  });
}

}  // namespace
