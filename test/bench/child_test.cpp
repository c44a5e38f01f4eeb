// Processes that the laboratory measures in.
#include "child.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace {

using bench::in_child;

struct Two {
  double first = 0;
  double second = 0;
};

std::string error_of(void (*work)()) {
  try {
    in_child<int>([work] {
      work();
      return 1;
    });
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Child, GivesItsAnswerAndLeavesNothing) {
  static int count = 0;
  const Two two = in_child<Two>([] {
    ++count;
    return Two{1.5, 2.5};
  });
  EXPECT_EQ(two.first, 1.5);
  EXPECT_EQ(two.second, 2.5);
  EXPECT_EQ(count, 0);
}

TEST(Child, SaysWhatWentWrong) {
  EXPECT_EQ(error_of([] { throw std::logic_error("finds 1 of 2 keys"); }), "finds 1 of 2 keys");
  EXPECT_EQ(error_of([] { std::raise(SIGKILL); }), "ended by signal 9");
  EXPECT_EQ(error_of([] { std::_Exit(0); }), "ended without an answer");
  EXPECT_EQ(error_of([] {}), "");
}

}  // namespace
