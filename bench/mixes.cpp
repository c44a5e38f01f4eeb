// Workloads that mix operations of several threads.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "measure.hpp"
#include "text.hpp"
#include "words.hpp"
#include "workloads.hpp"

namespace bench {

namespace {

constexpr unsigned oversubscribing = 8;

/// The last number of threads in the short form.
std::vector<unsigned> some_threads(const Session& session) {
  const auto& all = session.settings().threads;
  return session.settings().full ? all : std::vector{all.back()};
}

// --- read_heavy, exchange, rapid_grow

Trace mixed_trace(const Session& session, Mix mix, std::size_t before, unsigned threads) {
  return private_keys_trace(mix, before, session.scaled(2'000'000, 400'000), threads);
}

Setting mixed_setting(std::size_t before, unsigned threads) {
  return {"from " + with_commas(before) + " entries, " + counted(threads, "thread"),
          {{"entries", std::uint64_t{before}}}};
}

void mixed(Session& session, Mix mix, std::size_t before) {
  for (const unsigned threads : session.settings().threads) {
    measure_throughput(session, mixed_setting(before, threads),
                       mixed_trace(session, mix, before, threads));
  }
}

void mixed_latency(Session& session, Mix mix, std::size_t before) {
  for (const unsigned threads : some_threads(session)) {
    measure_latency(session, mixed_setting(before, threads),
                    mixed_trace(session, mix, before, threads), "one operation");
  }
}

// --- ycsb

struct YcsbKind {
  const char* name;
  Ycsb mix;
};

constexpr std::array<YcsbKind, 4> ycsb_kinds{{{"A", {.find = 50, .assign = 50, .update = 0}},
                                              {"B", {.find = 95, .assign = 5, .update = 0}},
                                              {"C", {.find = 100, .assign = 0, .update = 0}},
                                              {"F", {.find = 50, .assign = 0, .update = 50}}}};

std::vector<Shape> ycsb_shapes(bool full) {
  const Shape smallest{KeyKind::number, ValueKind::word};
  const Shape largest{KeyKind::text, ValueKind::record};
  if (!full) return {smallest, largest};
  return {
      smallest, {KeyKind::number, ValueKind::record}, {KeyKind::text, ValueKind::word}, largest};
}

std::string told(Shape shape) {
  return std::string(shape.key == KeyKind::text ? "strings of 24 characters" : "u64") + " to " +
         (shape.value == ValueKind::record ? "100 bytes" : "8 bytes");
}

void measure_ycsb(Session& session, const YcsbKind& kind, Shape shape, unsigned threads) {
  const std::size_t entries = session.scaled(1'000'000, 100'000);
  const std::size_t operations = session.scaled(2'000'000, 200'000);
  measure_throughput(session,
                     {std::string(kind.name) + ", " + with_commas(entries) + " entries, " +
                          told(shape) + ", " + counted(threads, "thread"),
                      {{"mix", kind.name}, {"entries", std::uint64_t{entries}}, {"theta", 0.99}}},
                     ycsb_trace(kind.mix, shape, entries, operations, threads));
}

// --- oversubscribed

void measure_oversubscribed(Session& session, std::size_t held_every, std::size_t operations,
                            unsigned threads) {
  const HotKeys hot_keys{.update_percent = 50, .held_every = held_every};
  Setting setting{counted(threads, "thread"),
                  {{"held_every", std::uint64_t{held_every}}, {"theta", 0.99}}};
  if (held_every != 0) {
    setting.text +=
        ", each " + std::to_string(held_every) + "th operation yields with its element locked";
  }
  measure_throughput(session, setting, hot_trace(hot_keys, operations, threads));
}

}  // namespace

void parallel_load(Session& session) {
  const bool full = session.settings().full;
  std::vector<std::size_t> sizes{session.scaled(500'000, 100'000)};
  if (full) sizes.push_back(session.scaled(5'000'000, 0));
  const std::vector<double> thetas = full ? std::vector{0.01, 0.5, 0.99} : std::vector{0.01, 0.99};
  std::vector<unsigned> numbers = session.settings().threads;
  if (full && numbers.back() < oversubscribing) numbers.push_back(oversubscribing);
  for (const std::size_t keys : sizes) {
    for (const double theta : thetas) {
      for (const unsigned threads : numbers) {
        measure_throughput(session,
                           {with_commas(keys) + " keys, theta " + with_decimals(theta, 2) + ", " +
                                counted(threads, "thread"),
                            {{"entries", std::uint64_t{keys}}, {"theta", theta}}},
                           parallel_load_trace(keys, theta, threads));
      }
    }
  }
}

void read_heavy(Session& session) {
  const Mix mix{.find = 98, .insert = 1, .remove = 1, .update = 0};
  const std::size_t before = session.scaled(500'000, 100'000);
  mixed(session, mix, before);
  mixed_latency(session, mix, before);
}

void exchange(Session& session) {
  const Mix mix{.find = 10, .insert = 40, .remove = 40, .update = 10};
  const std::size_t before = session.scaled(500'000, 100'000);
  mixed(session, mix, before);
  mixed_latency(session, mix, before);
}

void rapid_grow(Session& session) {
  mixed(session, {.find = 5, .insert = 80, .remove = 5, .update = 10}, 0);
}

void ycsb(Session& session) {
  for (const YcsbKind& kind : ycsb_kinds) {
    for (const Shape shape : ycsb_shapes(session.settings().full)) {
      for (const unsigned threads : some_threads(session)) {
        measure_ycsb(session, kind, shape, threads);
      }
    }
  }
}

void words(Session& session) {
  const auto all = words_of_system(session.scaled(5'000'000, 300'000));
  for (const unsigned threads : session.settings().threads) {
    measure_throughput(session,
                       {counted(all.size(), "word") + ", " + counted(threads, "thread"),
                        {{"words", std::uint64_t{all.size()}}}},
                       words_trace(all, threads));
  }
}

void hot(Session& session) {
  for (const unsigned updates : {0U, 50U}) {
    for (const unsigned threads : session.settings().threads) {
      measure_throughput(session,
                         {std::to_string(100 - updates) + " % find, " + std::to_string(updates) +
                              " % update, " + counted(threads, "thread"),
                          {{"update_percent", std::uint64_t{updates}}, {"theta", 0.99}}},
                         hot_trace({.update_percent = updates},
                                   session.scaled(4'000'000, 1'000'000), threads));
    }
  }
}

void oversubscribed(Session& session) {
  std::vector<unsigned> numbers{2, 4, 8, 16};
  if (!session.settings().full) numbers = {2, 16};
  for (const unsigned threads : numbers) {
    measure_oversubscribed(session, 0, session.scaled(2'000'000, 400'000), threads);
  }
  // Fewer, for a map that spins meanwhile takes a thousand times as long.
  for (const unsigned threads : numbers) {
    measure_oversubscribed(session, 64, session.scaled(100'000, 20'000), threads);
  }
}

}  // namespace bench
