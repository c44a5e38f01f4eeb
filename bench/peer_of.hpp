// A Peer for each adapter.
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapter.hpp"
#include "operations_of.hpp"
#include "peer.hpp"

namespace bench {

template <class Adapter, class K, class V>
class SubjectOf final : public Subject {
 public:
  using Map = typename Adapter::template Map<K, V>;
  static_assert(AdaptedMap<Map, K, V>);

  std::optional<Outcome> replay(const Trace& trace) const override {
    if (trace.holds && !Adapter::locks_elements) return std::nullopt;
    return run(trace, [&](Map& map, unsigned thread) {
      const auto& ops = trace.threads[thread];
      if constexpr (LoopsItself<Map, K, V>) {
        return map.replay(ops, texts_of(trace, thread));
      } else {
        u64 succeeded = 0;
        for (std::size_t i = 0; i < ops.size(); ++i) {
          succeeded += static_cast<u64>(perform(map, ops[i], key_at(trace, thread, i)));
        }
        return succeeded;
      }
    });
  }

  std::optional<Outcome> replay_timed(const Trace& trace, TimedBy by,
                                      Histogram& times) const override {
    if (by == TimedBy::processor) {
      return replay_with(trace, times, nanoseconds_of_this_thread);
    }
    return replay_with(trace, times, [] {
      return static_cast<u64>(std::chrono::steady_clock::now().time_since_epoch() /
                              std::chrono::nanoseconds(1));
    });
  }

  std::optional<IterateOutcome> iterate(const IteratePlan& plan) const override {
    if (!plan.writers.empty() && !Adapter::iterates_while_written) return std::nullopt;
    if (plan.by_iterator && !Walks<Map, K, V> && !LoopsItself<Map, K, V>) return std::nullopt;
    Adapter::attach_thread();
    Map map;
    for (const u64 key : plan.keys) map.insert(key_of<K>(key), value_of<V>(key));
    IterateOutcome outcome;
    std::atomic<Phase> phase = Phase::before;
    std::atomic<u64> writes = 0;
    run_threads(static_cast<unsigned>(plan.writers.size()) + 1, [&](unsigned thread) {
      Adapter::attach_thread();
      if (thread != 0) {
        writes += write_meanwhile(map, plan.writers[thread - 1], phase);
        return;
      }
      phase = Phase::visiting;
      visit_all(map, plan, outcome);
      phase = Phase::after;
    });
    outcome.writes = writes;
    return outcome;
  }

  Ability ability(Operation operation) const override { return Operations::ability(operation); }

  OperationTimes time_operations(const OperationPlan& plan) const override {
    Adapter::attach_thread();
    return Operations::time_all(plan);
  }

  void count_operation(Operation operation, const OperationPlan& plan,
                       std::size_t repetitions) const override {
    Adapter::attach_thread();
    Operations::count(operation, plan, repetitions);
  }

  void fill(std::size_t maps, std::size_t entries,
            const std::function<void()>& then) const override {
    Adapter::attach_thread();
    std::deque<Map> all;
    for (std::size_t i = 0; i < maps; ++i) {
      Map& map = add_map(all, entries);
      for (u64 n = 0; n < entries; ++n) insert_scattered(map, (u64{i} << 32) + n);
    }
    then();
  }

  void grow(std::size_t entries, std::size_t step,
            const std::function<void(std::size_t)>& then) const override {
    Adapter::attach_thread();
    std::deque<Map> one;
    Map& map = add_map(one, entries);
    for (std::size_t n = 1; n <= entries; ++n) {
      insert_scattered(map, n);
      if (n % step == 0) then(n);
    }
  }

 private:
  using Operations = OperationsOf<Map, K, V>;

  /// An empty map; one that cannot grow well is told what will come.
  static Map& add_map(std::deque<Map>& maps, std::size_t entries) {
    if constexpr (std::constructible_from<Map, std::size_t>) {
      return maps.emplace_back(entries);
    } else {
      return maps.emplace_back();
    }
  }

  static void insert_scattered(Map& map, u64 n) {
    const u64 number = scattered_key(n);
    map.insert(key_of<K>(number), value_of<V>(number));
  }

  static decltype(auto) key_at(const Trace& trace, unsigned thread, std::size_t index) {
    if constexpr (std::same_as<K, std::string>) {
      return (trace.texts[thread][index]);
    } else {
      return trace.threads[thread][index].key();
    }
  }

  static const K* texts_of(const Trace& trace, unsigned thread) {
    if constexpr (std::same_as<K, std::string>) {
      return trace.texts[thread].data();
    } else {
      return nullptr;
    }
  }

  static bool perform(Map& map, Op op, const K& key)
    requires LoopsItself<Map, K, V>
  {
    return map.replay(std::span(&op, 1), &key) != 0;
  }

  static bool perform(Map& map, Op op, const K& key)
    requires DoesOneByOne<Map, K, V>
  {
    switch (op.kind()) {
      case Kind::find: {
        V value{};
        const bool found = std::as_const(map).find(key, value);
        use(value);
        return found;
      }
      case Kind::insert: return map.insert(key, value_of<V>(op.key()));
      case Kind::assign: map.assign(key, value_of<V>(op.key() + 1)); return true;
      case Kind::remove: return map.remove(key);
      case Kind::update: return map.update(key, Increment{});
      case Kind::upsert: map.upsert(key, value_of<V>(1), Increment{}); return true;
      case Kind::update_held:
        if constexpr (Adapter::locks_elements) {
          return map.update(key, [](V& value) {
            Increment{}(value);
            std::this_thread::yield();
          });
        }
    }
    return false;
  }

  template <class Now>
  static Outcome replay_with(const Trace& trace, Histogram& times, Now now) {
    std::vector<Histogram> each(trace.threads.size());
    const Outcome outcome = run(trace, [&](Map& map, unsigned thread) {
      const auto& ops = trace.threads[thread];
      Histogram& histogram = each[thread];
      u64 succeeded = 0;
      u64 last = now();
      for (std::size_t i = 0; i < ops.size(); ++i) {
        succeeded += static_cast<u64>(perform(map, ops[i], key_at(trace, thread, i)));
        const u64 time = now();
        histogram.record(time - last);
        last = time;
      }
      return succeeded;
    });
    for (const Histogram& histogram : each) times.add(histogram);
    return outcome;
  }

  template <class Work>
  static Outcome run(const Trace& trace, Work work) {
    Adapter::attach_thread();
    Outcome outcome;
    Map map;
    for (std::size_t i = 0; i < trace.before.size(); ++i) {
      if constexpr (std::same_as<K, std::string>) {
        map.insert(trace.texts_before[i], value_of<V>(trace.before[i]));
      } else {
        map.insert(trace.before[i], value_of<V>(trace.before[i]));
      }
    }
    std::atomic<u64> succeeded = 0;
    outcome.timing = run_threads(static_cast<unsigned>(trace.threads.size()), [&](unsigned thread) {
      Adapter::attach_thread();
      succeeded += work(map, thread);
    });
    outcome.succeeded = succeeded;
    outcome.contents.size = map.size();
    std::as_const(map).for_each([&](const K& key, const V& value) {
      outcome.contents.sum += number_of(value) * (2 * std::hash<K>{}(key) + 1);
    });
    return outcome;
  }

  static void visit_all(const Map& map, const IteratePlan& plan, IterateOutcome& outcome) {
    const auto visit = [&](const K&, const V& value) {
      use(number_of(value));
      ++outcome.elements;
    };
    const double cpu_before = cpu_seconds_of_this_thread();
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t pass = 0; pass < plan.passes; ++pass) {
      if constexpr (LoopsItself<Map, K, V>) {
        outcome.elements += map.visit_all();
        continue;
      }
      if constexpr (Walks<Map, K, V>) {
        if (plan.by_iterator) {
          map.walk(visit);
          continue;
        }
      }
      map.for_each(visit);
    }
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    outcome.seconds = wall.count();
    outcome.cpu_seconds = cpu_seconds_of_this_thread() - cpu_before;
  }

  enum class Phase { before, visiting, after };

  static u64 write_meanwhile(Map& map, const Sequence<u64>& numbers,
                             const std::atomic<Phase>& phase) {
    std::vector<K> keys;
    keys.reserve(numbers.size());
    for (const u64 number : numbers) keys.push_back(key_of<K>(number));
    while (phase.load(std::memory_order_relaxed) == Phase::before) std::this_thread::yield();
    u64 writes = 0;
    std::size_t next = 0;
    while (phase.load(std::memory_order_relaxed) == Phase::visiting) {
      map.update(keys[next], Increment{});
      ++writes;
      if (++next == keys.size()) next = 0;
    }
    return writes;
  }
};

template <class Adapter>
class PeerOf final : public Peer {
 public:
  std::string name() const override { return Adapter::name; }
  std::string version() const override { return Adapter::version(); }
  bool concurrent() const override { return Adapter::concurrent; }

  const Subject* with(Shape shape) const override {
    if (shape.key == KeyKind::text) return with_key<std::string>(shape.value);
    return with_key<u64>(shape.value);
  }

 private:
  template <class K>
  static const Subject* with_key(ValueKind value) {
    return value == ValueKind::record ? subject<K, Record>() : subject<K, u64>();
  }

  template <class K, class V>
  static const Subject* subject() {
    if constexpr (Adapter::template supports<K, V>) {
      static const SubjectOf<Adapter, K, V> only;
      return &only;
    }
    return nullptr;
  }
};

}  // namespace bench
