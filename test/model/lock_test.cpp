// sync/lock_word.hpp and lock_handle.hpp: the transitions of a group's word, and what it protects.
#include "maps.hpp"

namespace {

using namespace dashmap::detail;
using model::Model;
using model::Register;
using model::Run;
using model::Var;

struct Group : Run {
  Sleepers sleepers;
  Word word{word::readable};
  Var<int> data{0};
  model::Atomic<int> flag{0};
  Group() { model::name(&word, sizeof word, "word"), model::name(&data, sizeof data, "data"); }

  // The section of one operation, if the group is free.
  template <class F>
  bool exclusively(F f, word_t own = 0, bool barge = false) {
    word_t seen = word.load(std::memory_order_acquire);
    const word_t before = seen;
    if (!try_lock_exclusive(word, seen, own, barge)) return false;
    const Section section(sleepers, word, own == 0 ? word::locked_from(before) : 0);
    f();
    return true;
  }
  template <class F>
  bool shared(F f) {
    word_t seen = word.load(std::memory_order_acquire);
    if (!try_lock_shared(word, seen, false)) return false;
    f();
    release_hold<false>(sleepers, word);
    return true;
  }
  void write() { data.set(data.get() + 1); }
};

// 1: writers exclude each other and readers, and see what those before them wrote.
struct Exclusion : Group {
  int done[4] = {};
  bool writes[4];
  Exclusion(bool a, bool b, bool c = false) : writes{a, b, c} {}
  void thread(unsigned t) override {
    for (int i = 0; i < 2; ++i) {
      done[t] += writes[t] ? exclusively([&] { write(); }) : shared([&] { data.get(); });
    }
  }
  void check() override {
    MODEL_CHECK(word::is_readable(word.load()) && word::is_quiet(word.load()));
    int expected = 0;
    for (int t = 0; t < 3; ++t) expected += writes[t] ? done[t] : 0;
    MODEL_CHECK(data.get() == expected);
    MODEL_CHECK(word.load() >> 31 == static_cast<word_t>(expected));  // 2
  }
};
const Register exclusive(Model{"lock.exclusive", 2, [] { return new Exclusion(true, true); },
                               model::all, 2000, true, false, 1});
const Register shared_1(Model{"lock.shared", 2, [] { return new Exclusion(true, false); }, 6, 2000,
                              true, false, 1});
const Register three(Model{"lock.three", 3, [] { return new Exclusion(true, true, false); },
                           model::none, 20000});

// 1, 2: the version, and R: a reader without a lock, by hand.
struct Validate : Group {
  model::Cell a{0};
  model::Cell b{0};
  void thread(unsigned t) override {
    if (t == 0) {
      for (model::Value i = 1; i <= 2; ++i) exclusively([&] { a = i, b = i; });
      return;
    }
    const word_t before = word.load(std::memory_order_acquire);
    if (!word::is_readable(before)) return;
    const model::Cell seen_a = racy_copy(a);
    const model::Cell seen_b = racy_copy(b);
    load_load_fence();
    const word_t after = word.load(std::memory_order_relaxed);
    if (!word::same_content(before, after)) return;
    MODEL_CHECK(seen_a.get() == seen_b.get());
    MODEL_CHECK(seen_a.get() == before >> 31);
  }
};
const Register validate(Model{"lock.validate", 2, [] { return new Validate; }, 6, 20000});

// 3: a guard nested in an exclusive hold ends on another thread, and the outer section still is
// released once, after what was done under the guard.
struct Nested : Group {
  bool exclusive;
  explicit Nested(bool e) : exclusive(e) {}
  void release() {
    if (exclusive) {
      release_hold<true>(sleepers, word);
    } else {
      release_hold<false>(sleepers, word);
    }
  }
  void thread(unsigned t) override {
    if (t == 0) {
      exclusively([&] {
        write();
        const word_t seen = word.load(std::memory_order_relaxed);
        MODEL_CHECK(try_nest(word, seen, exclusive));
        flag.store(1, std::memory_order_release);
        // Another one, which stays here and overlaps with the end of the first.
        add_same(word, exclusive);
        release();
      });
    } else if (t == 1) {
      if (flag.load(std::memory_order_acquire) != 1) return;
      // Its guard: the element is another than the section's.
      data.get();
      release();
      flag.store(2, std::memory_order_relaxed);
    } else {
      exclusively([&] { write(); });
    }
  }
  void check() override {
    if (flag.load() == 1) release();  // nobody took the guard
    MODEL_CHECK(word::is_readable(word.load()) && word::is_quiet(word.load()));
  }
};
const Register nested_1(Model{"lock.nested_shared", 3, [] { return new Nested(false); }, 3, 20000,
                              true, false, 1});
const Register nested_2(Model{"lock.nested_exclusive", 3, [] { return new Nested(true); }, 3, 20000,
                              true, false, 1});

// A downgrade lets no writer in between, but readers after it.
struct Downgrade : Group {
  void thread(unsigned t) override {
    if (t == 0) {
      word_t seen = word.load(std::memory_order_acquire);
      if (!try_lock_exclusive(word, seen, 0, false)) return;
      write();
      const int mine = data.get();
      downgrade(word);
      wake_after_release(sleepers, &word);
      MODEL_CHECK(data.get() == mine);
      release_hold<false>(sleepers, word);
    } else {
      exclusively([&] { write(); });
      shared([&] { data.get(); });
    }
  }
  void check() override { MODEL_CHECK(word::is_quiet(word.load())); }
};
const Register downgrade_1(Model{"lock.downgrade", 2, [] { return new Downgrade; }, 6, 2000, true,
                                 false, 1});

// 4: an upgrade counts the thread's own holds; another reader keeps it out.
struct Upgrade : Group {
  void thread(unsigned t) override {
    if (t == 0) {
      shared([&] {
        const int before = data.get();
        exclusively([&] { write(); }, 1);
        static_cast<void>(before);
      });
    } else {
      shared([&] { data.get(); });
      exclusively([&] { write(); });
    }
  }
  void check() override { MODEL_CHECK(word::is_quiet(word.load())); }
};
const Register upgrade(Model{"lock.upgrade", 2, [] { return new Upgrade; }, 6, 2000, true, false,
                             1});

// P keeps newcomers out of the shared and the exclusive path, until a writer took the lock.
struct Pending : Group {
  Pending() { word.store(word::readable | word::pending); }
  void thread(unsigned t) override {
    if (t == 0) {
      exclusively([&] { write(); }, 0, true);
      flag.store(1, std::memory_order_release);
    } else {
      exclusively([&] { MODEL_CHECK(data.get() == 1); });
      shared([&] { MODEL_CHECK(data.get() == 1); });
    }
  }
};
const Register pending(Model{"lock.pending", 2, [] { return new Pending; }, model::all, 2000, true,
                             false, 1});

}  // namespace
