// What checked builds (DASHMAP_CHECKED) add: lines in errors, and an end with a message for a map
// that is destroyed under a guard.
#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

namespace {

using Map = dashmap::DashMap<std::string, std::string>;

// The text of the error that `call` ends with.
template <class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const dashmap::DeadlockError& error) {
    return error.what();
  }
  return "no error";
}

std::string here(unsigned line) { return "checked_test.cpp:" + std::to_string(line) + ")"; }

class Checked : public ::testing::Test {
 protected:
  // That the error of an operation on "a" names a line.
  void expect_line(unsigned line) {
    const std::string text = error_of([&] { map.insert("a", ""); });
    EXPECT_NE(text.find(here(line)), std::string::npos) << text << "\nline " << line;
  }
  Map map{{"a", "1"}, {"b", "2"}};
};

TEST_F(Checked, ErrorsNameTheLineOfTheGuard) {
  {
    const auto guard = map.get("a");
    expect_line(__LINE__ - 1);
  }
  {
    const auto guard = map.get_mut("a");
    expect_line(__LINE__ - 1);
  }
  {
    const auto guard = map.try_get("a");
    expect_line(__LINE__ - 1);
  }
  {
    const auto guard = map.try_get_mut("a");
    expect_line(__LINE__ - 1);
  }
  {
    const auto entry = map.entry("a");
    expect_line(__LINE__ - 1);
  }
  {
    const auto entry = map.try_entry("a");
    expect_line(__LINE__ - 1);
  }
  {
    const auto guard = map.get_or_insert_with("a", [] { return "3"; });
    expect_line(__LINE__ - 1);
  }
  {
    const auto all = map.lock_all();
    expect_line(__LINE__ - 1);
  }
}

TEST_F(Checked, ErrorsNameTheLineOfTheClosure) {
  map.view("a", [&](const auto&, const auto&) { expect_line(__LINE__); });
  map.alter("a", [&](const auto&, auto value) {
    expect_line(__LINE__ - 1);
    return value;
  });
  map.compute("a", [&](auto&) { expect_line(__LINE__); });
  map.with_keys({"a", "b"}, [&](auto) { expect_line(__LINE__); });
}

TEST_F(Checked, ALineIsNotTakenForAnother) {
  static_cast<void>(map.get("absent"));  // leaves no record
  for (auto it = map.begin(); it != map.end(); ++it) {
    const auto item = *it;
    if (item.key() != "a") continue;
    const std::string text = error_of([&] { map.insert("a", ""); });
    EXPECT_NE(text.find("(taken by iter)"), std::string::npos) << text;
  }
}

TEST_F(Checked, DumpsNameLines) {
  const auto guard = map.get("a");
  const unsigned line = __LINE__ - 1;
  std::ostringstream out;
  map.dump_locks(out);
  EXPECT_NE(out.str().find(here(line)), std::string::npos) << out.str();
}

using CheckedDeath = Checked;

TEST_F(CheckedDeath, AMapThatIsDestroyedUnderAGuardEndsTheProgram) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto destroy = [](auto hold) {
    auto doomed = std::make_unique<Map>();
    doomed->insert("a", "1");
    const auto guard = hold(*doomed);
    doomed.reset();
  };
  const char* text = "a map is destroyed while thread .* holds .*taken by .* at .*checked_test";
  EXPECT_DEATH(destroy([](Map& m) { return m.get("a"); }), text);
  EXPECT_DEATH(destroy([](Map& m) { return m.get_mut("a"); }), text);
  EXPECT_DEATH(destroy([](Map& m) { return m.entry("a"); }), text);
  EXPECT_DEATH(destroy([](Map& m) { return m.entry("b"); }), text);
  EXPECT_DEATH(
      destroy([](Map& m) { return std::make_unique<decltype(m.lock_all())>(m.lock_all()); }), text);
  // A guard of another map is in nobody's way.
  const auto guard = map.get("a");
  {
    const Map other{{"a", "1"}};
  }
}

}  // namespace
