#include "trace.hpp"

#include <utility>

namespace bench {

namespace {

constexpr double hot_theta = 0.99;

/// Divides a sequence among the threads, so that it is the same for each number of them.
template <class T>
std::vector<Sequence<T>> divided(const Sequence<T>& all, unsigned threads) {
  std::vector<Sequence<T>> parts(threads);
  for (unsigned i = 0; i < threads; ++i) {
    const auto first = static_cast<std::ptrdiff_t>(all.size() * i / threads);
    const auto last = static_cast<std::ptrdiff_t>(all.size() * (i + 1) / threads);
    parts[i].assign(all.begin() + first, all.begin() + last);
  }
  return parts;
}

/// Takes the element at `index` out of an unordered vector.
u64 taken(Sequence<u64>& keys, std::size_t index) {
  std::swap(keys[index], keys.back());
  const u64 key = keys.back();
  keys.pop_back();
  return key;
}

void add_texts(Trace& trace) {
  for (const u64 key : trace.before) trace.texts_before.push_back(text_key(key));
  for (const auto& ops : trace.threads) {
    auto& texts = trace.texts.emplace_back();
    texts.reserve(ops.size());
    for (const Op op : ops) texts.push_back(text_key(op.key()));
  }
}

Trace trace_of(std::vector<Sequence<Op>> threads, bool all_succeed) {
  Trace trace;
  trace.threads = std::move(threads);
  trace.all_succeed = all_succeed;
  return trace;
}

}  // namespace

Trace parallel_load_trace(std::size_t keys, double theta, unsigned threads) {
  const Zipf zipf(keys, theta);
  Random random(1);
  Sequence<Op> ops;
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
  return trace_of(divided(ops, threads), false);
}

Trace private_keys_trace(Mix mix, std::size_t before, std::size_t operations, unsigned threads) {
  Trace trace = trace_of(std::vector<Sequence<Op>>(threads), true);
  for (unsigned thread = 0; thread < threads; ++thread) {
    Random random(thread);
    u64 next = u64{thread} << 32;
    Sequence<u64> mine;
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
  Trace trace = trace_of({}, true);
  trace.holds = hot.held_every != 0;
  for (u64 i = 0; i < hot.keys; ++i) trace.before.push_back(scattered_key(i));
  const Zipf zipf(hot.keys, hot_theta);
  Random random(2);
  Sequence<Op> ops;
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

Trace ycsb_trace(Ycsb mix, Shape shape, std::size_t keys, std::size_t operations,
                 unsigned threads) {
  const Zipf zipf(keys, hot_theta);
  Random random(5);
  Sequence<Op> ops;
  ops.reserve(operations);
  for (std::size_t i = 0; i < operations; ++i) {
    const u64 key = scattered_key(zipf(random));
    const u64 choice = random.below(100);
    const Kind kind = choice < mix.find                ? Kind::find
                      : choice < mix.find + mix.assign ? Kind::assign
                                                       : Kind::update;
    ops.emplace_back(kind, key);
  }
  Trace trace = trace_of(divided(ops, threads), true);
  trace.shape = shape;
  for (u64 i = 0; i < keys; ++i) trace.before.push_back(scattered_key(i));
  if (shape.key == KeyKind::text) add_texts(trace);
  return trace;
}

Trace words_trace(const Sequence<std::string>& words, unsigned threads) {
  Trace trace = trace_of(divided(Sequence<Op>(words.size(), Op(Kind::upsert, 0)), threads), true);
  trace.shape.key = KeyKind::text;
  trace.texts = divided(words, threads);
  return trace;
}

Trace growth_trace(std::size_t inserts, unsigned threads) {
  Sequence<Op> ops;
  ops.reserve(inserts);
  for (u64 i = 0; i < inserts; ++i) ops.emplace_back(Kind::insert, scattered_key(i));
  return trace_of(divided(ops, threads), true);
}

}  // namespace bench
