// The map itself: optimistic reads, updates by one exchange, removal, and their linearization.
#include <array>

#include "maps.hpp"

namespace {

using model::add;
using model::get;
using model::high;
using model::high_2;
using model::low;
using model::low_2;
using model::Map;
using model::MapRun;
using model::Model;
using model::Register;
using model::Value;

struct OneKey : MapRun {
  Map map;
  OneKey() { map.insert(low, 0); }
};

// core/lookup.hpp 1: a read without a lock sees a whole value, and never an older one after a
// newer.
struct Read : OneKey {
  void thread(unsigned t) override {
    if (t == 0) {
      map.insert_or_assign(low, 1);
      map.insert_or_assign(low, 2);
    } else {
      const Value first = get(map, low);
      MODEL_CHECK(get(map, low) >= first);
    }
  }
};
const Register read(Model{"map.read", 2, [] { return new Read; }, 3, 20000, true, false, 1});
const Register read_fenced(Model{"map.read_fenced", 2, [] { return new Read; }, model::none, 10000,
                                 false});

// core/lookup.hpp 1: the exchange from the version that was seen locks and validates.
struct Update : OneKey {
  unsigned threads;
  explicit Update(unsigned n) : threads(n) {}
  void thread(unsigned) override {
    map.alter(low, [](const auto&, model::Pair value) { return model::Pair(value.get() + 1); });
  }
  void check() override { MODEL_CHECK(get(map, low) == threads); }
};
const Register update_2(Model{"map.update", 2, [] { return new Update(2); }, 3, 20000, true, false,
                              1});
const Register update_3(Model{"map.update_three", 3, [] { return new Update(3); }, model::none,
                              20000});

// Two insertions of one key: one is new.
struct Insert : MapRun {
  Map map;
  int fresh[2] = {};
  void thread(unsigned t) override { fresh[t] = map.insert_or_assign(low, t + 1) ? 1 : 0; }
  void check() override {
    MODEL_CHECK(fresh[0] + fresh[1] == 1);
    MODEL_CHECK(map.size() == 1);
    MODEL_CHECK(get(map, low) == (fresh[0] == 1 ? 2 : 1));
  }
};
const Register insert(Model{"map.insert", 2, [] { return new Insert; }, 3, 20000, true, false, 1});

// counter.hpp 1: insertions into two groups are both counted, and removals.
struct Count : MapRun {
  Map map;
  Count() {
    map.reserve(20);
    map.insert(low_2, 0);
    map.insert(high_2, 0);
  }
  void thread(unsigned t) override {
    map.insert(t == 0 ? low : high, t);
    map.erase(t == 0 ? low_2 : high_2);
  }
  void check() override { MODEL_CHECK(map.size() == 2); }
};
const Register count(Model{"map.count", 2, [] { return new Count; }, 2, 10000, true, false, 1});

// A key that goes and comes: a look-up finds it whole or not at all; of two removals one removes.
struct Remove : OneKey {
  int removed[2] = {};
  void thread(unsigned t) override {
    if (t == 0) {
      if (map.erase(low)) ++removed[0];
      map.insert(low_2, 5);  // in the same place
    } else {
      const auto seen = map.get_copy(low);
      MODEL_CHECK(!seen || seen->get() == 0);
      const auto other = map.get_copy(low_2);
      MODEL_CHECK(!other || other->get() == 5);
      if (map.remove(low)) ++removed[1];  // as erase does it where one step is not enough
    }
  }
  void check() override {
    MODEL_CHECK(removed[0] + removed[1] == 1);
    MODEL_CHECK(map.size() == 1);
  }
};
const Register remove_1(Model{"map.remove", 2, [] { return new Remove; }, 3, 20000, true, false,
                              1});

// A reader that came and went leaves the word as it was; an update from the value seen before comes
// after it all the same.
struct Visited : OneKey {
  void thread(unsigned t) override {
    if (t == 1) {
      const auto ref = map.get(low);
      MODEL_CHECK(ref->get() <= 1);
    } else {
      map.alter(low, [](const auto&, model::Pair value) { return model::Pair(value.get() + 1); });
    }
  }
};
const Register visited(Model{"map.visited", 2, [] { return new Visited; }, 1, 20000, true, false,
                             1});

// A guard is one of the key that was asked for, though its slot got another key meanwhile.
struct Replaced : OneKey {
  void thread(unsigned t) override {
    if (t == 0) {
      map.erase(low);
      map.insert(low_2, 5);  // in the same place
    } else {
      if (const auto ref = map.get(low)) MODEL_CHECK(ref.key().get() == low && ref->get() == 0);
      if (auto ref = map.get_mut(low)) MODEL_CHECK(ref.key().get() == low && ref->get() == 0);
    }
  }
};
const Register replaced(Model{"map.replaced", 2, [] { return new Replaced; }, 2, 20000, true, false,
                              1});

// acquire.hpp 2, held.hpp 3: a thread works among its own holds of a group: it upgrades, and nests.
struct Several : OneKey {
  Several() { map.insert(low_2, 0); }
  void thread(unsigned t) override {
    if (t == 0) {
      const auto shared = map.get(low);
      add(map, low_2, 1);
    }
    const std::array<Value, 2> keys{low, low_2};
    map.with_keys(keys, [&](auto values) {
      values[0]->set(values[0]->get() + 1);
      map.insert(low + low_2, 1);
    });
  }
  void check() override { MODEL_CHECK(get(map, low) == 2 && get(map, low_2) == 1); }
};
const Register several(Model{"map.several", 2, [] { return new Several; }, 1, 10000, true, false,
                             1});

// table.hpp 4: a group's chain gets another node while readers follow it.
struct Chain : MapRun {
  Map map;
  static constexpr Value last = 20 * low;
  Chain() {
    map.reserve(20);
    for (Value key = low; key <= last; key += low) map.insert(key, key);  // a node is full
  }
  void thread(unsigned t) override {
    if (t == 0) {
      map.insert(last + low, 1);
    } else {
      MODEL_CHECK(get(map, last) == last);
      const auto fresh = map.get_copy(last + low);
      MODEL_CHECK(!fresh || fresh->get() == 1);
    }
  }
  void check() override { MODEL_CHECK(map.size() == 21); }
};
const Register chain(Model{"map.chain", 2, [] { return new Chain; }, 1, 5000, true, false, 1});

// Guards: while one lives nobody changes the element; a question is answered all the same.
struct Guards : OneKey {
  void thread(unsigned t) override {
    if (t == 0) {
      const auto ref = map.get(low);
      const Value before = ref->get();
      MODEL_CHECK(get(map, low) == before);
      MODEL_CHECK(ref->get() == before);
    } else if (t == 1) {
      auto ref = map.get_mut(low);
      ref->set(1);
      MODEL_CHECK(get(map, low) == 1);
      ref->set(2);
      const auto shared = std::move(ref).downgrade();
      MODEL_CHECK(shared->get() == 2);
    } else {
      MODEL_CHECK(get(map, low) != 3);
      auto tried = map.try_get(low);
      if (tried.is_present()) MODEL_CHECK(tried.unwrap()->get() != 1);
    }
  }
};
const Register guards_2(Model{"map.guards", 2, [] { return new Guards; }, 1, 20000, true, false,
                              0});
const Register guards_3(Model{"map.guards_three", 3, [] { return new Guards; }, model::none, 8000});

}  // namespace
