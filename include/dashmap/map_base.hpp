// What DashMap has beyond a set, without its public face: how guards and entries are made.
#pragma once

#include <cstdint>
#include <utility>

#include "dashmap/container.hpp"
#include "dashmap/detail/core/batch.hpp"
#include "dashmap/entry.hpp"
#include "dashmap/guard.hpp"
#include "dashmap/try_result.hpp"

namespace dashmap::detail {

template <class Self, class Types>
class MapBase : public Container<Self, Types> {
 public:
  using Base = Container<Self, Types>;
  using Base::Base;
  using typename Base::Engine;

 protected:
  using Key = typename Types::Key;
  using Value = typename Types::Value;
  using RefMutType = RefMut<Key, Value>;

  template <class Q>
  TryResult<RefMutType> try_ref_mut(const Q& key, const Request& request) {
    auto&& query = as_query<Types>(key);
    auto& engine = this->engine_;
    auto found = engine.template find_exclusive<false, true>(engine.hash_of(query), query, request);
    if (found.place) return TryResult<RefMutType>::present(guard_of(found, request));
    return found.group.word == nullptr ? TryResult<RefMutType>::locked()
                                       : TryResult<RefMutType>::absent();
  }
  using Base::guard_of;
  DASHMAP_DETAIL_INLINE RefMutType guard_of(typename Engine::Found& found, const Request& request) {
    if (!found.place) found.section.end();
    auto* element = found.place ? &found.place.slot->element() : nullptr;
    return RefMutType(ExclusiveHandle(this->engine_.sleepers(), found.section.take(),
                                      found.place.slot, HoldKind::ref_mut, request.operation),
                      element);
  }

  template <class Q>
  using EntryFor = Entry<typename Engine::Base, StoredQuery<Q>>;
  template <class Q>
  DASHMAP_DETAIL_INLINE auto locked_entry(std::uint64_t hash, Q&& key, const Request& request) {
    return locked_entry_as<StoredQuery<Q&&>>(hash, std::forward<Q>(key), request);
  }
  template <class Stored, class Q>
  DASHMAP_DETAIL_INLINE Entry<typename Engine::Base, Stored> locked_entry_as(
      std::uint64_t hash, Q&& key, const Request& request) {
    return Entry<typename Engine::Base, Stored>(this->engine_, hash,
                                                this->engine_.find_exclusive(hash, key, request),
                                                std::forward<Q>(key), request.operation);
  }

  template <class EntryType>
  DASHMAP_DETAIL_INLINE static void make_key(EntryType& entry) {
    if constexpr (!std::is_scalar_v<Key>) entry.make_key();
  }

  using Pair = std::pair<Key, Value>;
  static constexpr auto take_pair = [](auto& element, const auto& make) {
    give_both(element, make);
  };
};

}  // namespace dashmap::detail
