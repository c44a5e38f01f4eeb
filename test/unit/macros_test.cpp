// Words that widely used headers define as macros (Qt, Xlib, assertion libraries) are not in use
// here. The standard's headers come first: they have words of their own.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <forward_list>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <ranges>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

// NOLINTBEGIN: they are what they are
#define slots
#define signals public
#define emit
#define foreach(variable, container) for (variable : container)
#define forever for (;;)
#define check(condition) static_cast<void>(condition)
#define Always 2
#define Bool int
#define None 0L
#define Status int
#define Success 0
#define Unsorted 0
// NOLINTEND
#include <dashmap/dashmap.hpp>
#undef slots
#undef signals
#undef emit
#undef foreach
#undef forever
#undef check
#undef Always
#undef Bool
#undef None
#undef Status
#undef Success
#undef Unsorted

// Nor are names of a program's global variables: warnings are errors here, and GCC would warn of
// parameters that have one's name.
// NOLINTBEGIN: they are what they are
int map, key, value, hash, first, other, found, request, group, table, slot, n, f, k, v;
// NOLINTEND

namespace {

TEST(Macros, OfOthersAreNotInTheWay) {
  dashmap::DashMap<std::string, int> numbers;
  numbers.insert("one", 1);
  EXPECT_EQ(*numbers.get("one"), 1);
  numbers.compute("one", [](auto& number) { number = 2; });
  numbers.alter("one", [](auto&, int number) { return number + 1; });
  numbers.entry("two").or_insert(2);
  numbers.retain([](auto&, int number) { return number == 3; });
  EXPECT_EQ(numbers.shards().len(), numbers.shards().size());
  EXPECT_EQ(numbers.len(), 1U);
}

}  // namespace
