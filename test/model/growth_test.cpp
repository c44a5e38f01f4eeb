// core/resize.hpp and reclaim/pin.hpp: tables that grow and shrink, and are freed, while others
// read and write. The checker finds each use of a table that is freed, or not published yet.
#include <array>

#include "maps.hpp"

namespace {

using model::add;
using model::get;
using model::high;
using model::low;
using model::Map;
using model::MapRun;
using model::Model;
using model::Register;
using model::Value;

struct TwoKeys : MapRun {
  Map map;
  TwoKeys() {
    map.insert(low, 10);
    map.insert(high, 20);
  }
  void check() override {
    MODEL_CHECK(map.size() == 2);
    Value sum = 0;
    for (const auto& item : map) sum += item.value().get();
    MODEL_CHECK(sum == get(map, low) + get(map, high));
  }
};

// resize.hpp 1, 2: a reader finds each element, before, while and after it moves.
struct Readers : TwoKeys {
  void thread(unsigned t) override {
    if (t == 0) {
      map.reserve(20);
    } else {
      MODEL_CHECK(get(map, high) == 20);
      MODEL_CHECK(!map.get_copy(Value{16}).has_value());
      MODEL_CHECK(get(map, low) == 10);
    }
  }
};
const Register readers(Model{"growth.readers", 2, [] { return new Readers; }, 2, 10000, true, false,
                             1});
const Register readers_fenced(Model{"growth.readers_fenced", 2, [] { return new Readers; },
                                    model::none, 10000, false});

// batch.hpp 2: what is fetched before a batch of look-ups may be a table that is just going.
struct Batch : TwoKeys {
  void thread(unsigned t) override {
    if (t == 0) {
      map.reserve(20);
    } else {
      const std::array<Value, 2> keys{low, high};
      map.get_many(keys, [](Value key, const model::Pair* value) {
        MODEL_CHECK(value != nullptr && value->get() == (key == low ? 10 : 20));
      });
    }
  }
};
const Register batch(Model{"growth.batch", 2, [] { return new Batch; }, 1, 10000, true, false, 1});

// A writer's change is where readers look afterwards; nothing is moved twice or lost.
struct Writers : TwoKeys {
  void thread(unsigned t) override {
    if (t == 0) {
      map.reserve(20);
      MODEL_CHECK(get(map, low) >= 10);
    } else {
      add(map, low, t);
      MODEL_CHECK(get(map, low) >= 10 + t);
      add(map, high, t);
    }
  }
  unsigned all;
  explicit Writers(unsigned writers) : all(writers == 1 ? 1 : 3) {}
  void check() override {
    TwoKeys::check();
    MODEL_CHECK(get(map, low) == 10 + all);
    MODEL_CHECK(get(map, high) == 20 + all);
  }
};
const Register writers_1(Model{"growth.writers", 2, [] { return new Writers(1); }, 1, 10000, true,
                               false, 0});
const Register writers_2(Model{"growth.writers_three", 3, [] { return new Writers(2); },
                               model::none, 5000});

// A guard holds its unit up, and its table alive; the next growth makes a chain of tables.
struct Guarded : TwoKeys {
  void thread(unsigned t) override {
    if (t == 0) {
      auto ref = map.get_mut(low);
      ref->set(11);
      map.insert(Value{12}, 30);
      ref->set(12);
      MODEL_CHECK(get(map, low) == 12);
    } else if (t == 1) {
      map.reserve(20);
      map.reserve(40);
    } else {
      MODEL_CHECK(get(map, low) != 11);
      MODEL_CHECK(get(map, high) == 20);
      map.shrink_to_fit();
    }
  }
  void check() override {
    MODEL_CHECK(map.size() == 3);
    MODEL_CHECK(get(map, low) == 12);
    MODEL_CHECK(get(map, high) == 20);
  }
};
const Register guarded(Model{"growth.chain", 3, [] { return new Guarded; }, model::none, 5000});

// And back.
struct Shrink : TwoKeys {
  Shrink() { map.reserve(40); }
  void thread(unsigned t) override {
    if (t == 0) {
      map.shrink_to_fit();
    } else {
      MODEL_CHECK(get(map, high) == 20);
      add(map, low, 1);
      MODEL_CHECK(get(map, low) == 11);
    }
  }
};
const Register shrink(Model{"growth.shrink", 2, [] { return new Shrink; }, 1, 10000, true, false,
                            0});

// sweep.hpp 1: a pass meets each element once, where it lies, however the table changes under it.
struct Sweep : TwoKeys {
  bool grows;
  explicit Sweep(bool other_grows) : grows(other_grows) { map.reserve(20); }
  void thread(unsigned t) override {
    if (t == 0) {
      map.retain([&](const model::Cell& key, model::Pair& value) {
        MODEL_CHECK(map.contains_key(key));
        value.set(value.get() + 1);
        return true;
      });
    } else if (grows) {
      map.reserve(40);
    } else {
      map.erase(high);
    }
  }
  void check() override {
    MODEL_CHECK(get(map, low) == 11);
    MODEL_CHECK(map.size() == (grows ? 2 : 1));
    if (grows) MODEL_CHECK(get(map, high) == 21);
  }
};
const Register sweep_grown(Model{"growth.sweep", 2, [] { return new Sweep(true); }, 1, 10000, true,
                                 false, 1});
const Register sweep_erased(Model{"growth.sweep_erased", 2, [] { return new Sweep(false); }, 1,
                                  10000, true, false, 1});

// A first table: two threads insert into an empty map, a third looks.
struct First : MapRun {
  Map map;
  void thread(unsigned t) override {
    if (t < 2) {
      map.insert(t == 0 ? low : high, t + 1);
    } else {
      const auto seen = map.get_copy(low);
      MODEL_CHECK(!seen || seen->get() == 1);
    }
  }
  void check() override {
    MODEL_CHECK(get(map, low) == 1 && get(map, high) == 2);
    MODEL_CHECK(map.size() == 2);
  }
};
const Register first(Model{"growth.first", 3, [] { return new First; }, model::none, 20000});

}  // namespace
