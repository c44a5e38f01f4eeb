// reclaim/pin.hpp: what is unlinked is freed when nobody can look at it any more.
#include "maps.hpp"

namespace {

using dashmap::detail::Pin;
using dashmap::detail::PinRegistry;
using dashmap::detail::QuickPin;
using model::Atomic;
using model::Model;
using model::Register;
using model::Run;

struct Object {
  Atomic<int> alive{1};
};

struct Reclaim : Run {
  Atomic<Object*> shared{new Object};
  bool again;
  explicit Reclaim(bool a = false) : again(a) {}

  void look() {
    if (const QuickPin pin(this); pin) {
      look_pinned();
    } else {
      const Pin slow(this);
      look_pinned();
    }
  }
  void look_pinned() {
    if (Object* object = shared.load(std::memory_order_acquire)) {
      MODEL_CHECK(object->alive.load(std::memory_order_relaxed) == 1);
    }
  }
  void thread(unsigned t) override {
    if (t == 0) {
      Object* old = shared.exchange(nullptr, std::memory_order_acq_rel);
      if (PinRegistry::quiescent(this)) delete old;
    } else {
      look();
      if (again) look();
    }
  }
};
const Register one(Model{"pin.one", 2, [] { return new Reclaim; }, 4, 20000});
const Register again(Model{"pin.again", 2, [] { return new Reclaim(true); }, 3, 20000, true, false,
                           1});
const Register fenced(Model{"pin.fenced", 2, [] { return new Reclaim(true); }, 3, 20000, false,
                            false, 1});
const Register three(Model{"pin.three", 3, [] { return new Reclaim(true); }, model::none, 20000});

// 3: a record that was seen with another map, of the same thread or of the next that has the
// record, is seen after what was done under the pin before.
struct Elsewhere : Reclaim {
  char another_map = 0;
  bool handed_on;
  explicit Elsewhere(bool h) : handed_on(h) {}
  void thread(unsigned t) override {
    if (t == 0) return Reclaim::thread(0);
    if (t == 1) look();
    if (t == 1 && handed_on) return;
    if (const QuickPin pin(&another_map); !pin) {
      const Pin slow(&another_map);
    }
  }
};
const Register elsewhere(Model{"pin.elsewhere", 2, [] { return new Elsewhere(false); }, 4, 20000});
const Register elsewhere_fenced(Model{"pin.elsewhere_fenced", 2,
                                      [] { return new Elsewhere(false); }, 4, 20000, false});
const Register handed_on(Model{"pin.handed_on", 3, [] { return new Elsewhere(true); }, 3, 20000,
                               true, false, 2});
const Register handed_on_fenced(Model{"pin.handed_on_fenced", 3, [] { return new Elsewhere(true); },
                                      3, 20000, false, false, 2});

// 2: a pin within another one, of the same map and of another. The outer one is a QuickPin where
// the thread was here before.
struct Nested : Reclaim {
  bool same;
  explicit Nested(bool s) : same(s) {}
  void thread(unsigned t) override {
    if (t == 0) return Reclaim::thread(0);
    {
      const Pin pin(this);
      nest();
    }
    if (const QuickPin pin(this); pin) nest();
  }
  void nest() {
    const void* inner = same ? static_cast<const void*>(this) : &same;
    Object* object = shared.load(std::memory_order_acquire);
    {
      const QuickPin quick(inner);
      MODEL_CHECK(!quick);
      const Pin pin(inner);
      if (object != nullptr) object->alive.load(std::memory_order_relaxed);
    }
    if (object != nullptr) object->alive.load(std::memory_order_relaxed);
  }
};
const Register same(Model{"pin.nested_same", 2, [] { return new Nested(true); }, 3, 20000, true,
                          false, 1});
const Register other(Model{"pin.nested_other", 2, [] { return new Nested(false); }, 3, 20000, true,
                           false, 1});
const Register nested_fenced(Model{"pin.nested_fenced", 2, [] { return new Nested(false); }, 3,
                                   20000, false, false, 1});

// 1: records change hands; two threads never have one record. One thread has ended before the next
// claims, or not.
struct Claims : Run {
  Atomic<int> in[4] = {{0}, {0}, {0}, {0}};
  void thread(unsigned t) override {
    for (int i = 0; i < 2; ++i) {
      dashmap::detail::PinRecord* mine = PinRegistry::claim(&in[t]);
      MODEL_CHECK(mine->map.load(std::memory_order_relaxed) == &in[t]);
      mine->map.store(PinRegistry::free_mark(), std::memory_order_release);
    }
  }
};
const Register claims(Model{"pin.claims", 2, [] { return new Claims; }, 4, 10000});
const Register claims_3(Model{"pin.claims_three", 3, [] { return new Claims; }, model::none,
                              20000});

}  // namespace
