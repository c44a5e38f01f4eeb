// What the types promise at compile time, and the sizes.
#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using dashmap::DashMap;
using dashmap::DashSet;
using dashmap::DeadlockError;

using Map = DashMap<std::string, std::vector<int>>;
using K = std::string;
using V = std::vector<int>;

template <class G>
concept move_only = std::is_move_constructible_v<G> && !std::is_copy_constructible_v<G> &&
                    !std::is_copy_assignable_v<G>;

template <class G>
concept movable_guard =
    move_only<G> && std::movable<G> && std::is_nothrow_move_constructible_v<G> &&
    std::is_nothrow_move_assignable_v<G> && !std::convertible_to<G, bool> &&
    std::constructible_from<bool, const G&>;

template <class G>
concept reads = move_only<G> && requires(const G& g) {
  { *g } -> std::same_as<const V&>;
  { g.key() } -> std::same_as<const K&>;
  { g.value() } -> std::same_as<const V&>;
  { g->size() } -> std::same_as<std::size_t>;
  g.pair();
};

template <class G>
concept writes = move_only<G> && requires(G& g) {
  { *g } -> std::same_as<V&>;
  { g.key() } -> std::same_as<const K&>;
  { g.value_mut() } -> std::same_as<V&>;
  { std::as_const(g).value() } -> std::same_as<const V&>;
  g->push_back(1);
  g.pair();
  g.pair_mut();
};

using Ref = decltype(std::declval<const Map&>().get("x"));
using RefMut = decltype(std::declval<Map&>().get_mut("x"));
using Item = decltype(*std::declval<const Map&>().iter().begin());
using MutItem = decltype(*std::declval<Map&>().iter_mut().begin());

static_assert(movable_guard<Ref> && reads<Ref> && !writes<Ref>);
static_assert(movable_guard<RefMut> && writes<RefMut>);
static_assert(reads<Item> && !writes<Item>);
static_assert(writes<MutItem>);
static_assert(!std::is_reference_v<Item> && !std::is_reference_v<MutItem>,
              "iterators give their guards by value");

constexpr auto first_of = [](const V& v) -> const int& { return v.front(); };
constexpr auto first_of_mut = [](V& v) -> int& { return v.front(); };
using Mapped = decltype(std::declval<Ref>().map(first_of));
using MappedMut = decltype(std::declval<RefMut>().map(first_of_mut));
static_assert(movable_guard<Mapped> && movable_guard<MappedMut>);
static_assert(std::same_as<decltype(*std::declval<const Mapped&>()), const int&>);
static_assert(std::same_as<decltype(*std::declval<MappedMut&>()), int&>);
static_assert(std::same_as<decltype(std::declval<RefMut>().downgrade()), Ref>);

// Results.
static_assert(std::same_as<decltype(std::declval<Map&>().insert("x", V())), std::optional<V>>);
static_assert(
    std::same_as<decltype(std::declval<Map&>().remove("x")), std::optional<std::pair<K, V>>>);
static_assert(std::same_as<decltype(std::declval<Map&>().erase("x")), bool>);
static_assert(
    std::same_as<decltype(std::declval<Map&>().try_emplace("x")), std::pair<RefMut, bool>>);
static_assert(std::same_as<decltype(std::declval<Map&>().insert_or_assign("x", V())), bool>);
static_assert(std::same_as<decltype(std::declval<const Map&>().get_copy("x")), std::optional<V>>);
static_assert(
    std::same_as<decltype(std::declval<Map&>().get_or_insert_with("x", std::declval<V (&)()>())),
                 Ref>);
static_assert(std::same_as<decltype(std::declval<Map&>().entry("x").or_default()), RefMut>);
static_assert(
    std::same_as<decltype(std::declval<const Map&>().snapshot()), std::vector<std::pair<K, V>>>);
static_assert(std::same_as<decltype(std::declval<const Map&>().len()), std::size_t>);

// The map itself.
static_assert(std::is_nothrow_move_constructible_v<Map>);
static_assert(std::is_nothrow_move_assignable_v<Map>);
static_assert(std::is_nothrow_swappable_v<Map>);
static_assert(std::copyable<Map>);
static_assert(std::movable<DashMap<int, std::unique_ptr<int>>>);
static_assert(!std::copy_constructible<DashMap<int, std::unique_ptr<int>>>);
static_assert(std::equality_comparable<DashMap<int, int>>);
static_assert(noexcept(std::declval<const Map&>().len()));
static_assert(noexcept(std::declval<const Map&>().is_empty()));
static_assert(std::ranges::input_range<Map&> && std::ranges::input_range<const Map&>);
static_assert(std::ranges::input_range<decltype(std::declval<const Map&>().iter())>);
static_assert(std::ranges::input_range<decltype(std::declval<Map&>().iter_mut())>);
static_assert(std::ranges::input_range<decltype(std::declval<const Map&>().keys())>);
static_assert(std::ranges::input_range<decltype(std::declval<const Map&>().values())>);
static_assert(
    std::same_as<std::ranges::range_reference_t<decltype(std::declval<const Map&>().keys())>, K>);
static_assert(
    std::same_as<std::ranges::range_reference_t<decltype(std::declval<const Map&>().values())>, V>);
static_assert(std::ranges::range<decltype(std::declval<Map&>().shards())>);

// A constant map's shards are for reading.
template <class T>
concept Writable = requires(T& map) { map.shards()[0].write(); };
static_assert(Writable<Map> && !Writable<const Map>);
static_assert(requires(const Map& map) { map.shards()[0].read(); });

// Every name that the documentation gives a type exists.
template <template <class...> class>
constexpr bool is_class_template = true;
static_assert(is_class_template<dashmap::DashMap> && is_class_template<dashmap::DashSet> &&
              is_class_template<dashmap::ReadOnlyView> && is_class_template<dashmap::DefaultHash> &&
              is_class_template<dashmap::TryResult>);

static_assert(std::is_base_of_v<std::system_error, DeadlockError>);

TEST(Contract, AnEmptyMapIsSmall) {
  EXPECT_LE(sizeof(DashMap<int, int>), 128U);
  EXPECT_LE(sizeof(Map), 128U);
  EXPECT_LE(sizeof(DashSet<std::string>), 128U);
}

TEST(Contract, AGuardIsSmall) {
  // A lock, two pointers and a link of the thread's list.
  EXPECT_LE(sizeof(Ref), 8 * sizeof(void*));
  EXPECT_LE(sizeof(RefMut), 8 * sizeof(void*));
}

TEST(Contract, ADefaultConstructedErrorCategory) {
  DashMap<int, int> map{{1, 1}};
  const auto held = map.get(1);
  try {
    map.erase(1);
    FAIL();
  } catch (const DeadlockError& error) {
    EXPECT_EQ(error.code(), std::make_error_code(std::errc::resource_deadlock_would_occur));
    EXPECT_STRNE(error.what(), "");
  }
}

}  // namespace
