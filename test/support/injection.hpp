// Runs an operation again and again, with a throw at its first, second, third … throw point, until
// it gets through, and looks at the map each time.
#pragma once

#include "allocators.hpp"
#include "configs.hpp"
#include "other_thread.hpp"
#include "throwing.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace dashmap_test {

/// Keys and values that throw, and memory that is refused.
template <bool KeyMoves, bool ValueMoves, class H>
struct FragileConfig {
  using Key = Fragile<KeyMoves>;
  using Value = Fragile<ValueMoves>;
  using Allocator = LedgerAllocator<std::pair<const Key, Value>>;
  using Map = dashmap::DashMap<Key, Value, H, std::equal_to<>, Allocator>;
};

using FragileConfigs = ::testing::Types<
    FragileConfig<true, true, FragileHash>, FragileConfig<false, false, FragileHash>,
    FragileConfig<true, false, FragileHash>, FragileConfig<false, true, FragileConstantHash>>;

/// Sizes on both sides of one, two and four groups.
#if defined(__SANITIZE_ADDRESS__)
#define DASHMAP_TEST_FEWER_SIZES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DASHMAP_TEST_FEWER_SIZES 1
#endif
#endif
#if defined(DASHMAP_TEST_FEWER_SIZES)
inline constexpr int injection_sizes[] = {1, 15, 16, 31};
#else
inline constexpr int injection_sizes[] = {0, 1, 7, 15, 16, 17, 30, 31, 60, 61};
#endif

template <class C>
class InjectionTest : public ::testing::Test {
 protected:
  using MapType = typename C::Map;
  using KeyType = typename C::Key;

  [[nodiscard]] MapType empty() { return MapType{typename C::Allocator(ledger_)}; }

  [[nodiscard]] MapType filled(int n) {
    MapType map = empty();
    for (int i = 0; i < n; ++i) static_cast<void>(map.try_emplace(KeyType(i), stored(i)));
    return map;
  }

  /// No lock is left behind: another thread reaches every key, and the map still works.
  static void expect_free(MapType& map) {
    on_another_thread([&] {
      for (int i = 0; i < 100; ++i) {
        EXPECT_FALSE(map.try_get_mut(KeyType(i)).is_locked()) << "key " << i;
        EXPECT_FALSE(map.try_get(KeyType(i)).is_locked()) << "key " << i;
      }
      const std::size_t n = map.len();
      EXPECT_TRUE(map.try_emplace(KeyType(-7), 1).second);
      EXPECT_EQ(map.len(), n + 1);
      EXPECT_TRUE(map.erase(KeyType(-7)));
      EXPECT_EQ(map.len(), n);
    });
    EXPECT_NO_THROW({ const auto all = map.lock_all(); }) << "this thread still holds a guard";
  }

  /// Runs `attempt(map)` with a throw at each point; after each, `check(map, threw)`. Gives the
  /// number of throw points.
  template <class MakeMap, class Attempt, class Check>
  static long at_every_point(MakeMap make_map, Attempt attempt, Check check) {
    constexpr long enough = 20'000;
    for (long n = 1; n < enough; ++n) {
      SCOPED_TRACE("throw point " + std::to_string(n));
      const Census census;
      bool fired = false;
      {
        auto map = make_map();
        bool threw = false;
        throwing::arm(n);
        try {
          attempt(map);
        } catch (const Injected&) {
          threw = true;
        } catch (const InjectedBadAlloc&) {
          threw = true;
        }
        throwing::disarm();
        fired = throwing::fired;
        check(map, threw);
        expect_free(map);
      }
      if (!fired || ::testing::Test::HasFailure()) return n - 1;
    }
    ADD_FAILURE() << "no end of throw points";
    return enough;
  }

  /// The operation has its whole effect, or it throws and has none; for maps of several sizes.
  template <class Operate>
  void all_or_nothing(Operate operate) {
    const std::size_t blocks = ledger_.blocks();
    long points = 0;
    for (const int size : injection_sizes) {
      SCOPED_TRACE(std::to_string(size) + " elements");
      Contents after;
      {
        MapType map = filled(size);
        operate(map);
        after = contents(map);
      }
      points += at_every_point([&] { return filled(size); }, operate,
                               [&](const MapType& map, bool threw) {
                                 expect_holds(map, threw ? expected(size) : after);
                               });
      if (::testing::Test::HasFailure()) return;
    }
    EXPECT_GT(points, 0) << "the operation has no throw point: nothing was tested";
    EXPECT_EQ(ledger_.blocks(), blocks);
  }

  Ledger ledger_;
};

}  // namespace dashmap_test
