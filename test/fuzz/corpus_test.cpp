// Replays the inputs that the fuzzer found worth keeping, and random ones.
#include "body.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

namespace {

using dashmap_test::fuzz::run;

TEST(FuzzCorpus, EachKeptInput) {
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(DASHMAP_TEST_FUZZ_CORPUS)) {
    files.push_back(file.path());
  }
  ASSERT_GE(files.size(), 50U) << "no corpus";
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<std::uint8_t> bytes(std::istreambuf_iterator<char>(file), {});
    EXPECT_NO_THROW(run(bytes)) << path.filename();
  }
}

TEST(FuzzCorpus, RandomInputs) {
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    std::vector<std::uint8_t> bytes(32U << random() % 6U);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    bytes.front() = static_cast<std::uint8_t>(i);
    ASSERT_NO_THROW(run(bytes)) << "input " << i;
  }
}

}  // namespace
