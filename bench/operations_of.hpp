// The loops of single operations, for each adapter.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "adapter.hpp"
#include "operation.hpp"
#include "threads.hpp"

namespace bench {

template <class Map, class K, class V>
class OperationsOf {
 public:
  static constexpr Ability ability(Operation operation) {
    switch (operation) {
      case Operation::insert_reserved: return Reserves<Map> ? Ability::own : Ability::none;
      case Operation::guard: return guards ? Ability::own : Ability::none;
      case Operation::find_many: return FindsMany<Map, K, V> ? Ability::own : Ability::one_by_one;
      case Operation::insert_many:
      case Operation::insert_all:
        return InsertsMany<Map, K, V> ? Ability::own : Ability::one_by_one;
      default: return Ability::own;
    }
  }

  static OperationTimes time_all(const OperationPlan& plan) {
    Sums sums{};
    const auto& keys = plan.keys<K>();
    for (std::size_t fill = 0; fill < plan.fills; ++fill) {
      Map map;
      each<Operation::insert>(map, keys.first);
      timed(sums, Operation::insert, keys.second.size(),
            [&] { return each<Operation::insert>(map, keys.second); });
      if (fill == 0) time_on_present(sums, map, plan);
      timed(sums, Operation::erase, keys.visited.size(),
            [&] { return each<Operation::erase>(map, keys.visited); });
    }
    const auto elements = paired(keys.second);
    const auto all = paired(keys.visited);
    for (std::size_t fill = 0; fill < plan.fills; ++fill) {
      time_reserved(sums, keys);
      Map map;
      each<Operation::insert>(map, keys.first);
      timed(sums, Operation::insert_many, elements.size(),
            [&] { return insert_batches(map, elements, batch_size); });
      Map filled;
      timed(sums, Operation::insert_all, all.size(), [&] { return insert_all(filled, all); });
    }
    return averages(sums);
  }

  static void count(Operation operation, const OperationPlan& plan, std::size_t repetitions) {
    const auto& keys = plan.keys<K>();
    const auto some = [&](const Sequence<K>& all) {
      if (repetitions > all.size()) throw std::runtime_error("more repetitions than keys");
      return std::span(all).first(repetitions);
    };
    // Not destroyed: how long that takes depends on what was done.
    Map& map = *std::make_unique<Map>().release();
    switch (operation) {
      case Operation::insert_reserved:
        make_room(map, keys);
        each<Operation::insert>(map, some(keys.second));
        return;
      case Operation::insert:
        each<Operation::insert>(map, keys.first);
        each<Operation::insert>(map, some(keys.second));
        return;
      case Operation::insert_many: {
        const auto elements = paired(keys.second);
        each<Operation::insert>(map, keys.first);
        insert_batches(map, std::span(elements).first(some(keys.second).size()), batch_size);
        return;
      }
      case Operation::insert_all: {
        const auto elements = paired(keys.visited);
        insert_all(map, std::span(elements).first(some(keys.visited).size()));
        return;
      }
      default:
        each<Operation::insert>(map, keys.first);
        each<Operation::insert>(map, keys.second);
        // Some maps leave work to the first that ask.
        each<Operation::hit>(map, keys.visited);
        each<Operation::hit>(map, keys.absent);
        repeat_on_present(map, operation,
                          some(operation == Operation::miss ? keys.absent : keys.visited));
    }
  }

 private:
  struct Sum {
    double wall = 0;
    double processor = 0;
    std::size_t operations = 0;
  };
  using Sums = std::array<Sum, operation_count>;

  static constexpr bool guards = Guards<Map, K, V> || LoopsItself<Map, K, V>;

  /// What is done to one key; gives whether it found or inserted it.
  template <Operation operation>
  static bool perform(Map& map, const K& key) {
    switch (operation) {
      case Operation::insert: return map.insert(key, value_of<V>(1));
      case Operation::hit: {
        V value{};
        const bool found = std::as_const(map).find(key, value);
        use(value);
        return found;
      }
      case Operation::update: return map.update(key, Increment{});
      case Operation::upsert: map.upsert(key, value_of<V>(1), Increment{}); return true;
      case Operation::guard:
        if constexpr (Guards<Map, K, V>) {
          return std::as_const(map).get(key, [](const V& value) { use(number_of(value)); });
        }
        return false;
      case Operation::erase: return map.remove(key);
      default:
        use(reinterpret_cast<std::uintptr_t>(&key));  // use() takes a number: the loop stays
        return true;
    }
  }

  /// A loop for each operation, compiled for itself.
  template <Operation operation>
  [[gnu::noinline]] static std::size_t each(Map& map, std::span<const K> keys) {
    if constexpr (LoopsItself<Map, K, V>) {
      return map.each(operation, keys);
    } else {
      std::size_t succeeded = 0;
      for (const K& key : keys) succeeded += static_cast<std::size_t>(perform<operation>(map, key));
      return succeeded;
    }
  }

  [[gnu::noinline]] static std::size_t find_batches(Map& map, std::span<const K> keys) {
    if constexpr (FindsMany<Map, K, V>) {
      std::size_t found = 0;
      for (; !keys.empty(); keys = keys.subspan(std::min(batch_size, keys.size()))) {
        found += std::as_const(map).find_many(keys.first(std::min(batch_size, keys.size())),
                                              [](const V& value) { use(number_of(value)); });
      }
      return found;
    } else {
      return each<Operation::hit>(map, keys);
    }
  }

  [[gnu::noinline]] static std::size_t insert_batches(
      Map& map, std::span<const std::pair<K, V>> elements, std::size_t size) {
    std::size_t inserted = 0;
    if constexpr (InsertsMany<Map, K, V>) {
      for (; !elements.empty(); elements = elements.subspan(std::min(size, elements.size()))) {
        inserted += map.insert_many(elements.first(std::min(size, elements.size())));
      }
    } else if constexpr (LoopsItself<Map, K, V>) {
      inserted = map.insert_pairs(elements);
    } else {
      for (const auto& [key, value] : elements) {
        inserted += static_cast<std::size_t>(map.insert(key, value));
      }
    }
    return inserted;
  }

  /// A map that is not told at once how many come makes room as its users would.
  [[gnu::noinline]] static std::size_t insert_all(Map& map,
                                                  std::span<const std::pair<K, V>> elements) {
    if constexpr (Reserves<Map> && !InsertsMany<Map, K, V>) map.reserve(elements.size());
    return insert_batches(map, elements, elements.size());
  }

  static std::vector<std::pair<K, V>> paired(std::span<const K> keys) {
    std::vector<std::pair<K, V>> elements;
    elements.reserve(keys.size());
    for (const K& key : keys) elements.emplace_back(key, value_of<V>(1));
    return elements;
  }

  /// Used once, so that nothing is left to be set up.
  static void make_room(Map& map, const OperationKeys<K>& keys) {
    if constexpr (Reserves<Map>) map.reserve(keys.first.size() + keys.second.size());
    const auto one = std::span(keys.absent).first(1);
    each<Operation::insert>(map, one);
    each<Operation::erase>(map, one);
  }

  // --- With the time they take.

  /// \throws std::runtime_error if not all of the operations found their keys
  template <class Work>
  static void timed(Sums& sums, Operation operation, std::size_t operations, Work work,
                    std::size_t expected) {
    const double cpu_before = cpu_seconds_of_this_thread();
    const auto start = std::chrono::steady_clock::now();
    const std::size_t succeeded = work();
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    Sum& sum = sums[static_cast<std::size_t>(operation)];
    sum.wall += wall.count();
    sum.processor += cpu_seconds_of_this_thread() - cpu_before;
    sum.operations += operations;
    if (succeeded != expected) {
      throw std::runtime_error(std::string(operation_names[static_cast<std::size_t>(operation)]) +
                               " finds " + std::to_string(succeeded) + " of " +
                               std::to_string(expected) + " keys");
    }
  }
  template <class Work>
  static void timed(Sums& sums, Operation operation, std::size_t operations, Work work) {
    timed(sums, operation, operations, work, operations);
  }

  static void time_reserved(Sums& sums, const OperationKeys<K>& keys) {
    if constexpr (Reserves<Map>) {
      Map map;
      make_room(map, keys);
      timed(sums, Operation::insert_reserved, keys.first.size() + keys.second.size(), [&] {
        return each<Operation::insert>(map, keys.first) + each<Operation::insert>(map, keys.second);
      });
    }
  }

  static void time_on_present(Sums& sums, Map& map, const OperationPlan& plan) {
    const auto& keys = plan.keys<K>();
    for (std::size_t pass = 0; pass < plan.passes; ++pass) {
      for (const Operation operation : {Operation::hit, Operation::update, Operation::upsert,
                                        Operation::guard, Operation::find_many}) {
        if (ability(operation) == Ability::none) continue;
        timed(sums, operation, keys.visited.size(),
              [&] { return repeat_on_present(map, operation, keys.visited); });
      }
      timed(
          sums, Operation::miss, keys.absent.size(),
          [&] { return repeat_on_present(map, Operation::miss, keys.absent); }, 0);
    }
  }

  static std::size_t repeat_on_present(Map& map, Operation operation, std::span<const K> keys) {
    switch (operation) {
      case Operation::hit:
      case Operation::miss: return each<Operation::hit>(map, keys);
      case Operation::update: return each<Operation::update>(map, keys);
      case Operation::upsert: return each<Operation::upsert>(map, keys);
      case Operation::guard:
        if constexpr (guards) return each<Operation::guard>(map, keys);
        return 0;
      case Operation::find_many: return find_batches(map, keys);
      case Operation::erase: return each<Operation::erase>(map, keys);
      default: return each<Operation::nothing>(map, keys);
    }
  }

  static OperationTimes averages(const Sums& sums) {
    OperationTimes times;
    for (std::size_t i = 0; i < operation_count; ++i) {
      if (sums[i].operations == 0) continue;
      const double scale = 1e9 / static_cast<double>(sums[i].operations);
      times[i] = OperationTime{sums[i].wall * scale, sums[i].processor * scale};
    }
    return times;
  }
};

}  // namespace bench
