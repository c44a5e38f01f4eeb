// No operation needs more stack than a small thread has, whatever the size of the map.
#include "support/guard_table.hpp"
#include "support/guard_table_operations.hpp"
#include "support/hashers.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <pthread.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DASHMAP_TEST_LARGER_FRAMES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DASHMAP_TEST_LARGER_FRAMES 1
#endif
#endif
#if defined(DASHMAP_TEST_LARGER_FRAMES)
constexpr std::size_t small_stack = 512 * 1024;
#else
constexpr std::size_t small_stack = 64 * 1024;
#endif

/// Runs `work` on a thread with a small stack; an overflow ends the program.
void on_small_stack(std::function<void()> work) {
  pthread_attr_t attributes;
  ASSERT_EQ(::pthread_attr_init(&attributes), 0);
  ASSERT_EQ(::pthread_attr_setstacksize(&attributes, small_stack), 0);
  const auto run = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  pthread_t thread{};
  ASSERT_EQ(::pthread_create(&thread, &attributes, run, &work), 0);
  ASSERT_EQ(::pthread_join(thread, nullptr), 0);
  ::pthread_attr_destroy(&attributes);
}

TEST(SmallStack, EachOperation) {
  using namespace guard_table;
  const auto all = operations();
  for (const Operation& operation : all) {
    for (const Relation relation : relations) {
      Map map = make_map(relation, initial_contents());
      Answer answer = Answer::wrong;
      on_small_stack([&] {
        answer = operation.run({map, key_of(relation), std::chrono::milliseconds(1)});
      });
      EXPECT_NE(answer, Answer::wrong) << operation.name;
      EXPECT_NE(answer, Answer::locked) << operation.name;
    }
  }
}

template <class Map, class MakeKey>
void grow_and_shrink(int n, MakeKey make_key) {
  on_small_stack([=] {
    Map map;
    for (int i = 0; i < n; ++i) map.insert(make_key(i), i);
    EXPECT_EQ(map.len(), static_cast<std::size_t>(n));
    const Map copy(map);
    EXPECT_TRUE(copy == map);
    for (int i = 0; i < n; ++i) EXPECT_TRUE(map.erase(make_key(i)));
    map.shrink_to_fit();
    EXPECT_TRUE(map.empty());
  });
}

TEST(SmallStack, LargeMaps) {
  grow_and_shrink<dashmap::DashMap<int, int>>(50'000, [](int i) { return i; });
  grow_and_shrink<dashmap::DashMap<std::string, int>>(20'000,
                                                      [](int i) { return std::to_string(i); });
}

TEST(SmallStack, LongChainsOfOverflow) {
  grow_and_shrink<dashmap::DashMap<int, int, ConstantHash>>(800, [](int i) { return i; });
}

TEST(SmallStack, LargeElementsStayInPlaceOnlyWhileSmall) {
  struct Large {
    char bytes[20'000] = {};
    int number = 0;
  };
  on_small_stack([] {
    dashmap::DashMap<int, Large> map;
    for (int i = 0; i < 200; ++i) map.try_emplace(i).first->number = i;
    EXPECT_EQ(map.get(77)->number, 77);
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(map.erase(i));
  });
}

// Guards of many keys, errors and reports too.
TEST(SmallStack, ManyGuardsAndTheirErrors) {
  on_small_stack([] {
    dashmap::DashMap<int, std::string> map;
    for (int i = 0; i < 2000; ++i) map.insert(i, "value");
    std::vector<decltype(map.get(1))> guards;
    for (int i = 0; i < 2000; ++i) guards.push_back(map.get(i));
    guards.front() = map.get(0);
    EXPECT_THROW(map.insert(0, "other"), dashmap::DeadlockError);
    EXPECT_THROW(map.clear(), dashmap::DeadlockError);
    std::ostringstream out;
    map.dump_locks(out);
    EXPECT_GT(out.str().size(), 2000U);
    map.reserve(100'000);
    guards.clear();
    map.clear();
  });
}

}  // namespace
