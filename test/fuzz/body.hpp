// The body of the fuzzer: bytes are read as operations on a map or a set and done on a model as
// well; each answer is compared. `./dev fuzz` looks for new inputs, corpus_test.cpp replays those
// that are kept in corpus/.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>

namespace dashmap_test::fuzz {

/// The map and the model disagree.
struct Mismatch : std::logic_error {
  using std::logic_error::logic_error;
};

/// Runs the operations that `bytes` tell. The first byte chooses the types.
/// \throws Mismatch
void run(std::span<const std::uint8_t> bytes);

}  // namespace dashmap_test::fuzz
