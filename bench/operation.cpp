#include "operation.hpp"

#include <algorithm>

#include "random.hpp"
#include "trace.hpp"

namespace bench {

namespace {

constexpr std::size_t most_visited = 2'000'000;

template <class K>
void make_keys(OperationKeys<K>& keys, std::size_t entries) {
  const auto key = [](u64 n) { return key_of<K>(scattered_key(n)); };
  for (u64 n = 0; n < entries / 2; ++n) keys.first.push_back(key(n));
  for (u64 n = entries / 2; n < entries; ++n) keys.second.push_back(key(n));
  Random random(4);
  Sequence<u64> order = shuffled(entries, random);
  order.resize(std::min(entries, most_visited));
  for (const u64 n : order) {
    keys.visited.push_back(key(n));
    keys.absent.push_back(key(entries + n));
  }
}

}  // namespace

OperationPlan operation_plan(KeyKind kind, std::size_t entries, std::size_t least) {
  OperationPlan plan;
  plan.entries = entries;
  plan.fills = std::max<std::size_t>(least / entries, 1);
  plan.passes = plan.fills;
  if (kind == KeyKind::text) {
    make_keys(plan.texts, entries);
  } else {
    make_keys(plan.numbers, entries);
  }
  return plan;
}

}  // namespace bench
