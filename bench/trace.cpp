#include "trace.hpp"

#include <utility>

namespace bench {

namespace {

constexpr double hot_theta = 0.99;

/// Divides a sequence among the threads, so that it is the same for each number of them.
std::vector<std::vector<Op>> divided(const std::vector<Op>& ops, unsigned threads) {
  std::vector<std::vector<Op>> parts(threads);
  for (unsigned i = 0; i < threads; ++i) {
    const auto first = static_cast<std::ptrdiff_t>(ops.size() * i / threads);
    const auto last = static_cast<std::ptrdiff_t>(ops.size() * (i + 1) / threads);
    parts[i].assign(ops.begin() + first, ops.begin() + last);
  }
  return parts;
}

/// Takes the element at `index` out of an unordered vector.
u64 taken(std::vector<u64>& keys, std::size_t index) {
  std::swap(keys[index], keys.back());
  const u64 key = keys.back();
  keys.pop_back();
  return key;
}

}  // namespace

Trace parallel_load_trace(std::size_t keys, double theta, unsigned threads) {
  const Zipf zipf(keys, theta);
  Random random(1);
  std::vector<Op> ops;
  ops.reserve(keys * 10);
  for (std::size_t i = 0; i < keys * 10; ++i) {
    const u64 key = 1 + zipf(random);
    const u64 choice = random.below(100);
    if (choice < 10) {
      ops.emplace_back(Kind::upsert, key);
    } else {
      ops.emplace_back(Kind::find, choice < 55 ? key : key + keys);
    }
  }
  return {{}, divided(ops, threads), false};
}

Trace private_keys_trace(Mix mix, std::size_t before, std::size_t operations, unsigned threads) {
  Trace trace{{}, std::vector<std::vector<Op>>(threads), true};
  for (unsigned thread = 0; thread < threads; ++thread) {
    Random random(thread);
    u64 next = u64{thread} << 32;
    std::vector<u64> mine;
    for (std::size_t i = before * thread / threads; i < before * (thread + 1) / threads; ++i) {
      mine.push_back(scattered_key(next++));
    }
    trace.before.insert(trace.before.end(), mine.begin(), mine.end());

    auto& ops = trace.threads[thread];
    const std::size_t count = operations / threads;
    ops.reserve(count);
    while (ops.size() < count) {
      const u64 choice = random.below(100);
      if (choice < mix.insert || mine.empty()) {
        mine.push_back(scattered_key(next++));
        ops.emplace_back(Kind::insert, mine.back());
        continue;
      }
      const std::size_t index = random.below(mine.size());
      if (choice < mix.insert + mix.remove) {
        ops.emplace_back(Kind::remove, taken(mine, index));
      } else if (choice < mix.insert + mix.remove + mix.update) {
        ops.emplace_back(Kind::update, mine[index]);
      } else {
        ops.emplace_back(Kind::find, mine[index]);
      }
    }
  }
  return trace;
}

Trace hot_trace(HotKeys hot, std::size_t operations, unsigned threads) {
  Trace trace{{}, {}, true};
  for (u64 i = 0; i < hot.keys; ++i) trace.before.push_back(scattered_key(i));
  const Zipf zipf(hot.keys, hot_theta);
  Random random(2);
  std::vector<Op> ops;
  ops.reserve(operations);
  for (std::size_t i = 0; i < operations; ++i) {
    const u64 key = trace.before[zipf(random)];
    Kind kind = random.below(100) < hot.update_percent ? Kind::update : Kind::find;
    if (hot.held_every != 0 && random.below(hot.held_every) == 0) kind = Kind::update_held;
    ops.emplace_back(kind, key);
  }
  trace.threads = divided(ops, threads);
  return trace;
}

Trace growth_trace(std::size_t inserts, unsigned threads) {
  std::vector<Op> ops;
  ops.reserve(inserts);
  for (u64 i = 0; i < inserts; ++i) ops.emplace_back(Kind::insert, scattered_key(i));
  return {{}, divided(ops, threads), true};
}

}  // namespace bench
