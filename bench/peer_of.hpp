// A Peer for each type that does what an adapter does.
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "peer.hpp"

namespace bench {

/// What an adapter gives: the map's own fastest way to do each thing to one key, u64 to u64.
template <class Map>
concept Adapter =
    std::default_initializable<Map> && requires(Map map, const Map& constant, u64 key, u64& value,
                                                void (*change)(u64&), void (*visit)(u64, u64)) {
      { Map::name } -> std::convertible_to<std::string>;
      // Whether for_each may run while others write.
      { Map::iterates_while_written } -> std::convertible_to<bool>;
      { constant.find(key, value) } -> std::same_as<bool>;
      { map.insert(key, key) } -> std::same_as<bool>;  // the key is absent
      { map.remove(key) } -> std::same_as<bool>;
      { map.update(key, change) } -> std::same_as<bool>;
      { map.upsert(key) } -> std::same_as<void>;  // adds 1 or inserts 1
      { constant.for_each(visit) } -> std::same_as<void>;
      { constant.size() } -> std::convertible_to<std::size_t>;
    };

/// Takes a value as if it were used.
inline void use(u64 value) { asm volatile("" : : "r"(value)); }

template <Adapter Map>
inline bool perform(Map& map, Op op) {
  const u64 key = op.key();
  switch (op.kind()) {
    case Kind::find: {
      u64 value = 0;
      const bool found = map.find(key, value);
      use(value);
      return found;
    }
    case Kind::insert: return map.insert(key, key);
    case Kind::remove: return map.remove(key);
    case Kind::update: return map.update(key, [](u64& value) { ++value; });
    case Kind::upsert: map.upsert(key); return true;
    case Kind::update_held:
      return map.update(key, [](u64& value) {
        ++value;
        std::this_thread::yield();
      });
  }
  return false;
}

template <Adapter Map>
class PeerOf final : public Peer {
 public:
  std::string name() const override { return Map::name; }

  Outcome replay(const Trace& trace) const override {
    return run(trace, [&](Map& map, unsigned thread) {
      u64 succeeded = 0;
      for (const Op op : trace.threads[thread]) succeeded += static_cast<u64>(perform(map, op));
      return succeeded;
    });
  }

  Outcome replay_timed(const Trace& trace, Histogram& times) const override {
    std::vector<Histogram> each(trace.threads.size());
    const Outcome outcome = run(trace, [&](Map& map, unsigned thread) {
      u64 succeeded = 0;
      Histogram& histogram = each[thread];
      auto last = std::chrono::steady_clock::now();
      for (const Op op : trace.threads[thread]) {
        succeeded += static_cast<u64>(perform(map, op));
        const auto now = std::chrono::steady_clock::now();
        histogram.record(static_cast<u64>((now - last) / std::chrono::nanoseconds(1)));
        last = now;
      }
      return succeeded;
    });
    for (const Histogram& histogram : each) times.add(histogram);
    return outcome;
  }

  std::optional<IterateOutcome> iterate(const IteratePlan& plan) const override {
    if (!plan.writers.empty() && !Map::iterates_while_written) return std::nullopt;
    Map map;
    for (const u64 key : plan.keys) map.insert(key, key);
    IterateOutcome outcome;
    std::atomic<Phase> phase = Phase::before;
    std::atomic<u64> writes = 0;
    run_threads(static_cast<unsigned>(plan.writers.size()) + 1, [&](unsigned thread) {
      if (thread != 0) {
        writes += write_meanwhile(map, plan.writers[thread - 1], phase);
        return;
      }
      phase = Phase::visiting;
      const auto start = std::chrono::steady_clock::now();
      for (std::size_t pass = 0; pass < plan.passes; ++pass) {
        std::as_const(map).for_each([&](u64 key, u64 value) {
          use(key ^ value);
          ++outcome.elements;
        });
      }
      outcome.seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      phase = Phase::after;
    });
    outcome.writes = writes;
    return outcome;
  }

  void fill(std::size_t maps, std::size_t entries,
            const std::function<void()>& then) const override {
    const auto all = std::make_unique<Map[]>(maps);
    for (std::size_t i = 0; i < maps; ++i) {
      for (u64 n = 0; n < entries; ++n) {
        const u64 key = scattered_key((u64{i} << 32) + n);
        all[i].insert(key, key);
      }
    }
    then();
  }

 private:
  template <class Work>
  static Outcome run(const Trace& trace, Work work) {
    Outcome outcome;
    Map map;
    for (const u64 key : trace.before) map.insert(key, key);
    std::atomic<u64> succeeded = 0;
    outcome.timing = run_threads(static_cast<unsigned>(trace.threads.size()),
                                 [&](unsigned thread) { succeeded += work(map, thread); });
    outcome.succeeded = succeeded;
    outcome.contents.size = map.size();
    std::as_const(map).for_each([&](u64, u64 value) { outcome.contents.sum += value; });
    return outcome;
  }

  enum class Phase { before, visiting, after };

  static u64 write_meanwhile(Map& map, const std::vector<u64>& keys,
                             const std::atomic<Phase>& phase) {
    while (phase.load(std::memory_order_relaxed) == Phase::before) std::this_thread::yield();
    u64 writes = 0;
    std::size_t next = 0;
    while (phase.load(std::memory_order_relaxed) == Phase::visiting) {
      map.update(keys[next], [](u64& value) { ++value; });
      ++writes;
      if (++next == keys.size()) next = 0;
    }
    return writes;
  }
};

}  // namespace bench
