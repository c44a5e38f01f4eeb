// A thread that loses its guards to an exception leaves no lock behind, wherever it was.
#include "support/hashers.hpp"
#include "support/other_thread.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;

struct Stop : std::runtime_error {
  Stop() : std::runtime_error("stop") {}
};

constexpr int count = 40;

/// One group that holds all, and many groups.
template <class Hash>
class Unwinding : public ::testing::Test {
 public:
  using Map = dashmap::DashMap<int, std::string, Hash>;

 protected:
  void SetUp() override {
    for (int i = 0; i < count; ++i) map_.insert(i, "value");
  }

  /// Runs `work`, which throws Stop, on a thread of its own.
  void unwind(const std::function<void()>& work) {
    on_another_thread([&] {
      EXPECT_THROW(work(), Stop);
      EXPECT_FALSE(dashmap::detail::Held::any());
      EXPECT_NO_THROW(static_cast<void>(map_.lock_all()));
    });
    for (int i = 0; i < count; ++i) {
      EXPECT_FALSE(map_.try_get_mut(i).is_locked()) << i;
    }
    EXPECT_EQ(map_.len(), static_cast<std::size_t>(count));
    const auto all = map_.lock_all();
    EXPECT_EQ(all.len(), static_cast<std::size_t>(count));
  }

  Map map_;
};

using Hashes = ::testing::Types<dashmap::DefaultHash<int>, ConstantHash>;
TYPED_TEST_SUITE(Unwinding, Hashes, );

TYPED_TEST(Unwinding, Refs) {
  auto& map = this->map_;
  this->unwind([&] {
    const auto a = map.get(1);
    const auto b = map.get(1);
    auto c = map.get_mut(2);
    const auto d = std::move(c).downgrade();
    throw Stop();
  });
  this->unwind([&] {
    std::vector<decltype(map.get_mut(1))> guards;
    for (int i = 0; i < count; ++i) guards.push_back(map.get_mut(i));
    throw Stop();
  });
}

TYPED_TEST(Unwinding, MappedRefs) {
  auto& map = this->map_;
  const auto first = [](auto& text) -> auto& { return text.front(); };
  this->unwind([&] {
    const auto a = map.get(1).map(first);
    const auto b = map.get_mut(2).map(first);
    throw Stop();
  });
  this->unwind([&] {
    const auto a = map.get(1).map([](const std::string&) -> const char& { throw Stop(); });
    static_cast<void>(a);
  });
}

TYPED_TEST(Unwinding, Entries) {
  auto& map = this->map_;
  this->unwind([&] {
    const auto a = map.entry(1);
    const auto b = map.entry(count + 1);
    const auto c = map.try_entry(2);
    throw Stop();
  });
  this->unwind([&] { map.entry(count + 1).or_insert_with([]() -> std::string { throw Stop(); }); });
  this->unwind([&] {
    static_cast<void>(map.entry(1).and_modify([](std::string&) { throw Stop(); }));
  });
  this->unwind([&] {
    auto entry = map.entry(1);
    auto* occupied = entry.occupied();
    occupied->get_mut() = "changed";
    throw Stop();
  });
}

TYPED_TEST(Unwinding, IteratorsAndItems) {
  auto& map = this->map_;
  this->unwind([&] {
    for (const auto item : map.iter()) {
      const auto another = map.get(item.key());
      throw Stop();
    }
  });
  this->unwind([&] {
    auto range = map.iter_mut();
    auto it = range.begin();
    ++it;
    throw Stop();
  });
  this->unwind([&] {
    for (auto item : map.iter_mut()) {
      item.value_mut() = "changed";
      throw Stop();
    }
  });
}

TYPED_TEST(Unwinding, Closures) {
  auto& map = this->map_;
  this->unwind([&] { map.view(1, [](int, const std::string&) { throw Stop(); }); });
  this->unwind([&] { map.alter(1, [](int, std::string) -> std::string { throw Stop(); }); });
  this->unwind([&] { map.compute(1, [](std::optional<std::string>&) { throw Stop(); }); });
  this->unwind([&] { map.compute(-1, [](std::optional<std::string>&) { throw Stop(); }); });
  this->unwind([&] { map.remove_if_mut(1, [](int, std::string&) -> bool { throw Stop(); }); });
  this->unwind([&] {
    static_cast<void>(map.get_or_insert_with(-1, []() -> std::string { throw Stop(); }));
  });
  this->unwind([&] {
    map.with_keys({1, 2, 3, -1}, [](std::span<std::string*>) { throw Stop(); });
  });
  this->unwind([&] { map.get_many({1, 2, 3}, [](int, const std::string*) { throw Stop(); }); });
  this->unwind([&] { map.retain([](int, std::string&) -> bool { throw Stop(); }); });
  this->unwind([&] { map.extract_if([](int, std::string&) -> bool { throw Stop(); }); });
  this->unwind([&] { map.alter_all([](int, std::string) -> std::string { throw Stop(); }); });
  this->unwind([&] { map.par_for_each([](int, std::string&) { throw Stop(); }); });
  this->unwind([&] { map.par_retain([](int, std::string&) -> bool { throw Stop(); }); });
}

TYPED_TEST(Unwinding, NestedClosuresAndGuards) {
  auto& map = this->map_;
  this->unwind([&] {
    map.alter(1, [&](int, std::string text) {
      const auto a = map.get_mut(2);
      const auto b = map.entry(3);
      map.view(4, [&](int, const std::string&) {
        const auto c = map.get(4);
        throw Stop();
      });
      return text;
    });
  });
}

TYPED_TEST(Unwinding, ShardsAndTheWholeMap) {
  auto& map = this->map_;
  this->unwind([&] {
    const auto a = map.shards()[0].read();
    const auto b = map.shards()[1].read();
    throw Stop();
  });
  this->unwind([&] {
    auto all = map.lock_all();
    all.insert(1, "changed");
    throw Stop();
  });
}

// The exception passes through a thread that others wait for.
TYPED_TEST(Unwinding, WaitersGetIn) {
  auto& map = this->map_;
  std::optional<std::string> replaced;
  on_another_thread([&] {
    std::thread waiter;
    try {
      const auto guard = map.get_mut(1);
      waiter = std::thread([&] { replaced = map.insert(1, "next"); });
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      throw Stop();
    } catch (const Stop&) {
    }
    waiter.join();
  });
  EXPECT_EQ(replaced, "value");
}

}  // namespace
