// TryResult passes a guard on without losing or doubling it.
#include "dashmap/try_result.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace {

// Counts the guards that hold something.
class Guard {
 public:
  explicit Guard(int& held) : held_(&held) { ++held; }
  Guard(Guard&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  Guard& operator=(Guard&&) = delete;
  ~Guard() {
    if (held_ != nullptr) --*held_;
  }

  [[nodiscard]] bool holds() const { return held_ != nullptr; }

 private:
  int* held_;
};

using Result = dashmap::TryResult<Guard>;

static_assert(!std::is_copy_constructible_v<Result>);
static_assert(std::is_nothrow_move_constructible_v<Result>);
static_assert(std::is_nothrow_move_assignable_v<Result>);
static_assert(!std::is_convertible_v<Result, bool>);
static_assert(std::is_constructible_v<bool, const Result&>);

template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "nothing thrown";
}

TEST(TryResult, PresentHoldsTheGuard) {
  int held = 0;
  {
    const Result result = Result::present(Guard(held));
    EXPECT_TRUE(result.is_present());
    EXPECT_FALSE(result.is_absent());
    EXPECT_FALSE(result.is_locked());
    EXPECT_TRUE(static_cast<bool>(result));
    EXPECT_EQ(held, 1);
  }
  EXPECT_EQ(held, 0);
}

TEST(TryResult, AbsentAndLockedAreToldApart) {
  const Result absent = Result::absent();
  EXPECT_FALSE(absent.is_present());
  EXPECT_TRUE(absent.is_absent());
  EXPECT_FALSE(absent.is_locked());
  EXPECT_FALSE(static_cast<bool>(absent));

  const Result locked = Result::locked();
  EXPECT_FALSE(locked.is_present());
  EXPECT_FALSE(locked.is_absent());
  EXPECT_TRUE(locked.is_locked());
  EXPECT_FALSE(static_cast<bool>(locked));
}

TEST(TryResult, UnwrapMovesTheGuardOut) {
  int held = 0;
  Result result = Result::present(Guard(held));
  {
    const Guard guard = result.unwrap();
    EXPECT_TRUE(guard.holds());
    EXPECT_EQ(held, 1);
    EXPECT_TRUE(result.is_absent());
  }
  EXPECT_EQ(held, 0);
  EXPECT_THROW(static_cast<void>(result.unwrap()), std::logic_error);
}

TEST(TryResult, UnwrapOfATemporary) {
  int held = 0;
  {
    const Guard guard = Result::present(Guard(held)).unwrap();
    EXPECT_TRUE(guard.holds());
    EXPECT_EQ(held, 1);
  }
  EXPECT_EQ(held, 0);
}

TEST(TryResult, UnwrapSaysWhyThereIsNoGuard) {
  EXPECT_EQ(message_of([] { static_cast<void>(Result::absent().unwrap()); }),
            "dashmap::TryResult::unwrap: the key is absent");
  EXPECT_EQ(message_of([] { static_cast<void>(Result::locked().unwrap()); }),
            "dashmap::TryResult::unwrap: the entry is locked");
}

TEST(TryResult, FailedUnwrapChangesNothing) {
  Result locked = Result::locked();
  EXPECT_THROW(static_cast<void>(locked.unwrap()), std::logic_error);
  EXPECT_TRUE(locked.is_locked());
}

TEST(TryResult, TryUnwrapGivesTheGuardOnce) {
  int held = 0;
  Result result = Result::present(Guard(held));
  {
    const std::optional<Guard> first = result.try_unwrap();
    ASSERT_TRUE(first.has_value());
    EXPECT_TRUE(first->holds());
    EXPECT_FALSE(result.try_unwrap().has_value());
    EXPECT_EQ(held, 1);
  }
  EXPECT_EQ(held, 0);
  EXPECT_FALSE(Result::absent().try_unwrap().has_value());
  EXPECT_FALSE(Result::locked().try_unwrap().has_value());
}

TEST(TryResult, MovingTakesTheGuardAlong) {
  int held = 0;
  Result from = Result::present(Guard(held));
  Result to = std::move(from);
  EXPECT_TRUE(to.is_present());
  EXPECT_TRUE(from.is_absent());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(held, 1);

  Result locked = Result::locked();
  Result copy = std::move(locked);
  EXPECT_TRUE(copy.is_locked());

  copy = std::move(to);
  EXPECT_TRUE(copy.is_present());
  EXPECT_EQ(held, 1);
  copy = Result::locked();
  EXPECT_TRUE(copy.is_locked());
  EXPECT_EQ(held, 0);
}

TEST(TryResult, AssignmentTakesTheReasonToo) {
  int held = 0;
  Result result = Result::absent();
  result = Result::locked();
  EXPECT_TRUE(result.is_locked());
  result = Result::absent();
  EXPECT_TRUE(result.is_absent());
  result = Result::locked();
  result = Result::present(Guard(held));
  EXPECT_TRUE(result.is_present());
  EXPECT_FALSE(result.is_locked());
}

TEST(TryResult, AssignmentReleasesTheOldGuard) {
  int first = 0;
  int second = 0;
  Result result = Result::present(Guard(first));
  result = Result::present(Guard(second));
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  Result& same = result;
  result = std::move(same);
  EXPECT_TRUE(result.is_present());
  EXPECT_EQ(second, 1);
}

}  // namespace
