// sync/deadlock.hpp and held.hpp: of threads in a circle exactly one gets an error; others none.
// Guards that go to another thread count for it.
#include <memory>

#include "maps.hpp"

namespace {

using model::high;
using model::low;
using model::Map;
using model::Model;
using model::Register;
using model::Run;
using model::Value;

struct Spread : Run {
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
    if (t == 0) {
      const auto first = map.get(low);
      const auto second = map.get(high);
      MODEL_CHECK(second->get() <= 1);
    } else if (t == 1) {
      const auto first = map.get(high);
      const auto second = map.get(low);
      MODEL_CHECK(second->get() <= 1);
    } else {
      model::add(map, low, 1);
      model::add(map, high, 1);
    }
  }
};
const Register crowd(Model{"deadlock.crowd", 3, [] { return new Crowd; }, model::none, 4000});

// held.hpp 2: a guard goes to another thread, which ends it while its maker waits for the key.
struct Moved : Spread {
  using Guard = dashmap::RefMut<model::Cell, model::Pair>;
  std::unique_ptr<Guard> guard;
  model::Atomic<int> sent{0};
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
      while (sent.load(std::memory_order_acquire) == 0) model::yield();
      const std::unique_ptr<Guard> mine = std::move(guard);
      (*mine)->set((*mine)->get() + 1);
    }
  }
  void check() override { MODEL_CHECK(model::get(map, low) == 2 + static_cast<Value>(done)); }
};
const Register moved(Model{"held.moved", 2, [] { return new Moved; }, model::none, 8000});

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
