// Role
//   One element, and the slot that holds it: in place where it moves without throwing and is not
//   large, otherwise as a pointer to a node of its own. So moving an element between tables never
//   throws, whatever its type, and immovable values work.
//
// Invariants
//   1. relocate() and commit() do not throw and run no user code but nothrow moves.
//   2. An element with a hash that is not trivially cheap stores it: moving and iterating never
//      call the user's hash.
//   3. Keys are compared without a lock only where that is safe on any bytes (`racy_keys`, or as
//      racy_match.hpp says), values are copied without one only where they are trivially copyable.
//   Tests: 1 exception/one_key_test.cpp; 2 unit/map_shards_test.cpp; 3 unit/corners_test.cpp.
//
// Readers and writers
//   Slots are written under the group's exclusive lock only; racy_copy() may run at any time.
//
// Not here
//   Tags and groups (table.hpp), how its parts are made and given away (give.hpp), locks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/base/later.hpp"
#include "dashmap/detail/table/give.hpp"

namespace dashmap {

/// Whether the bytes of a T are all of its meaning: it refers to nothing that must stay alive while
/// somebody looks at it. Such keys are found, and such values viewed, without a lock, from a copy.
/// True for numbers, enumerations and arrays of them; specialise it for your own trivially copyable
/// structs without pointers (and with an equality that takes any bytes) to get the same speed.
/// A wrong specialisation (a `std::string_view` member, say) compares freed memory.
template <class T>
struct is_plain_data : std::bool_constant<std::is_arithmetic_v<T> || std::is_enum_v<T>> {};
template <class T, std::size_t N>
struct is_plain_data<std::array<T, N>> : is_plain_data<T> {};
/// For a map's KeyEqual: whether it looks at nothing but its arguments.
template <class T>
struct is_plain_data<std::equal_to<T>> : std::true_type {};

}  // namespace dashmap

namespace dashmap::detail {

/// The value type of a set's map.
struct Unit {
  friend bool operator==(Unit, Unit) noexcept { return true; }
};

template <bool Stored>
struct CachedHash {
  static constexpr bool stored = true;
  std::uint64_t value;
  explicit CachedHash(std::uint64_t hash) noexcept : value(hash) {}
};
template <>
struct CachedHash<false> {
  static constexpr bool stored = false;
  explicit CachedHash(std::uint64_t) noexcept {}
};

template <class K, class V, bool StoresHash>
struct Element {
  DASHMAP_DETAIL_NO_UNIQUE_ADDRESS CachedHash<StoresHash> hash;
  // Built before the key: see Slot::replace_value for nodes. Not [[no_unique_address]]: the key
  // would lie in its padding, and replacing the value would overwrite it.
  V value;
  K key;

  // From a key argument and a function that returns the value (elided, so V may be immovable).
  template <class Alloc, class Q, class Make>
  Element(const Alloc& alloc, std::uint64_t h, Q&& k, Make&& make)
      : hash(h),
        value(made<V>(alloc, std::forward<Make>(make))),
        key(make_with<K>(alloc, std::forward<Q>(k))) {}
};

// A set's element has no value to store; all share one, which nothing can change.
template <class K, bool StoresHash>
struct Element<K, Unit, StoresHash> {
  DASHMAP_DETAIL_NO_UNIQUE_ADDRESS CachedHash<StoresHash> hash;
  K key;
  inline static Unit value{};

  template <class Alloc, class Q, class Make>
  Element(const Alloc& alloc, std::uint64_t h, Q&& k, Make&&)
      : hash(h), key(make_with<K>(alloc, std::forward<Q>(k))) {}
};

// Copies bytes that a writer may be changing. The caller checks the group's version before it uses
// them, after load_load_fence(), which fixes the copy. A plain copy, which the compiler folds into
// the instruction that uses it; atomic loads it would not.
template <class T>
DASHMAP_DETAIL_NO_TSAN inline T racy_copy(const T& source) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  struct Bytes {
    alignas(T) unsigned char data[sizeof(T)];
  } bytes;
#if DASHMAP_DETAIL_TSAN
  // A copy of many bytes would be a call of memcpy, which the sanitizer looks at all the same.
  const auto* from = reinterpret_cast<const volatile unsigned char*>(std::addressof(source));
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes.data[i] = from[i];
#else
  __builtin_memcpy(bytes.data, std::addressof(source), sizeof(T));
#endif
  return __builtin_bit_cast(T, bytes);
}

// The largest element that is kept in place, in bytes, and the strictest alignment.
inline constexpr std::size_t in_place_size = 256;
inline constexpr std::size_t in_place_alignment = 64;

template <class K, class V, bool StoresHash>
class Slot;

template <class K, class V, bool StoresHash>
inline constexpr bool is_in_place =
    element_moves_nothrow<K, V> && sizeof(Element<K, V, StoresHash>) <= in_place_size &&
    alignof(Element<K, V, StoresHash>) <= in_place_alignment;

// In place.
template <class K, class V, bool StoresHash>
  requires is_in_place<K, V, StoresHash>
class Slot<K, V, StoresHash> {
 public:
  using ElementType = Element<K, V, StoresHash>;
  static constexpr bool in_place = true;
  static constexpr bool trivial =
      std::is_trivially_copyable_v<K> && std::is_trivially_copyable_v<V>;
  // A pointer is compared, never followed.
  static constexpr bool racy_keys =
      (is_plain_data<K>::value && std::is_trivially_copyable_v<K>) || std::is_pointer_v<K>;
  static constexpr bool trivial_destruction =
      std::is_trivially_destructible_v<K> && std::is_trivially_destructible_v<V>;

  ElementType& element() noexcept { return *std::launder(reinterpret_cast<ElementType*>(bytes_)); }
  const ElementType& element() const noexcept {
    return *std::launder(reinterpret_cast<const ElementType*>(bytes_));
  }

  // An element outside the table, built before a slot is chosen for it.
  template <class Alloc>
  class Prepared {
   public:
    template <class Q, class Make>
    Prepared(const Alloc& alloc, std::uint64_t hash, Q&& key, Make&& make)
        : element_(alloc, hash, std::forward<Q>(key), std::forward<Make>(make)) {}
    void commit(Slot& slot) noexcept { ::new (slot.bytes_) ElementType(std::move(element_)); }

   private:
    ElementType element_;
  };

  // After relocate() the element is still here, and can be relocated again: the other is a copy.
  static constexpr bool relocated_stays = trivial;

  // Moves the element to `to`; what is left here still wants destroy_moved().
  void relocate(Slot& to) noexcept {
    if constexpr (trivial) {
      std::memcpy(to.bytes_, bytes_, sizeof(bytes_));
    } else {
      ::new (to.bytes_) ElementType(std::move(element()));
    }
  }
  void destroy_moved() noexcept { element().~ElementType(); }

  template <class Alloc>
  void destroy(const Alloc&) noexcept {
    element().~ElementType();
  }

  // The displaced value, to be destroyed after the lock is released.
  template <class Alloc>
  struct Displaced {
    std::optional<V> value;
  };
  template <class Alloc>
  void replace_value(const Alloc& alloc, V&& value,
                     Displaced<Alloc>& displaced) noexcept(!adapts_values<V, Alloc>) {
    auto&& next = adapted(alloc, value);
    V& place = element().value;
    displaced.value.emplace(std::move(place));
    if constexpr (std::is_nothrow_move_assignable_v<V>) {
      place = std::move(next);
    } else {
      refill(place, std::move(next));
    }
  }

 private:
  alignas(ElementType) unsigned char bytes_[sizeof(ElementType)];
};

// As a node.
template <class K, class V, bool StoresHash>
  requires(!is_in_place<K, V, StoresHash>)
class Slot<K, V, StoresHash> {
 public:
  using ElementType = Element<K, V, true>;
  static constexpr bool in_place = false;
  static constexpr bool trivial = false;
  static constexpr bool racy_keys = false;
  static constexpr bool trivial_destruction = false;

  ElementType& element() const noexcept { return *node_; }

  template <class Alloc>
  class Prepared {
    using NodeAlloc = typename std::allocator_traits<Alloc>::template rebind_alloc<ElementType>;
    using NodeTraits = std::allocator_traits<NodeAlloc>;

   public:
    template <class Q, class Make>
    Prepared(const Alloc& alloc, std::uint64_t hash, Q&& key, Make&& make) : alloc_(alloc) {
      auto memory = NodeTraits::allocate(alloc_, 1);
      node_ = std::to_address(memory);
      try {
        ::new (static_cast<void*>(node_))
            ElementType(alloc, hash, std::forward<Q>(key), std::forward<Make>(make));
      } catch (...) {
        NodeTraits::deallocate(alloc_, memory, 1);
        throw;
      }
    }
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;
    ~Prepared() {
      if (node_ != nullptr) free_node(alloc_, node_);
    }
    void commit(Slot& slot) noexcept { slot.node_ = std::exchange(node_, nullptr); }
    explicit operator bool() const noexcept { return node_ != nullptr; }
    ElementType& element() noexcept { return *node_; }

   private:
    NodeAlloc alloc_;
    ElementType* node_;
  };

  static constexpr bool relocated_stays = true;
  void relocate(Slot& to) noexcept { to.node_ = node_; }
  void destroy_moved() noexcept {}

  template <class Alloc>
  void destroy(const Alloc& alloc) noexcept {
    free_node(typename std::allocator_traits<Alloc>::template rebind_alloc<ElementType>(alloc),
              node_);
  }

  // A value that may throw when moved is replaced by exchanging nodes: all that can throw happens
  // before the exchange. (A key that is neither copyable nor nothrow movable may be lost by a
  // throwing move.)
  template <class Alloc>
  struct Displaced {
    // Where the old value goes, for a caller that returns it: so no move, which may throw, follows
    // the exchange. Null: nobody wants it.
    std::optional<V>* value = nullptr;
    std::optional<V> own;
    std::optional<Slot> node;
    std::optional<Alloc> alloc;
    Displaced() = default;
    Displaced(const Displaced&) = delete;
    Displaced& operator=(const Displaced&) = delete;
    ~Displaced() {
      if (node) node->destroy(*alloc);
    }
  };
  template <class Alloc>
  void replace_value(const Alloc& alloc, V&& value, Displaced<Alloc>& displaced) {
    if constexpr (part_moves_nothrow<V>) {
      auto&& next = adapted(alloc, value);
      (displaced.value != nullptr ? *displaced.value : displaced.own)
          .emplace(std::move(node_->value));
      refill(node_->value, std::move(next));
    } else {
      Successor<Alloc> next(*this, alloc, std::move(value));
      if (displaced.value != nullptr) displaced.value->emplace(give(node_->value));
      next.commit(displaced);
    }
  }
  // Gives the old value, made where it is returned.
  template <class Alloc>
  V exchange_value(const Alloc& alloc, V&& value,
                   Displaced<Alloc>&) noexcept(!adapts_values<V, Alloc>)
    requires part_moves_nothrow<V>
  {
    auto&& next = adapted(alloc, value);
    V old(std::move(node_->value));
    refill(node_->value, std::move(next));
    return old;
  }
  template <class Alloc>
  V exchange_value(const Alloc& alloc, V&& value, Displaced<Alloc>& displaced) {
    Successor<Alloc> next(*this, alloc, std::move(value));
    V old(give(node_->value));
    next.commit(displaced);
    return old;
  }

 private:
  // The node that is to take the place of a slot's, with the key of that one, which gets it back
  // unless the exchange is made.
  template <class Alloc>
  class Successor {
   public:
    Successor(Slot& slot, const Alloc& alloc, V&& value)
        : slot_(slot),
          alloc_(alloc),
          next_(alloc, slot.node_->hash.value, give(slot.node_->key),
                [&]() -> V { return V(std::move(value)); }) {}
    Successor(const Successor&) = delete;
    Successor& operator=(const Successor&) = delete;
    ~Successor() {
      if constexpr (part_moves_nothrow<K>) {
        if (next_) refill(slot_.node_->key, std::move(next_.element().key));
      }
    }
    void commit(Displaced<Alloc>& displaced) noexcept {
      displaced.alloc.emplace(alloc_);
      displaced.node.emplace(slot_);
      next_.commit(slot_);
    }

   private:
    Slot& slot_;
    const Alloc& alloc_;
    Prepared<Alloc> next_;
  };

  template <class Alloc>
  static void free_node(Alloc alloc, ElementType* node) noexcept {
    using Traits = std::allocator_traits<Alloc>;
    node->~ElementType();
    Traits::deallocate(alloc, std::pointer_traits<typename Traits::pointer>::pointer_to(*node), 1);
  }

  ElementType* node_;
};

}  // namespace dashmap::detail
