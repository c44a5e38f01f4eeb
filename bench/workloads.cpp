#include "workloads.hpp"

#include <array>

namespace bench {

namespace {

constexpr std::array<Workload, 12> all{{
    {"memory", "what maps take of the process's memory", memory},
    {"operations", "one kind of operation in a loop, one thread, keys in any order", operations},
    {"parallel_load",
     "an empty map takes 10 % insert or increment, 45 % find, 45 % find of absent keys; Zipf",
     parallel_load},
    {"read_heavy", "98 % find, 1 % insert, 1 % remove", read_heavy},
    {"exchange", "10 % find, 40 % insert, 40 % remove, 10 % update", exchange},
    {"rapid_grow", "5 % find, 80 % insert, 5 % remove, 10 % update, from an empty map", rapid_grow},
    {"ycsb", "A: 50 % find, 50 % assign. B: 95, 5. C: 100 % find. F: 50 % find, 50 % update. Zipf",
     ycsb},
    {"words", "counts the words of texts", words},
    {"hot", "1,000 keys, Zipf 0.99", hot},
    {"iterate", "full passes over the elements", iterate},
    {"growth", "inserts into a map that was not told how many", growth},
    {"oversubscribed", "1,000 keys, Zipf 0.99, 50 % find, 50 % update, more threads than cores",
     oversubscribed},
}};

}  // namespace

std::span<const Workload> workloads() { return all; }

}  // namespace bench
