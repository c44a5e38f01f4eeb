// DASHMAP_SEED reaches the hashers of a process. The seed of a process is read once, so this file
// compiles the hasher under a namespace of its own, whose process has not begun yet.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

// The renamed headers; each comes once a file.
#define dashmap dashmap_with_seed_42
#include "dashmap/hash.hpp"
#undef dashmap

namespace {

using dashmap_with_seed_42::DefaultHash;

class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    ::setenv(name, value, 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    if (before_) {
      ::setenv(name_, before_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(HashSeed, TheEnvironmentFixesTheSeedsOfAProcess) {
  struct Hashers {
    DefaultHash<int> first;
    DefaultHash<int> second;
  };
  static const Hashers hashers = [] {
    const Environment environment("DASHMAP_SEED", "42");
    return Hashers();
  }();
  static const DefaultHash<int> third = [] {
    const Environment environment("DASHMAP_SEED", "43");  // too late
    return DefaultHash<int>();
  }();
  EXPECT_EQ(hashers.first, DefaultHash<int>::with_seed(42));
  EXPECT_NE(hashers.second, hashers.first);

  // The same numbers in each run, on each target.
  EXPECT_EQ(hashers.first(7), 0x2049'cc0e'bad3'948bU);
  EXPECT_EQ(hashers.second(7), 0x1028'cbc3'1374'db43U);
  EXPECT_EQ(third(7), 0xfae3'301f'7acc'b59cU);
}

TEST(HashSeed, IntegersAreReadAsTheyAreWritten) {
  using dashmap_with_seed_42::detail::base_from_text;
  EXPECT_EQ(base_from_text("0"), 0U);
  EXPECT_EQ(base_from_text("42"), 42U);
  EXPECT_EQ(base_from_text("0x2a"), 42U);
  EXPECT_EQ(base_from_text("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(base_from_text("-1"), UINT64_MAX);
}

TEST(HashSeed, OtherTextIsASeedToo) {
  using dashmap_with_seed_42::detail::base_from_text;
  EXPECT_EQ(base_from_text("nightly"), base_from_text("nightly"));
  EXPECT_NE(base_from_text("nightly"), base_from_text("weekly"));
  EXPECT_NE(base_from_text("42 "), base_from_text("42"));
  EXPECT_NE(base_from_text("ab"), base_from_text("ba"));
}

TEST(HashSeed, EntropyDiffersEachTime) {
  using dashmap_with_seed_42::detail::base_from_entropy;
  EXPECT_NE(base_from_entropy(), base_from_entropy());
}

}  // namespace
