// What libFuzzer calls. A Mismatch ends the program.
#include "fuzz/body.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dashmap_test::fuzz::run({data, size});
  return 0;
}
