// The checker checked: small programs whose outcomes the language allows or forbids.
#include <string>

#include "checker/runtime.hpp"
#include "checker/seam.hpp"

namespace {

using model::Atomic;
using model::Model;
using model::Register;
using model::Run;
using model::Var;
constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto seq_cst = std::memory_order_seq_cst;

// Threads are lambdas over shared x, y and results; `forbidden` tells outcomes that must not be.
struct Shared {
  Atomic<int> x{0};
  Atomic<int> y{0};
  Var<int> data{0};
  int r[4] = {-1, -1, -1, -1};
};
using Body = void (*)(Shared&, unsigned);
using Test = bool (*)(const Shared&);

struct Litmus : Run {
  Shared shared;
  Body body;
  Test forbidden;
  Litmus(Body b, Test f) : body(b), forbidden(f) {}
  void thread(unsigned index) override { body(shared, index); }
  void check() override { MODEL_CHECK(!forbidden(shared)); }
};

// `forbidden` never happens.
Register forbids(const char* name, unsigned threads, Body body, Test forbidden,
                 bool barrier = true) {
  return Register(Model{name, threads, [=] { return new Litmus(body, forbidden); }, model::all,
                        2000, barrier});
}
// `wanted` happens in some run.
Register allows(const char* name, unsigned threads, Body body, Test wanted, bool barrier = true) {
  return Register(Model{name, threads, [=] { return new Litmus(body, wanted); }, model::all, 0,
                        barrier, true});
}

bool both_zero(const Shared& s) { return s.r[0] == 0 && s.r[1] == 0; }
bool flag_without_data(const Shared& s) { return s.r[0] == 1 && s.r[1] == 0; }
bool never(const Shared&) { return false; }

template <std::memory_order Store, std::memory_order Load>
void store_buffer(Shared& s, unsigned t) {
  (t == 0 ? s.x : s.y).store(1, Store);
  s.r[t] = (t == 0 ? s.y : s.x).load(Load);
}
const Register sb1 = allows("litmus.sb_relaxed", 2, store_buffer<relaxed, relaxed>, both_zero);
const Register sb2 = allows("litmus.sb_acq_rel", 2, store_buffer<release, acquire>, both_zero);
const Register sb3 = forbids("litmus.sb_seq_cst", 2, store_buffer<seq_cst, seq_cst>, both_zero);

template <bool First, bool Second>
void store_buffer_fence(Shared& s, unsigned t) {
  (t == 0 ? s.x : s.y).store(1, relaxed);
  if (t == 0 ? First : Second) model::fence(seq_cst);
  s.r[t] = (t == 0 ? s.y : s.x).load(relaxed);
}
const Register sb4 = forbids("litmus.sb_fences", 2, store_buffer_fence<true, true>, both_zero);
const Register sb5 = allows("litmus.sb_one_fence", 2, store_buffer_fence<true, false>, both_zero);

// asymmetric_fence.hpp, 1
void store_buffer_barrier(Shared& s, unsigned t) {
  (t == 0 ? s.x : s.y).store(1, relaxed);
  if (t == 1) model::membarrier(false);
  s.r[t] = (t == 0 ? s.y : s.x).load(relaxed);
}
const Register sb6 = forbids("litmus.sb_membarrier", 2, store_buffer_barrier, both_zero);
const Register sb7 = allows("litmus.sb_no_membarrier", 2, store_buffer_barrier, both_zero, false);

template <std::memory_order Store, std::memory_order Load>
void message(Shared& s, unsigned t) {
  if (t == 0) {
    s.x.store(1, relaxed);
    s.y.store(1, Store);
  } else {
    s.r[0] = s.y.load(Load);
    s.r[1] = s.x.load(relaxed);
  }
}
const Register mp1 = forbids("litmus.mp", 2, message<release, acquire>, flag_without_data);
const Register mp2 =
    allows("litmus.mp_relaxed_store", 2, message<relaxed, acquire>, flag_without_data);
const Register mp3 =
    allows("litmus.mp_relaxed_load", 2, message<release, relaxed>, flag_without_data);

template <bool Release, bool Acquire>
void message_fence(Shared& s, unsigned t) {
  if (t == 0) {
    s.x.store(1, relaxed);
    if (Release) model::fence(release);
    s.y.store(1, relaxed);
  } else {
    s.r[0] = s.y.load(relaxed);
    if (Acquire) model::fence(acquire);
    s.r[1] = s.x.load(relaxed);
  }
}
const Register mp4 = forbids("litmus.mp_fences", 2, message_fence<true, true>, flag_without_data);
const Register mp5 =
    allows("litmus.mp_no_release", 2, message_fence<false, true>, flag_without_data);
const Register mp6 =
    allows("litmus.mp_no_acquire", 2, message_fence<true, false>, flag_without_data);

// A race of plain data is an error, and none where there is no race.
template <std::memory_order Store>
void publish(Shared& s, unsigned t) {
  if (t == 0) {
    s.data.set(1);
    s.y.store(1, Store);
  } else if (s.y.load(acquire) == 1) {
    MODEL_CHECK(s.data.get() == 1);
  }
}
const Register race1 = forbids("litmus.no_race", 2, publish<release>, never);
const Register race2 = allows("litmus.race", 2, publish<relaxed>, never);

// Release sequences go through read-modify-writes, not through stores of others.
template <bool ByStore>
void sequence(Shared& s, unsigned t) {
  if (t == 0) {
    s.data.set(1);
    s.y.store(1, release);
  } else if (t == 1) {
    if (ByStore) {
      if (s.y.load(relaxed) == 1) s.y.store(2, relaxed);
    } else {
      int one = 1;
      s.y.compare_exchange_strong(one, 2, relaxed, relaxed);
    }
  } else if (s.y.load(acquire) == 2) {
    s.data.get();
  }
}
const Register seq1 = forbids("litmus.release_sequence", 3, sequence<false>, never);
const Register seq2 = allows("litmus.broken_sequence", 3, sequence<true>, never);

// Two readers of two writers.
template <std::memory_order Store, std::memory_order Load>
void iriw(Shared& s, unsigned t) {
  switch (t) {
    case 0: s.x.store(1, Store); break;
    case 1: s.y.store(1, Store); break;
    case 2:
      s.r[0] = s.x.load(Load);
      s.r[1] = s.y.load(Load);
      break;
    default: s.r[2] = s.y.load(Load); s.r[3] = s.x.load(Load);
  }
}
bool disagree(const Shared& s) { return s.r[0] == 1 && s.r[1] == 0 && s.r[2] == 1 && s.r[3] == 0; }
const Register iriw1 = allows("litmus.iriw_acq_rel", 4, iriw<release, acquire>, disagree);
const Register iriw2 = forbids("litmus.iriw_seq_cst", 4, iriw<seq_cst, seq_cst>, disagree);

// Reads of one location do not go back.
void coherence(Shared& s, unsigned t) {
  if (t == 0) {
    s.x.store(1, relaxed);
    s.x.store(2, relaxed);
  } else {
    s.r[0] = s.x.load(relaxed);
    s.r[1] = s.x.load(relaxed);
  }
}
const Register corr =
    forbids("litmus.coherence", 2, coherence, [](const Shared& s) { return s.r[0] > s.r[1]; });

// A plain store may overwrite what a read-modify-write added.
template <bool Store>
void count(Shared& s, unsigned) {
  if (Store) {
    s.x.store(s.x.load(relaxed) + 1, relaxed);
  } else {
    s.x.fetch_add(1, relaxed);
  }
}
const Register add1 =
    forbids("litmus.add", 3, count<false>, [](const Shared& s) { return s.x.load() != 3; });
const Register add2 =
    allows("litmus.lost_update", 2, count<true>, [](const Shared& s) { return s.x.load() != 2; });

// Sleeping and waking.
struct Sleep : Run {
  model::Mutex mutex;
  model::Condition wake;
  Var<int> set{0};
  bool under_lock;
  explicit Sleep(bool locked) : under_lock(locked) {}
  void thread(unsigned t) override {
    std::unique_lock lock(mutex);
    if (t == 0) {
      wake.wait(lock, [&] { return set.get() != 0; });
      return;
    }
    set.set(1);
    if (under_lock) wake.notify_one();
    lock.unlock();
  }
};
const Register wake1(Model{"litmus.wake", 2, [] { return new Sleep(true); }, model::all, 500});
const Register wake2(Model{"litmus.no_wake", 2, [] { return new Sleep(false); }, model::all, 0,
                           true, true});

// Memory is freed after its last use, or else that is found.
struct Free : Run {
  Atomic<Atomic<int>*> shared{new Atomic<int>(1)};
  Atomic<int> done{0};
  bool waits;
  explicit Free(bool w) : waits(w) {}
  void thread(unsigned t) override {
    if (t == 0) {
      shared.load(acquire)->load(relaxed);
      done.store(1, waits ? release : relaxed);
    } else if (done.load(acquire) == 1) {
      delete shared.load(acquire);
    }
  }
};
const Register free1(Model{"litmus.free", 2, [] { return new Free(true); }, model::all, 500});
const Register free2(Model{"litmus.free_early", 2, [] { return new Free(false); }, model::all, 0,
                           true, true});

}  // namespace
