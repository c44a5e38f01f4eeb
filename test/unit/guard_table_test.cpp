// The table of guards: every way to hold a part of a map against every operation, from the holder's
// own thread and from another one, on what is held, beside it and elsewhere. Each cell must say
// what the rule in support/guard_table.hpp says, and leave the map unlocked and as it should be.
//
// The table in docs/guards.md is what the rule gives. After a change to the rule, the holders or
// the operations, run in the top folder
//
//   DASHMAP_WRITE_GUARD_TABLE=docs/guards.md build/dev/test/unit_tests --gtest_filter='GuardTable*'
#include "support/guard_table.hpp"
#include "concurrent/support/stress.hpp"
#include "support/guard_table_operations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test::guard_table;
using namespace std::chrono_literals;

/// After so long without an end a cell is taken for hung, and the process aborts with its name.
constexpr std::chrono::seconds limit{60};
/// For timed operations that are to get what they want, and for those that are to give up.
constexpr std::chrono::milliseconds long_patience = 1h;
constexpr std::chrono::milliseconds short_patience = 2ms;

// ---- One cell -------------------------------------------------------------------------------

struct Result {
  Word word = Word::works;
  Answer answer = Answer::done;
  std::string error;  // of an exception that no operation may throw
};

Result attempt(const Operation& operation, const Call& call) {
  Result result;
  try {
    result.answer = operation.run(call);
    if (result.answer == Answer::locked) result.word = Word::locked;
  } catch (const dashmap::DeadlockError&) {
    result.word = Word::throws;
  } catch (const std::exception& error) {
    result.error = error.what();
  }
  return result;
}

bool a_thread_waits(const Map& map) {
  std::ostringstream out;
  map.dump_locks(out);
  return out.str().find(" waits for ") != std::string::npos;
}

Result run_on_own_thread(Map& map, const Holder& holder, const Operation& operation, Key key) {
  Result result;
  result.error = "the holder never held anything";
  holder.run(map, [&] { result = attempt(operation, {map, key, long_patience}); });
  return result;
}

/// Runs the operation on another thread. If that waits, lets go and sees how it ends: `waits` means
/// that it then worked.
Result run_on_another_thread(Map& map, const Holder& holder, const Operation& operation, Key key) {
  Result result;
  result.error = "the holder never held anything";
  bool waited = false;
  std::atomic<bool> blocked{false};  // a timed operation, whose wait is not shown, gave up once
  std::atomic<bool> done{false};
  const auto work = [&] {
    // The waits of threads that hold nothing are not shown.
    Map unrelated;
    unrelated.insert(held_key, "");
    const auto guard = unrelated.get(held_key);
    result = attempt(operation, {map, key, operation.timed ? short_patience : long_patience});
    if (operation.timed && result.word == Word::locked) {
      blocked.store(true);
      result = attempt(operation, {map, key, long_patience});
    }
    done.store(true);
  };
  {
    std::jthread worker;
    holder.run(map, [&] {
      worker = std::jthread(work);
      stress::phase("the operation, or its wait");
      while (!done.load() && !waited) {
        waited = blocked.load() || a_thread_waits(map);
        std::this_thread::yield();
      }
      stress::phase("the end of a wait");
    });
  }
  if (waited && result.word == Word::works) result.word = Word::waits;
  return result;
}

/// Whether a reader said rightly that the key is there, or is not.
bool is_right(Answer answer, const Contents& contents, Key key) {
  switch (answer) {
    case Answer::done:
    case Answer::locked: return true;
    case Answer::absent: return !contents.contains(key);
    case Answer::present: return contents.contains(key);
    case Answer::wrong: return false;
  }
  return false;
}

Contents contents_by_another_thread(Map& map) {
  Contents contents;
  std::jthread([&] {
    for (auto&& [key, value] : map.lock_all()) contents.emplace(key, value);
  }).join();
  return contents;
}

void check_cell(const Holder& holder, const Operation& operation, Relation relation, bool own) {
  const std::string cell = std::string(holder.name) + ", " + operation.name + " on " +
                           (own ? "its own" : "another") + " thread, " + name_of(relation);
  stress::Watchdog watchdog("guard table: " + cell, limit);
  watchdog.on_hang([](std::ostream& out) { Map().dump_locks(out); });  // of all maps
  const Key key = key_of(relation);
  Contents contents = initial_contents();
  if (holder.hold == Hold::vacant_key) contents.erase(held_key);
  Map map = make_map(relation, contents);

  const Reach reach = reach_of(holder.hold, operation.scope, relation);
  const Mode mode = mode_of(operation, contents.contains(key));
  const Word expected =
      own ? on_own_thread(holder.hold, mode, reach) : on_another_thread(holder.hold, mode, reach);
  Result result;
  try {
    stress::phase("holding");
    result = own ? run_on_own_thread(map, holder, operation, key)
                 : run_on_another_thread(map, holder, operation, key);
  } catch (const std::exception& error) {
    result.error = std::string("the holder ended by an exception: ") + error.what();
  }
  EXPECT_TRUE(result.error.empty()) << cell << ": " << result.error;
  EXPECT_TRUE(result.word == expected)
      << cell << ": " << name_of(result.word) << ", but the rule says " << name_of(expected);

  // Who waited came after the holder, all others before it ended.
  const bool worked = result.word == Word::works || result.word == Word::waits;
  if (result.word == Word::waits) apply(holder.effect, contents, held_key);
  EXPECT_TRUE(is_right(result.answer, contents, key)) << cell << ": a wrong answer";
  if (worked) apply(operation.effect, contents, key);
  if (result.word != Word::waits) apply(holder.effect, contents, held_key);
  stress::phase("lock_all afterwards");
  EXPECT_EQ(map.len(), contents.size()) << cell;
  EXPECT_EQ(contents_by_another_thread(map), contents) << cell;
}

// ---- All cells ------------------------------------------------------------------------------

/// One test for each holder; the parameter is its place in the list.
class GuardTable : public ::testing::TestWithParam<std::size_t> {
 protected:
  static void check_row(bool own) {
    const Holder holder = holders().at(GetParam());
    for (const Operation& operation : operations()) {
      for (const Relation relation : relations) {
        // For the whole map it does not matter where a key is.
        if (operation.scope == Scope::map && relation != Relation::same) continue;
        check_cell(holder, operation, relation, own);
      }
    }
  }
};

TEST_P(GuardTable, OwnThread) { check_row(true); }
TEST_P(GuardTable, AnotherThread) { check_row(false); }

INSTANTIATE_TEST_SUITE_P(Holders, GuardTable, ::testing::Range(std::size_t{0}, holders().size()),
                         [](const auto& row) { return std::string(holders().at(row.param).id); });

TEST(GuardTableKeys, LieWhereTheTableNeedsThem) {
  const auto is_locked = [](Map& map, Key key) {
    bool locked = false;
    std::jthread([&] { locked = map.try_get_mut(key).is_locked(); }).join();
    return locked;
  };
  for (const Relation relation : relations) {
    Map map = make_map(relation, initial_contents());
    const Key key = key_of(relation);
    const bool other_shard = relation == Relation::other_shard || relation == Relation::elsewhere;
    EXPECT_EQ(map.determine_map(held_key) != map.determine_map(key), other_shard);
    const auto guard = map.get(held_key);
    EXPECT_EQ(is_locked(map, key), relation != Relation::elsewhere) << name_of(relation);
  }
}

// ---- The table in the documentation ---------------------------------------------------------

constexpr char begin_mark[] = "<!-- guard table: written by test/unit/guard_table_test.cpp -->\n";
constexpr char end_mark[] = "<!-- end of guard table -->\n";

/// The names of things, those of which `look` is equal together, in the order of the first ones.
template <class Things, class Look, class Name>
auto grouped(const Things& things, const Look& look, const Name& name) {
  std::vector<std::pair<decltype(look(*things.begin())), std::string>> groups;
  for (const auto& thing : things) {
    auto looks = look(thing);
    const auto known = std::find_if(groups.begin(), groups.end(),
                                    [&](const auto& group) { return group.first == looks; });
    if (known == groups.end()) {
      groups.emplace_back(std::move(looks), name(thing));
    } else {
      known->second += std::string(", ") + name(thing);
    }
  }
  return groups;
}

/// A row for all holders that see the same, a column for all classes in which all see the same.
std::string table_of_thread(const char* title, Word (*rule)(Hold, Mode, Reach)) {
  const std::vector<Holder> rows = holders();
  const auto columns = grouped(
      modes,
      [&](Mode mode) {
        std::vector<Word> words;
        for (const Holder& row : rows) words.push_back(rule(row.hold, mode, Reach::held));
        return words;
      },
      [](Mode mode) { return name_of(mode); });
  std::string head = std::string("| ") + title + " |";
  std::string line = "|---|";
  for (const auto& [words, name] : columns) {
    head += " " + name + " |";
    line += "---|";
  }
  std::string table = head + '\n' + line + '\n';
  const auto lines = grouped(
      rows,
      [&](const Holder& row) {
        std::string cells;
        const auto index = static_cast<std::size_t>(&row - rows.data());
        for (const auto& [words, name] : columns) {
          cells += std::string(" ") + name_of(words.at(index)) + " |";
        }
        return cells;
      },
      [](const Holder& row) { return row.name; });
  for (const auto& [cells, names] : lines) table += "| " + names + " |" + cells + '\n';
  return table;
}

std::string whole_table() {
  std::string classes = "| class | operations |\n|---|---|\n";
  for (const Mode mode : modes) {
    std::string names;
    for (const Operation& operation : operations()) {
      if (operation.mode != mode) continue;
      names += std::string(names.empty() ? "`" : ", `") + operation.name + "`";
    }
    classes += std::string("| ") + name_of(mode) + " | " + names + " |\n";
  }
  return classes + '\n' + table_of_thread("this thread holds", on_own_thread) + '\n' +
         table_of_thread("another thread holds", on_another_thread);
}

TEST(GuardTableInDocs, LeavesOutOnlyWhatIsSimple) {
  for (const Holder& holder : holders()) {
    for (const Mode mode : modes) {
      const Hold hold = holder.hold;
      EXPECT_EQ(on_own_thread(hold, mode, Reach::beside), Word::works);
      EXPECT_EQ(on_own_thread(hold, mode, Reach::apart), Word::works);
      EXPECT_EQ(on_another_thread(hold, mode, Reach::beside),
                on_another_thread(hold, mode, Reach::held));
      EXPECT_EQ(on_another_thread(hold, mode, Reach::apart), Word::works);
    }
  }
}

TEST(GuardTableInDocs, IsWhatTheRuleGives) {
  const char* const to_write = std::getenv("DASHMAP_WRITE_GUARD_TABLE");
  const std::filesystem::path file =
      to_write != nullptr ? to_write
                          : std::filesystem::path(__FILE__).parent_path() / "../../docs/guards.md";
  std::ifstream in(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const std::size_t mark = text.find(begin_mark);
  const std::size_t end = text.find(end_mark);
  ASSERT_TRUE(mark != std::string::npos && end != std::string::npos && mark < end)
      << file << " has no lines\n"
      << begin_mark << end_mark << "for the table to stand between";
  const std::size_t begin = mark + std::string(begin_mark).size();
  const std::string table = '\n' + whole_table() + '\n';
  std::cout << table;
  if (to_write != nullptr) {
    text.replace(begin, end - begin, table);
    ASSERT_TRUE(std::ofstream(file, std::ios::binary) << text) << "cannot write " << file;
    return;
  }
  EXPECT_EQ(text.substr(begin, end - begin), table)
      << "the table in " << file << " is not the one above; to write it there, run\n"
      << "DASHMAP_WRITE_GUARD_TABLE=docs/guards.md build/dev/test/unit_tests "
         "--gtest_filter='GuardTable*'";
}

}  // namespace
