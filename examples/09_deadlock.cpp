// Deadlocks: where a thread would wait for ever it gets an error, which says what to change.
#include <dashmap/dashmap.hpp>

#include <functional>
#include <iostream>
#include <latch>
#include <optional>
#include <span>
#include <string>
#include <thread>

using dashmap::DashMap;
using dashmap::DeadlockError;

using Bank = DashMap<int, int>;

// What the map says; the operating system's words for the error follow it
std::string show(const DeadlockError& error) {
  const std::string text = error.what();
  return text.substr(0, text.rfind(": "));
}

// Locks one account, then the other. Whoever gets an error lets go of what it has locked
void transfer(Bank& bank, int from, int to, std::latch& both_have_one,
              std::optional<std::string>& error) {
  try {
    auto source = bank.get_mut(from);
    both_have_one.arrive_and_wait();  // Bad luck, here in every run
    auto target = bank.get_mut(to);
    *source -= 10;
    *target += 10;
  } catch (const DeadlockError& e) {
    error = show(e);
  }
}

int main() {
  DashMap<std::string, int> stock{{"apples", 3}};

  // One thread in its own way: `apples` keeps the key locked, and insert needs it
  if (auto apples = stock.get("apples")) {
    try {
      stock.insert("apples", *apples - 1);
    } catch (const DeadlockError& e) {
      std::cout << show(e) << '\n';
    }
  }
  std::cout << "Nothing has changed: " << *stock.get("apples") << " apples\n";

  // Use it instead, as the text says: a guard that may write
  if (auto apples = stock.get_mut("apples")) {
    *apples -= 1;
  }
  // Or no guard at all
  stock.alter("apples", [](const auto&, int count) { return count - 1; });
  std::cout << "Two sold: " << *stock.get("apples") << " apple\n\n";

  // Two accounts far enough apart in the map to have locks of their own
  auto bank = Bank::with_capacity_and_shard_amount(1000, 2);
  const int alice = 0;
  int bob = 1;
  while (bank.determine_map(bob) == bank.determine_map(alice)) {
    ++bob;
  }
  bank.insert(alice, 100);
  bank.insert(bob, 100);

  // Two threads in each other's way: they take the accounts in opposite order
  std::latch both_have_one(2);
  std::optional<std::string> there_error;
  std::optional<std::string> back_error;
  {
    std::jthread there(transfer, std::ref(bank), alice, bob, std::ref(both_have_one),
                       std::ref(there_error));
    std::jthread back(transfer, std::ref(bank), bob, alice, std::ref(both_have_one),
                      std::ref(back_error));
  }

  // Either may be the one that gives way, the other has done its work
  if (there_error.has_value() == back_error.has_value()) {
    return 1;
  }
  std::cout << (there_error ? *there_error : *back_error) << '\n';
  std::cout << "One transfer done: " << *bank.get(alice) + *bank.get(bob) << " in all\n";

  // The keys together, as the text says: with_keys takes them in an order that is always the same
  const auto safe_transfer = [&](int from, int to) {
    bank.with_keys({from, to}, [](std::span<int*> balance) {
      *balance[0] -= 10;
      *balance[1] += 10;
    });
  };
  if (there_error) {
    safe_transfer(alice, bob);
  } else {
    safe_transfer(bob, alice);
  }
  std::cout << "Both done: " << *bank.get(alice) << " and " << *bank.get(bob) << '\n';

  {
    std::jthread there([&] {
      for (int i = 0; i < 1000; ++i) {
        safe_transfer(alice, bob);
      }
    });
    std::jthread back([&] {
      for (int i = 0; i < 1000; ++i) {
        safe_transfer(bob, alice);
      }
    });
  }
  std::cout << "2000 more: " << *bank.get(alice) << " and " << *bank.get(bob) << '\n';
}
