// Guards: what they show, how they move, what they project to.
#include "support/configs.hpp"
#include "support/other_thread.hpp"

#include <gtest/gtest.h>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;

struct Person {
  std::string name;
  int age = 0;
  std::optional<std::string> nick;
};
using People = DashMap<std::string, Person>;

People two_people() {
  People map;
  map.insert("ann", Person{"Ann Example of Long Name Street", 40, std::nullopt});
  map.insert("bob", Person{"Bob", 30, "bobby"});
  return map;
}

/// How another thread finds the lock of a key.
enum class Lock { free, read, write };

template <class Map, class Key>
Lock lock_seen_elsewhere(Map& map, const Key& key) {
  return on_another_thread([&] {
    if (map.try_get_mut(key).is_present()) return Lock::free;
    return map.try_get(key).is_present() ? Lock::read : Lock::write;
  });
}

TEST(Guard, HoldsTheLockAsLongAsItLives) {
  auto map = two_people();
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
  {
    const auto ref = map.get("ann");
    EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::read);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
  {
    const auto ref = map.get_mut("ann");
    EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::write);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
  {
    const auto absent = map.get("nobody");
  }
  {
    const auto absent = map.get_mut("nobody");
  }
  map.insert("nobody", Person{});
  EXPECT_EQ(lock_seen_elsewhere(map, "nobody"), Lock::free);
}

TEST(Guard, MovesAndLeavesTheSourceEmpty) {
  auto map = two_people();
  {
    auto ref = map.get("ann");
    auto moved = std::move(ref);
    EXPECT_FALSE(ref);  // NOLINT: a moved-from guard is false
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->age, 40);
    EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::read);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
  {
    auto ref = map.get_mut("ann");
    auto moved = std::move(ref);
    EXPECT_FALSE(ref);  // NOLINT
    ASSERT_TRUE(moved);
    moved->age = 41;
    EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::write);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
  EXPECT_EQ(map.get("ann")->age, 41);
}

TEST(Guard, MoveAssignmentReleasesWhatTheTargetHeld) {
  auto map = two_people();
  auto first = map.get("ann");
  auto second = map.get("bob");
  first = std::move(second);
  // This thread may write a key that it has no guard of, whichever others it has.
  EXPECT_TRUE(map.get_mut("ann")) << "the old guard was not released";
  EXPECT_EQ(first->name, "Bob");
  EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::read);
  auto& same = first;
  first = std::move(same);
  ASSERT_TRUE(first) << "self-move lost the guard";
  EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::read);
  first = map.get("nobody");
  EXPECT_FALSE(first);
  EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::free);

  auto writer = map.get_mut("ann");
  writer = map.get_mut("bob");
  EXPECT_TRUE(map.get_mut("ann")) << "the old guard was not released";
  EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::write);
  writer = map.get_mut("nobody");
  EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::free);
}

TEST(Guard, LivesInContainers) {
  DashMap<int, std::string> map;
  for (int i = 0; i < 50; ++i) map.insert(i, std::to_string(i));
  {
    std::vector<decltype(map.get(0))> readers;
    for (int i = 0; i < 50; ++i) readers.push_back(map.get(i));
    readers.erase(readers.begin(), readers.begin() + 10);
    for (int i = 10; i < 50; ++i) {
      EXPECT_EQ(*readers[static_cast<std::size_t>(i - 10)], std::to_string(i));
    }
    EXPECT_EQ(lock_seen_elsewhere(map, 49), Lock::read);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, 49), Lock::free);
}

TEST(Guard, TwoReadersOfOneKeyBothHaveToGo) {
  auto map = two_people();
  std::optional first(map.get("ann"));
  std::optional second(map.get("ann"));
  EXPECT_EQ(&**first, &**second);
  first.reset();
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::read);
  second.reset();
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
}

TEST(Guard, DowngradeKeepsTheElementAndLetsReadersIn) {
  auto map = two_people();
  {
    auto writer = map.get_mut("ann");
    writer->age = 50;
    EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::write);
    const auto reader = std::move(writer).downgrade();
    EXPECT_FALSE(writer);  // NOLINT
    static_assert(std::same_as<std::remove_const_t<decltype(reader)>, decltype(map.get("ann"))>);
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->age, 50);
    EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::read);
    EXPECT_EQ(map.get("ann")->age, 50);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
}

TEST(Guard, MapProjectsAndKeepsTheLock) {
  auto map = two_people();
  {
    const auto name =
        map.get("ann").map([](const Person& p) -> const std::string& { return p.name; });
    ASSERT_TRUE(name);
    EXPECT_EQ(*name, "Ann Example of Long Name Street");
    EXPECT_EQ(name->size(), 31U);
    EXPECT_EQ(name.key(), "ann");
    EXPECT_EQ(&name.value(), &*name);
    const auto& [k, v] = name.pair();
    EXPECT_EQ(k, "ann");
    EXPECT_EQ(v, *name);
    EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::read);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
  {
    auto age = map.get_mut("ann").map([](Person& p) -> int& { return p.age; });
    ASSERT_TRUE(age);
    *age += 1;
    age.value_mut() += 1;
    EXPECT_EQ(age.key(), "ann");
    age.pair_mut().second += 1;
    EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::write);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
  EXPECT_EQ(map.get("ann")->age, 43);
}

TEST(Guard, ProjectionsProjectAgain) {
  auto map = two_people();
  auto ref = map.get("ann").map([](const Person& p) -> const std::string& { return p.name; });
  const auto letter =
      std::move(ref).map([](const std::string& s) -> const char& { return s.front(); });
  EXPECT_EQ(*letter, 'A');
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::read);
}

TEST(Guard, ProjectionsMove) {
  auto map = two_people();
  {
    auto age = map.get_mut("bob").map([](Person& p) -> int& { return p.age; });
    auto moved = std::move(age);
    EXPECT_FALSE(age);  // NOLINT
    *moved = 31;
    EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::write);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::free);
  EXPECT_EQ(map.get("bob")->age, 31);
}

const std::string* nick_of(const Person& p) { return p.nick ? &*p.nick : nullptr; }

TEST(Guard, TryMapProjectsWhereThereIsSuchAPart) {
  auto map = two_people();
  {
    auto ref = map.get("bob");
    const auto nick = std::move(ref).try_map(nick_of);
    ASSERT_TRUE(nick);
    EXPECT_EQ(**nick, "bobby");
    EXPECT_EQ(nick->key(), "bob");
    EXPECT_FALSE(ref);  // NOLINT
    EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::read);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::free);
  {
    auto ref = map.get_mut("bob");
    auto nick = std::move(ref).try_map([](Person& p) { return p.nick ? &*p.nick : nullptr; });
    ASSERT_TRUE(nick);
    **nick += "!";
    EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::write);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "bob"), Lock::free);
  EXPECT_EQ(map.get("bob")->nick, "bobby!");
}

TEST(Guard, TryMapKeepsTheGuardWhereThereIsNone) {
  auto map = two_people();
  {
    auto ref = map.get("ann");
    EXPECT_FALSE(std::move(ref).try_map(nick_of));
    ASSERT_TRUE(ref) << "the guard went with a projection that was not made";  // NOLINT
    EXPECT_EQ(ref->age, 40);
    EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::read);
  }
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
  {
    auto ref = map.get_mut("ann");
    EXPECT_FALSE(std::move(ref).try_map([](Person& p) { return p.nick ? &*p.nick : nullptr; }));
    ASSERT_TRUE(ref);  // NOLINT
    ref->age = 1;
    EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::write);
  }
  EXPECT_EQ(map.get("ann")->age, 1);
}

TEST(Guard, StructuredBindings) {
  auto map = two_people();
  {
    const auto ref = map.get("bob");
    const auto [key, value] = ref.pair();
    EXPECT_EQ(key, "bob");
    EXPECT_EQ(value.age, 30);
    EXPECT_EQ(&value, &*ref) << "the binding is a copy";
  }
  {
    auto ref = map.get_mut("bob");
    auto [key, value] = ref.pair_mut();
    static_assert(std::is_const_v<std::remove_reference_t<decltype(key)>>);
    value.age = 99;
  }
  EXPECT_EQ(map.get("bob")->age, 99);
}

TEST(Guard, IsReleasedByTheThreadItWasMovedTo) {
  auto map = two_people();
  auto writer = map.get_mut("ann");
  writer->age = 1;
  on_another_thread([&map, guard = std::move(writer)]() mutable {
    guard->age += 1;
    EXPECT_FALSE(map.try_get("ann").is_present() && !guard);
    [[maybe_unused]] const auto gone = std::move(guard);
  });
  EXPECT_EQ(map.get("ann")->age, 2);
  map.insert("ann", Person{"new", 3, std::nullopt});
  EXPECT_EQ(map.get("ann")->age, 3);

  auto reader = map.get("bob");
  on_another_thread([guard = std::move(reader)]() mutable {
    EXPECT_EQ(guard->age, 30);
    [[maybe_unused]] const auto gone = std::move(guard);
  });
  map.get_mut("bob")->age = 5;
  EXPECT_EQ(map.get("bob")->age, 5);
}

TEST(Guard, AGuardTakenElsewhereIsReleasedHere) {
  auto map = two_people();
  {
    auto guard = on_another_thread([&] { return map.get_mut("ann"); });
    guard->age = 7;
  }
  EXPECT_EQ(map.get_mut("ann")->age, 7);
  EXPECT_EQ(lock_seen_elsewhere(map, "ann"), Lock::free);
}

TEST(Guard, MutableGuardOfASharedPointerValue) {
  DashMap<int, std::unique_ptr<int>> map;
  map.insert(1, std::make_unique<int>(5));
  **map.get_mut(1) += 1;
  EXPECT_EQ(**map.get(1), 6);
  const std::unique_ptr<int> taken = std::move(*map.get_mut(1));
  EXPECT_EQ(*taken, 6);
  EXPECT_EQ(*map.get(1), nullptr);
}

}  // namespace
