// Role
//   The operations that lock, as errors and reports name them: a number, so that recording one
//   takes a constant and no address.
//
// Invariants
//   1. Each enumerator has the name of a public operation, and `names` follow their order.
//   Tests: 1 a static_assert, unit/reentrancy_test.cpp.
//
// Readers and writers
//   None: constants.
//
// Not here
//   What an operation holds (hold.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace dashmap::detail {

enum class Operation : std::uint8_t {
  alter,
  alter_all,
  clear,
  clone,
  compute,
  contains,
  drain,
  entry,
  erase,
  extract_if,
  get,
  get_copy,
  get_many,
  get_mut,
  get_or_insert_with,
  insert,
  insert_many,
  insert_or_assign,
  into_read_only,
  iter,
  iter_mut,
  keys,
  lock_all,
  move,
  par_for_each,
  par_retain,
  remove,
  remove_if,
  remove_if_mut,
  retain,
  shard_read,
  shard_write,
  snapshot,
  try_emplace,
  try_entry,
  try_get,
  try_get_for,
  try_get_mut,
  try_get_mut_for,
  values,
  view,
  with_keys,
};

constexpr const char* name_of(Operation operation) noexcept {
  constexpr std::array names{"alter",          "alter_all",     "clear",
                             "clone",          "compute",       "contains",
                             "drain",          "entry",         "erase",
                             "extract_if",     "get",           "get_copy",
                             "get_many",       "get_mut",       "get_or_insert_with",
                             "insert",         "insert_many",   "insert_or_assign",
                             "into_read_only", "iter",          "iter_mut",
                             "keys",           "lock_all",      "move",
                             "par_for_each",   "par_retain",    "remove",
                             "remove_if",      "remove_if_mut", "retain",
                             "shard.read",     "shard.write",   "snapshot",
                             "try_emplace",    "try_entry",     "try_get",
                             "try_get_for",    "try_get_mut",   "try_get_mut_for",
                             "values",         "view",          "with_keys"};
  static_assert(names.size() == static_cast<std::size_t>(Operation::with_keys) + 1);
  return names[static_cast<std::size_t>(operation)];
}

}  // namespace dashmap::detail
