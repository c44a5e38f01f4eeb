// sync/deadlock.hpp and held.hpp: of threads in a circle exactly one gets an error; others none.
// Guards that go to another thread count for it.
#include <memory>

#include "maps.hpp"

namespace {

using model::high;
using model::low;
using model::Map;
using model::MapRun;
using model::Model;
using model::Register;
using model::Value;

struct Spread : MapRun {
  Map map;
  int victims = 0;
  int done = 0;
  Spread() {
    map.reserve(40);
    map.insert(low, 0);
    map.insert(high, 0);
    map.insert(Value{1}, 0);
  }
};

// 2, 3: each holds one key and wants the next.
struct Circle : Spread {
  unsigned threads;
  explicit Circle(unsigned n) : threads(n) {}
  void thread(unsigned t) override {
    const Value keys[] = {low, high, 1};
    model::Atomic<int>& mine = holding[t];
    auto first = map.get_mut(keys[t]);
    mine.store(1, std::memory_order_relaxed);
    try {
      auto second = map.get_mut(keys[(t + 1) % threads]);
      second->set(second->get() + 1);
      ++done;
    } catch (const dashmap::DeadlockError&) {
      ++victims;
    }
    first->set(first->get() + 1);
  }
  model::Atomic<int> holding[3] = {{0}, {0}, {0}};
  void check() override {
    MODEL_CHECK(victims <= 1);
    MODEL_CHECK(victims + done == static_cast<int>(threads));
  }
};
const Register circle_2(Model{"deadlock.circle", 2, [] { return new Circle(2); }, 1, 5000, true,
                              false, 0});
const Register circle_3(Model{"deadlock.circle_three", 3, [] { return new Circle(3); }, model::none,
                              3000});

// No false alarm: keys in one order.
struct Order : Spread {
  void thread(unsigned) override {
    auto first = map.get_mut(low);
    auto second = map.get_mut(high);
    first->set(first->get() + 1);
    second->set(second->get() + 1);
  }
  void check() override { MODEL_CHECK(model::get(map, high) == model::get(map, low)); }
};
const Register order(Model{"deadlock.order", 3, [] { return new Order; }, model::none, 3000});

// 4: a thread with a guard does not queue behind a writer that waits for another reader's guard.
struct Crowd : Spread {
  void thread(unsigned t) override {
    if (t < 2) {
      const auto first = map.get(t == 0 ? low : high);
      for (int i = 0; i < 30; ++i) model::yield();  // until the writers sleep
      const auto second = map.get(t == 0 ? high : low);
      MODEL_CHECK(second->get() <= 1);
    } else {
      model::add(map, t == 2 ? low : high, 1);
    }
  }
};
const Register crowd(Model{"deadlock.crowd", 4, [] { return new Crowd; }, model::none, 4000});

// 1: who waited once, and runs on, is part of no circle.
struct Withdrawn : Spread {
  model::Atomic<int> had{0};
  void thread(unsigned t) override {
    if (t == 0) {
      const auto first = map.get_mut(high);
      {
        const auto second = map.get_mut(low);
      }
      had.store(1, std::memory_order_release);
      for (int i = 0; i < 30; ++i) model::yield();
    } else {
      {
        const auto first = map.get_mut(low);
        for (int i = 0; i < 30; ++i) model::yield();
      }
      while (had.load(std::memory_order_acquire) == 0) model::yield();
      const auto first = map.get_mut(low);
      const auto second = map.get_mut(high);  // no circle: it must not throw
    }
  }
};
const Register withdrawn(Model{"deadlock.withdrawn", 2, [] { return new Withdrawn; }, model::none,
                               5000});

// held.hpp 2: a guard goes to another thread, which ends it while its maker waits for the key.
struct Moved : Spread {
  using Guard = dashmap::RefMut<model::Cell, model::Pair>;
  std::unique_ptr<Guard> guard;
  model::Atomic<int> sent{0};
  void give() {
    guard = std::make_unique<Guard>(map.get_mut(low));
    sent.store(1, std::memory_order_release);
  }
  void await_guard() {
    while (sent.load(std::memory_order_acquire) == 0) model::yield();
  }
  void thread(unsigned t) override {
    if (t == 0) {
      guard = std::make_unique<Guard>(map.get_mut(low));
      (*guard)->set(1);
      sent.store(1, std::memory_order_release);
      try {
        auto again = map.get_mut(low);
        again->set(again->get() + 1);
        ++done;
      } catch (const dashmap::DeadlockError&) {
        ++victims;  // the guard was not used elsewhere yet
      }
    } else {
      await_guard();
      const std::unique_ptr<Guard> mine = std::move(guard);
      (*mine)->set((*mine)->get() + 1);
    }
  }
  void check() override { MODEL_CHECK(model::get(map, low) == 2 + static_cast<Value>(done)); }
};
const Register moved(Model{"held.moved", 2, [] { return new Moved; }, model::none, 8000});

// As before, but the guard was used by the other thread: its maker may wait for the key.
struct Used : Moved {
  model::Atomic<int> used{0};
  void thread(unsigned t) override {
    if (t == 0) {
      give();
      while (used.load(std::memory_order_acquire) == 0) model::yield();
      map.get_mut(low)->set(2);
    } else {
      await_guard();
      const std::unique_ptr<Guard> mine = std::move(guard);
      (*mine)->set(1);
      used.store(1, std::memory_order_release);
      for (int i = 0; i < 30; ++i) model::yield();
      (*mine)->set(1);
    }
  }
  void check() override { MODEL_CHECK(model::get(map, low) == 2); }
};
const Register used(Model{"held.used", 2, [] { return new Used; }, model::none, 5000});

// As before, but the guard goes back to its maker while the other thread asks for the key.
struct Back : Used {
  void thread(unsigned t) override {
    if (t == 0) {
      give();
      while (used.load(std::memory_order_acquire) == 0) model::yield();
      Guard mine = std::move(*guard);
      mine->set(1);
      for (int i = 0; i < 10; ++i) model::yield();
      mine->set(1);
    } else {
      await_guard();
      guard = std::make_unique<Guard>(std::move(*guard));
      used.store(1, std::memory_order_release);
      try {
        map.get_mut(low)->set(2);
      } catch (const dashmap::DeadlockError&) {
        ++victims;  // it was here, and nobody took it
      }
    }
  }
  void check() override { MODEL_CHECK(model::get(map, low) == (victims == 0 ? 2 : 1)); }
};
const Register back(Model{"held.back", 2, [] { return new Back; }, model::none, 8000});

// held.hpp 6, loan.hpp: the giver asks for the value while the taker begins to change it.
struct Asked : Moved {
  void thread(unsigned t) override {
    if (t == 0) {
      give();
      for (int i = 0; i < 2; ++i) MODEL_CHECK(model::get(map, low) <= 2);
    } else {
      await_guard();
      const std::unique_ptr<Guard> mine = std::move(guard);
      (*mine)->set(1);
      (*mine)->set(2);
    }
  }
  void check() override { MODEL_CHECK(model::get(map, low) == 2); }
};
const Register asked(Model{"held.asked", 2, [] { return new Asked; }, model::none, 40000});

// acquire.hpp 3: two threads with a guard each of one group do not change it at once.
struct OneGroup : Moved {
  OneGroup() { map.insert(model::low_2, 0); }
  void thread(unsigned t) override {
    try {
      if (t == 0) {
        auto kept = map.get_mut(model::low_2);
        give();
        map.insert(Value{12}, 1);
      } else {
        await_guard();
        const std::unique_ptr<Guard> mine = std::move(guard);
        (*mine)->set(1);
        map.insert(Value{16}, 1);
      }
    } catch (const dashmap::DeadlockError&) {
      ++victims;
    }
  }
  void check() override { MODEL_CHECK(static_cast<int>(map.size()) + victims == 6); }
};
const Register one_group(Model{"held.one_group", 2, [] { return new OneGroup; }, model::none,
                               5000});

// acquire.hpp 3: a reader upgrades while its own guard ends elsewhere, and a stranger comes
// instead.
struct Upgrade : Moved {
  using Shared = dashmap::Ref<model::Cell, model::Pair>;
  std::unique_ptr<Shared> shared;
  Upgrade() { map.insert(model::low_2, 0); }
  void thread(unsigned t) override {
    if (t == 0) {
      shared = std::make_unique<Shared>(map.get(low));
      sent.store(1, std::memory_order_release);
      try {
        map.get_mut(model::low_2)->set(1);
      } catch (const dashmap::DeadlockError&) {
        ++victims;
      }
    } else {
      await_guard();
      shared.reset();
      const auto stranger = map.get(model::low_2);
      const Value before = stranger->get();
      model::yield();
      MODEL_CHECK(stranger->get() == before);
    }
  }
  void check() override {}
};
const Register upgrade(Model{"held.upgrade", 2, [] { return new Upgrade; }, model::none, 20000});

// range.hpp 1: who locks everything has nothing yet of what comes behind the group it waits for.
struct Range : Spread {
  // Relaxed throughout: it says when to begin, and what is read under locks these order.
  model::Atomic<int> holding{0};
  void thread(unsigned t) override {
    if (t == 0) {
      while (holding.load(std::memory_order_relaxed) != 2) model::yield();
      const auto all = map.lock_all();
    } else {
      auto first = map.get_mut(t == 1 ? Value{1} : high);  // the second group, the third
      holding.fetch_add(1, std::memory_order_relaxed);
      while (holding.load(std::memory_order_relaxed) != 2) model::yield();
      if (t == 1) {
        map.get_mut(high)->set(1);  // no circle: it must not throw
      } else {
        for (int i = 0; i < 30; ++i) model::yield();
      }
    }
  }
};
const Register range(Model{"deadlock.range", 3, [] { return new Range; }, model::none, 5000});

// lock_handle.hpp, release_own: its maker may be about to nest in the hold that ends elsewhere.
struct EndsElsewhere : Moved {
  EndsElsewhere() { map.insert(model::low_2, 0); }
  void add_one() {
    try {
      auto value = map.get_mut(model::low_2);
      value->set(value->get() + 1);
    } catch (const dashmap::DeadlockError&) {
      ++victims;
    }
  }
  void thread(unsigned t) override {
    if (t == 0) {
      give();
      add_one();
    } else {
      await_guard();
      guard.reset();
      add_one();
    }
  }
  void check() override {
    MODEL_CHECK(model::get(map, model::low_2) + static_cast<Value>(victims) == 2);
  }
};
const Register ends_elsewhere(Model{"held.ends_elsewhere", 2, [] { return new EndsElsewhere; },
                                    model::none, 8000});

// held.hpp 4: records and lists are reused by later threads; each thread sees its own holds.
struct Records : Spread {
  void thread(unsigned t) override {
    const Value key = t == 0 ? low : high;
    {
      const auto shared = map.get(key);
      const auto again = map.get(key);
      const auto third = map.get(Value{1});
    }
    auto ref = map.get_mut(key);
    ref->set(1);
    bool refused = false;
    try {
      map.get_mut(key)->set(2);
    } catch (const dashmap::DeadlockError&) {
      refused = true;
    }
    MODEL_CHECK(refused);
  }
};
const Register records(Model{"held.records", 2, [] { return new Records; }, model::none, 5000});

}  // namespace
