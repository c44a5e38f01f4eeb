// What the threads of a workload do, written down beforehand so that all maps do the same.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "random.hpp"
#include "sequence.hpp"
#include "shape.hpp"

namespace bench {

enum class Kind : u64 {
  find,
  insert,       // the key with itself as the value; it is absent
  remove,       // the key
  update,       // adds 1 to the value if the key is there
  upsert,       // the same, or inserts 1
  update_held,  // as update, and gives up the processor while it holds the element
  assign,       // the value, whether or not the key is there
};

/// A kind and a key of 61 bits, in one word.
class Op {
 public:
  Op(Kind kind, u64 key) noexcept : word_(key << 3 | static_cast<u64>(kind)) {}

  [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(word_ & 7); }
  [[nodiscard]] u64 key() const noexcept { return word_ >> 3; }

 private:
  u64 word_;
};

struct Trace {
  Shape shape;
  Sequence<u64> before;               // keys that are inserted first, not timed
  std::vector<Sequence<Op>> threads;  // what each thread does
  // The keys where they are texts: each operation has its own, as a program has that reads them.
  Sequence<std::string> texts_before;
  std::vector<Sequence<std::string>> texts;
  /// Each operation finds its key, or inserts it, however the threads take turns.
  bool all_succeed = false;
  bool holds = false;  // there are operations of Kind::update_held

  [[nodiscard]] std::size_t operations() const noexcept {
    std::size_t sum = 0;
    for (const auto& ops : threads) sum += ops.size();
    return sum;
  }
};

/// The n-th of the keys that lie anywhere.
[[nodiscard]] inline u64 scattered_key(u64 n) noexcept { return scatter(n + 1) >> 3; }

/// How many of a hundred operations are of which kind.
struct Mix {
  unsigned find;
  unsigned insert;
  unsigned remove;
  unsigned update;
};

/// An empty map takes 10 * keys operations: 10 % insert or increment, 45 % look for one of these
/// keys, 45 % for a key that never comes.
Trace parallel_load_trace(std::size_t keys, double theta, unsigned threads);

/// Each thread has keys of its own, as many as the others; it inserts new ones, removes, updates
/// and finds those it has, each as likely as the other.
Trace private_keys_trace(Mix mix, std::size_t before, std::size_t operations, unsigned threads);

struct HotKeys {
  std::size_t keys = 1000;
  unsigned update_percent = 0;
  std::size_t held_every = 0;  // each so-manieth operation is a Kind::update_held; 0: none
};

/// A few keys, all there, some asked for much more often than others.
Trace hot_trace(HotKeys hot, std::size_t operations, unsigned threads);

/// How many of a hundred operations read, write a value, and read and write it.
struct Ycsb {
  unsigned find;
  unsigned assign;
  unsigned update;
};

/// Keys that are all there, some asked for much more often than others.
Trace ycsb_trace(Ycsb mix, Shape shape, std::size_t keys, std::size_t operations, unsigned threads);

/// Counts each word.
Trace words_trace(const Sequence<std::string>& words, unsigned threads);

/// Nothing but inserts.
Trace growth_trace(std::size_t inserts, unsigned threads);

}  // namespace bench
