// sync/parking.hpp: no wake-up is lost, the last reader hands the lock over, timeouts leave nothing
// behind. A thread that sleeps for ever is what the checker calls a deadlock.
#include "maps.hpp"

namespace {

using namespace dashmap::detail;
using model::MapRun;
using model::Model;
using model::Register;
using model::Run;
using model::Var;

struct Park : Run {
  Sleepers sleepers;
  Word word{word::readable};
  Var<int> data{0};
  int timeouts = 0;
  Park() { model::name(&word, sizeof word, "word"), model::name(&data, sizeof data, "data"); }

  // As Locker::acquire, without its spinning: false when the time was over.
  template <bool Exclusive>
  bool acquire(bool eager = false, bool timed = false) {
    const Clock::time_point deadline =
        timed ? Clock::now() + std::chrono::milliseconds(1) : no_deadline;
    bool slept = false;
    bool woken = false;
    for (;;) {
      word_t seen = word.load(std::memory_order_acquire);
      const bool barges = eager || woken;
      const bool taken = Exclusive ? try_lock_exclusive(word, seen, 0, barges)
                                   : try_lock_shared(word, seen, barges);
      if (taken) return true;
      if (timed && Clock::now() >= deadline) return give_up<Exclusive>(slept, woken);
      slept = true;
      Sleeper sleeper(Exclusive, 0, 0, barges, eager, Operation::entry);
      if (!ParkingLot::enqueue(sleepers, word, sleeper)) continue;
      switch (ParkingLot::sleep(sleepers, sleeper, deadline)) {
        case ParkingLot::Outcome::granted: changes_may_follow(); return true;
        case ParkingLot::Outcome::retry: woken = true; break;
        case ParkingLot::Outcome::timeout: break;
      }
    }
  }
  template <bool Exclusive>
  bool give_up(bool slept, bool woken) {
    ++timeouts;
    if (slept) ParkingLot::unmark(word);
    if (woken && Exclusive) ParkingLot::pass_on(&word);
    return false;
  }
  void write() { data.set(data.get() + 1); }
  // Releases as the section of one operation does, by a plain store where nothing else happened.
  void end_section() {
    const word_t locked = word.load(std::memory_order_relaxed) & ~word::pending;
    const Section section(sleepers, word, locked);
  }
  void check() override {
    MODEL_CHECK(word::is_readable(word.load()));
    MODEL_CHECK((word.load() & (word::reader_mask | word::depth_mask)) == 0);
  }
};

// 1: two writers; the release is a plain store with the light fence, or a read-modify-write.
struct Writers : Park {
  bool plain;
  explicit Writers(bool p) : plain(p) {}
  void thread(unsigned) override {
    acquire<true>();
    write();
    if (plain) {
      end_section();
    } else {
      release_hold<true>(sleepers, word);
    }
  }
  void check() override {
    Park::check();
    MODEL_CHECK(data.get() == 2);
  }
};
const Register plain(Model{"parking.plain", 2, [] { return new Writers(true); }, 4, 20000, true,
                           false, 1});
const Register plain_fenced(Model{"parking.plain_fenced", 2, [] { return new Writers(true); }, 4,
                                  20000, false, false, 1});
const Register rmw(Model{"parking.rmw", 2, [] { return new Writers(false); }, 4, 20000, true, false,
                         1});

// 3, 4: a writer waits for readers; the last one passes the lock on.
struct Readers : Park {
  void thread(unsigned t) override {
    if (t == 0) {
      acquire<true>();
      write();
      release_hold<true>(sleepers, word);
    } else {
      acquire<false>();
      data.get();
      release_hold<false>(sleepers, word);
    }
  }
  void check() override {
    Park::check();
    MODEL_CHECK(data.get() == 1);
    MODEL_CHECK((word.load() & word::pending) == 0 || timeouts != 0);
  }
};
const Register reader(Model{"parking.reader", 2, [] { return new Readers; }, 4, 20000, true, false,
                            1});
const Register readers(Model{"parking.readers", 3, [] { return new Readers; }, 3, 50000, true,
                             false, 0});
const Register readers_4(Model{"parking.readers_four", 4, [] { return new Readers; }, model::none,
                               50000});
const Register readers_fenced(Model{"parking.readers_fenced", 3, [] { return new Readers; },
                                    model::none, 20000, false});

// 6: eager sleepers get the lock handed over; those with a deadline give up, and nobody is left
// asleep behind the mark of one who gave up.
struct Mixed : Park {
  unsigned eager;  // bits by thread
  unsigned timed;
  unsigned writers;
  Mixed(unsigned e, unsigned d, unsigned w = 5) : eager(e), timed(d), writers(w) {}
  void thread(unsigned t) override {
    const bool is_eager = (eager >> t & 1) != 0;
    const bool is_timed = (timed >> t & 1) != 0;
    if ((writers >> t & 1) != 0) {
      if (!acquire<true>(is_eager, is_timed)) return;
      write();
      release_hold<true>(sleepers, word);
    } else {
      if (!acquire<false>(is_eager, is_timed)) return;
      data.get();
      release_hold<false>(sleepers, word);
    }
  }
};
const Register eager_2(Model{"parking.eager", 2, [] { return new Mixed(1, 0); }, 4, 20000, true,
                             false, 1});
const Register eager_3(Model{"parking.eager_three", 3, [] { return new Mixed(6, 0); }, model::none,
                             20000});
const Register eager_all(Model{"parking.eager_all", 4, [] { return new Mixed(15, 0); }, model::none,
                               20000});
const Register timed_2(Model{"parking.timed", 2, [] { return new Mixed(0, 1); }, 4, 20000, true,
                             false, 1});
const Register timed_3(Model{"parking.timed_three", 3, [] { return new Mixed(0, 1); }, 3, 50000,
                             true, false, 0});
const Register timed_4(Model{"parking.timed_four", 4, [] { return new Mixed(4, 5); }, model::none,
                             20000});

// 4: of three writers one gives up after it was woken, while a reader came in.
const Register gives_up(Model{"parking.gives_up", 4, [] { return new Mixed(0, 2, 7); }, model::none,
                              100000});

// 4: a reader that would be a writer too waits for the other readers alone, and is woken by the
// last of them, though its own hold stays.
struct Upgrades : Park {
  void thread(unsigned t) override {
    acquire<false>();
    data.get();
    if (t == 0) {
      for (;;) {
        word_t seen = word.load(std::memory_order_acquire);
        if (try_lock_exclusive(word, seen, 1, true)) break;
        Sleeper sleeper(true, 1, 0, true, false, Operation::entry);
        if (!ParkingLot::enqueue(sleepers, word, sleeper)) continue;
        if (ParkingLot::sleep(sleepers, sleeper, no_deadline) == ParkingLot::Outcome::granted) {
          break;
        }
      }
      write();
      release_hold<true>(sleepers, word);
    }
    release_hold<false>(sleepers, word);
  }
};
const Register upgrades(Model{"parking.upgrade", 2, [] { return new Upgrades; }, 4, 20000, true,
                              false, 1});
const Register upgrades_3(Model{"parking.upgrade_three", 3, [] { return new Upgrades; },
                                model::none, 20000});

// The whole of it in a map: acquire() with spinning, sleeping, hand-over.
struct InMap : MapRun {
  model::Map map;
  InMap() { map.insert(model::low, 0); }
  void thread(unsigned t) override {
    for (int i = 0; i < 2; ++i) {
      if (t % 2 == 0) {
        model::add(map, model::low, 1);
      } else {
        const auto ref = map.get(model::low);
        MODEL_CHECK(ref->get() <= 4);
      }
    }
  }
  void check() override { MODEL_CHECK(model::get(map, model::low) == 4); }
};
const Register in_map(Model{"parking.in_map", 4, [] { return new InMap; }, model::none, 4000});
const Register in_map_fenced(Model{"parking.in_map_fenced", 3, [] { return new InMap; },
                                   model::none, 4000, false});

}  // namespace
