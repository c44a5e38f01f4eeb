// What a map and a set have in common: construction, size, iteration, shards. DashMap and DashSet
// are thin over it, and it is thin over detail/core.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "dashmap/detail/core/copy.hpp"
#include "dashmap/detail/core/parallel.hpp"
#include "dashmap/entry.hpp"
#include "dashmap/iterator.hpp"
#include "dashmap/shards.hpp"
#include "dashmap/try_result.hpp"

namespace dashmap::detail {

template <class Rep, class Period>
Clock::time_point deadline_after(std::chrono::duration<Rep, Period> patience) {
  const auto now = Clock::now();
  using Seconds = std::chrono::duration<double>;  // wide enough to compare with
  const Seconds seconds(patience);
  if (!(seconds > Seconds::zero())) return now;  // NaN, too
  if (seconds >= Seconds(no_deadline - now)) return no_deadline;
  return now + std::chrono::ceil<Clock::duration>(patience);
}

// `Self` is DashMap<…> or DashSet<…>.
template <class Self, class Types>
class Container {
 public:
  using key_type = typename Types::Key;
  using hasher_type = typename Types::Hasher;
  using key_equal = typename Types::Equal;
  using allocator_type = typename Types::Alloc;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using Engine = Copier<Types>;
  using RefType = Ref<key_type, typename Types::Value>;

  // A moved-from map keeps its functions, so they are copied.
  static constexpr bool moves_nothrow = std::is_nothrow_copy_constructible_v<hasher_type> &&
                                        std::is_nothrow_copy_constructible_v<key_equal> &&
                                        std::is_nothrow_copy_constructible_v<allocator_type>;

  static_assert(std::is_same_v<key_type, std::remove_cvref_t<key_type>>,
                "the key type must not be const or a reference");
  static_assert(std::is_invocable_v<const hasher_type&, const key_type&>,
                "the hash function cannot be called with the key type: give the map a hash for it");
  static_assert(GivesInteger<hasher_type, key_type> ||
                    !std::is_invocable_v<const hasher_type&, const key_type&>,
                "the hash function must give an integer");
  static_assert(std::is_invocable_r_v<bool, const key_equal&, const key_type&, const key_type&>,
                "keys cannot be compared: give the key type an operator== or the map a KeyEqual");

  Container() : Container(allocator_type()) {}
  explicit Container(const allocator_type& alloc)
      : engine_(hasher_type(), key_equal(), alloc, default_shards()) {}
  Container(std::size_t capacity, const hasher_type& hash, std::size_t shards,
            const allocator_type& alloc)
      : engine_(hash, key_equal(), alloc, checked_shards(shards)) {
    if (capacity != 0) engine_.reserve_total(capacity);
  }
  Container(Container&& other) noexcept(moves_nothrow)
      : engine_(other.engine_.hasher(), other.engine_.equal(), other.engine_.alloc(),
                other.shard_count()) {
    engine_.steal(other.engine_);
  }
  // Takes the memory where the allocators are equal, else moves element by element.
  Container(Container&& other, const allocator_type& alloc)
      : engine_(other.engine_.hasher(), other.engine_.equal(), alloc, other.shard_count()) {
    if (alloc == other.engine_.alloc()) {
      engine_.steal(other.engine_);
    } else {
      for (auto& [key, value] : other.take_all()) {
        engine_.insert_held(std::move(key), std::move(value));
      }
    }
  }
  Container(const Container& other, const allocator_type& alloc)
      : engine_(other.engine_.hasher(), other.engine_.equal(), alloc, other.shard_count()) {
    engine_.copy_from(other.engine_);
  }
  Container& operator=(Container&& other) noexcept(
      moves_nothrow &&
      (std::allocator_traits<allocator_type>::propagate_on_container_move_assignment::value ||
       std::allocator_traits<allocator_type>::is_always_equal::value)) {
    if (this == &other) return *this;
    using Traits = std::allocator_traits<allocator_type>;
    if constexpr (Traits::propagate_on_container_move_assignment::value) {
      rebuild(other, other.engine_.alloc());
      engine_.steal(other.engine_);
    } else if (engine_.alloc() == other.engine_.alloc()) {
      rebuild(other, allocator_type(engine_.alloc()));
      engine_.steal(other.engine_);
    } else {
      rebuild(other, allocator_type(engine_.alloc()));
      for (auto& [key, value] : other.take_all()) {
        engine_.insert_held(std::move(key), std::move(value));
      }
    }
    return *this;
  }

  // --- construction ------------------------------------------------------------------------------

  /// Room for `capacity` elements, which it takes without growing.
  /// \throws std::length_error if no memory could hold that many, std::bad_alloc
  static Self with_capacity(std::size_t capacity, const allocator_type& alloc = allocator_type()) {
    return Self(capacity, hasher_type(), default_shards(), alloc);
  }
  static Self with_hasher(const hasher_type& hash, const allocator_type& alloc = allocator_type()) {
    return Self(0, hash, default_shards(), alloc);
  }
  /// \param shards how many ranges shards() shows: a power of two greater than 1
  /// \throws std::invalid_argument if it is not
  static Self with_shard_amount(std::size_t shards,
                                const allocator_type& alloc = allocator_type()) {
    return Self(0, hasher_type(), shards, alloc);
  }
  static Self with_capacity_and_shard_amount(std::size_t capacity, std::size_t shards,
                                             const allocator_type& alloc = allocator_type()) {
    return Self(capacity, hasher_type(), shards, alloc);
  }
  static Self with_capacity_and_hasher(std::size_t capacity, const hasher_type& hash,
                                       const allocator_type& alloc = allocator_type()) {
    return Self(capacity, hash, default_shards(), alloc);
  }
  static Self with_hasher_and_shard_amount(const hasher_type& hash, std::size_t shards,
                                           const allocator_type& alloc = allocator_type()) {
    return Self(0, hash, shards, alloc);
  }
  static Self with_capacity_and_hasher_and_shard_amount(
      std::size_t capacity, const hasher_type& hash, std::size_t shards,
      const allocator_type& alloc = allocator_type()) {
    return Self(capacity, hash, shards, alloc);
  }

  /// A deep copy, of each element as it is met: not one point in time while others write.
  /// \locks each group in turn, shared
  Self clone() const
    requires std::copy_constructible<key_type> && std::copy_constructible<typename Types::Value>
  {
    return Self(static_cast<const Self&>(*this));
  }

  /// Exchanges contents, functions and number of shards. No other thread may use either.
  void swap(Self& other) noexcept {
    using std::swap;
    engine_.swap_contents(other.engine_);
    swap(engine_.hasher(), other.engine_.hasher());
    swap(engine_.equal(), other.engine_.equal());
    if constexpr (std::allocator_traits<allocator_type>::propagate_on_container_swap::value) {
      swap(engine_.alloc(), other.engine_.alloc());
    }
  }
  friend void swap(Self& a, Self& b) noexcept { a.swap(b); }

  // --- size --------------------------------------------------------------------------------------

  /// The number of elements, exact whenever no write is under way. \locks none
  std::size_t len() const noexcept { return engine_.size(); }
  std::size_t size() const noexcept { return len(); }
  bool is_empty() const noexcept { return len() == 0; }
  [[nodiscard]] bool empty() const noexcept { return is_empty(); }
  static constexpr std::size_t max_size() noexcept {
    return static_cast<std::size_t>(Engine::most_elements);
  }

  /// The number of elements that the map takes before it grows; never less than it has (a growth
  /// may be due, or have found no memory). \locks none
  std::size_t capacity() const { return std::max(engine_.capacity(), len()); }

  /// Makes room for n elements more than there are.
  /// \locks each group in turn, exclusive, passing over those in use
  /// \throws std::length_error if no memory could hold that many, std::bad_alloc
  void reserve(std::size_t n) {
    const std::size_t now = len();
    if (n > std::numeric_limits<std::size_t>::max() - now) {
      throw std::length_error("dashmap: capacity too large");
    }
    if (now + n > engine_.capacity()) engine_.reserve_total(now + n);
  }
  /// As reserve; false, with the elements as they were, where that throws.
  [[nodiscard]] bool try_reserve(std::size_t n) {
    try {
      reserve(n);
      return true;
    } catch (const std::length_error&) {
      return false;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  /// Gives back the memory that the elements do not need.
  /// \locks each group in turn, exclusive, passing over those in use
  void shrink_to_fit() { engine_.shrink(); }

  /// Removes all elements; the capacity stays. Not one point in time while others write.
  /// \locks each group in turn, exclusive
  /// \throws DeadlockError, before anything changes, if this thread holds an element
  void clear() { engine_.clear(); }

  // --- look-ups ----------------------------------------------------------------------------------

  /// Whether the key is there. A plain question: answered whatever this thread holds.
  /// \locks none for plain keys and short strings, else group shared
  template <Query<Types> Q = key_type>
  bool contains_key(const Q& key) const {
    return engine_.contains(as_query<Types>(key));
  }
  template <Query<Types> Q = key_type>
  bool contains(const Q& key) const {
    return engine_.contains(as_query<Types>(key));
  }

  /// Shared access to the key's element; tests false when it is absent.
  /// \locks group shared, while the guard lives
  /// \throws DeadlockError if this thread has the element for writing
  template <Query<Types> Q = key_type>
  [[nodiscard]] DASHMAP_DETAIL_INLINE RefType get(const Q& key DASHMAP_DETAIL_CALLER) const {
    DASHMAP_DETAIL_NOTE_CALLER();
    static constexpr Request request{Operation::get};
    auto&& query = as_query<Types>(key);
    return ref(engine_.hash_of(query), query, request);
  }
  /// As get, but never waits: is_locked() when somebody writes.
  template <Query<Types> Q = key_type>
  [[nodiscard]] TryResult<RefType> try_get(const Q& key DASHMAP_DETAIL_CALLER) const {
    DASHMAP_DETAIL_NOTE_CALLER();
    static constexpr Request request{Operation::try_get, no_deadline, false};
    return try_ref(key, request);
  }
  /// As get; gives up when it has waited so long.
  template <Query<Types> Q = key_type, class Rep, class Period>
  [[nodiscard]] TryResult<RefType> try_get_for(
      const Q& key, std::chrono::duration<Rep, Period> patience DASHMAP_DETAIL_CALLER) const {
    DASHMAP_DETAIL_NOTE_CALLER();
    return try_ref(key, {Operation::try_get_for, deadline_after(patience)});
  }

  /// Removes the key; true if it was there. \locks group exclusive
  template <Query<Types> Q = key_type>
  bool erase(const Q& key) {
    return engine_.erase(as_query<Types>(key));
  }

  // --- iteration ---------------------------------------------------------------------------------

  /// All elements, each under its group's lock while it is in hand.
  /// \locks each group in turn, shared
  auto iter() const { return MapRange<Engine, false>(engine_, Operation::iter); }
  auto begin() const { return iter().begin(); }
  auto end() const { return iter().end(); }
  /// Copies of the keys. An iterator whose ++ throws is at the end, and holds no lock.
  /// \locks each group in turn, shared
  auto keys() const
    requires std::copy_constructible<key_type>
  {
    return PartRange<Engine, true>(engine_);
  }

  // --- shards and hashing ------------------------------------------------------------------------

  /// The shards, for introspection and for locking a part of the map. \locks none
  auto shards() noexcept { return Shards<Engine, true>(engine_); }
  /// Of a map that only is read: without write(). \locks none
  auto shards() const noexcept { return Shards<Engine, false>(engine_); }
  /// The shard that has the key, or would have it.
  template <Query<Types> Q = key_type>
  std::size_t determine_map(const Q& key) const {
    return determine_shard(hash_usize(key));
  }
  /// The shard of a hash as hash_usize gives it.
  std::size_t determine_shard(std::size_t hash) const noexcept {
    return hash >>
           (std::numeric_limits<std::size_t>::digits - static_cast<int>(engine_.shard_bits()));
  }
  /// The key's hash as the map uses it: mixed, the most significant bits first.
  template <Query<Types> Q = key_type>
  std::size_t hash_usize(const Q& key) const {
    return static_cast<std::size_t>(engine_.full_hash(as_query<Types>(key)) >>
                                    (64 - std::numeric_limits<std::size_t>::digits));
  }
  const hasher_type& hasher() const noexcept { return engine_.hasher(); }
  const key_equal& key_eq() const noexcept { return engine_.equal(); }
  allocator_type get_allocator() const { return engine_.alloc(); }

  /// Writes who holds locks in this program, and who waits for what, for a look at a stuck process.
  /// \locks none
  void dump_locks(std::ostream& out) const { DeadlockSearch::dump(out); }

  /// The engine underneath; not for users.
  Engine& engine() const noexcept { return engine_; }

 protected:
  std::size_t shard_count() const noexcept { return std::size_t{1} << engine_.shard_bits(); }

  template <class Q>
  DASHMAP_DETAIL_INLINE RefType ref(std::uint64_t hash, const Q& query,
                                    const Request& request) const {
    return guard_of(engine_.find_shared(hash, query, request), request);
  }
  template <class Q>
  TryResult<RefType> try_ref(const Q& key, const Request& request) const {
    auto&& query = as_query<Types>(key);
    const auto found = engine_.find_shared(engine_.hash_of(query), query, request);
    if (found) return TryResult<RefType>::present(guard_of(found, request));
    return found.locked_out() ? TryResult<RefType>::locked() : TryResult<RefType>::absent();
  }
  // An empty guard where nothing was found.
  DASHMAP_DETAIL_INLINE RefType guard_of(const typename Engine::FoundShared& found,
                                         const Request& request) const {
    auto* element = found ? &found.slot->element() : nullptr;
    return RefType(SharedHandle(engine_.sleepers(), found ? found.word : nullptr, found.slot,
                                HoldKind::ref, request.operation),
                   element);
  }

  // Keeps the elements for which f(const Key&, Value&) is true; pieces of the hash space on several
  // threads. `f` has references to what it uses.
  template <class F, class... Executor>
  void par_keep(F f, Operation operation, Executor&&... executor) {
    engine_.template check_range<true>(0, Engine::last_hash, operation);
    constexpr unsigned piece_bits = 8;
    constexpr unsigned shift = 63 - piece_bits;
    auto pieces = [&](std::size_t first, std::size_t count) {
      engine_.retain(std::uint64_t{first} << shift, (std::uint64_t{first + count} << shift) - 1, f,
                     operation);
    };
    run_pieces(std::size_t{1} << piece_bits, pieces, std::forward<Executor>(executor)...);
  }

  // A copy takes this one's place as a whole, with its allocator, so that a failure changes
  // nothing.
  void assign(const Container& other) {
    if (this == &other) return;
    using Traits = std::allocator_traits<allocator_type>;
    constexpr bool propagates = Traits::propagate_on_container_copy_assignment::value;
    Container copy(other, propagates ? other.engine_.alloc() : engine_.alloc());
    rebuild(copy, copy.engine_.alloc());
    engine_.steal(copy.engine_);
  }

  mutable Engine engine_;

 private:
  static std::size_t checked_shards(std::size_t shards) {
    if (shards < 2 || !std::has_single_bit(shards)) {
      throw std::invalid_argument("dashmap: the number of shards must be a power of two above 1");
    }
    return shards;
  }

  void rebuild(const Container& like, const allocator_type& alloc) {
    static_assert(
        std::is_nothrow_move_constructible_v<hasher_type> &&
            std::is_nothrow_move_constructible_v<key_equal>,
        "a map is assigned only where its hash and comparison move without throwing: give "
        "them a move constructor that is noexcept");
    hasher_type hash(like.engine_.hasher());  // may throw: before anything changes
    key_equal equal(like.engine_.equal());
    std::destroy_at(&engine_);
    std::construct_at(&engine_, std::move(hash), std::move(equal), alloc, like.shard_count());
  }

  auto take_all() { return engine_.extract_all(Operation::move); }
};

}  // namespace dashmap::detail
