#include "checker/runtime.hpp"

#include <cxxabi.h>
#include <link.h>
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <set>
#include <string_view>
#include <vector>

// The program's static variables.
extern "C" {
extern char __data_start;
extern char _end;
}

namespace model {
namespace {

constexpr unsigned max_threads = 5;  // with the one that starts them
constexpr std::size_t stack_bytes = 256 << 10;
constexpr std::size_t arena_bytes = 8 << 20;
constexpr std::size_t granule = 64;
constexpr unsigned max_steps = 20000;
// In a row, before others must run. More than Locker::acquire makes before it sleeps.
constexpr unsigned idle_yields = 12;
constexpr unsigned idle_pauses = 160;

using Clock = std::array<std::uint32_t, max_threads>;

struct View {
  Clock clock{};
  std::vector<std::uint32_t> oldest;  // by location

  std::uint32_t of(std::size_t location) const {
    return location < oldest.size() ? oldest[location] : 0;
  }
  void raise(std::size_t location, std::uint32_t message) {
    if (oldest.size() <= location) oldest.resize(location + 1, 0);
    oldest[location] = std::max(oldest[location], message);
  }
  void join_locations(const View& other) {
    if (oldest.size() < other.oldest.size()) oldest.resize(other.oldest.size(), 0);
    for (std::size_t i = 0; i < other.oldest.size(); ++i) {
      oldest[i] = std::max(oldest[i], other.oldest[i]);
    }
  }
  void join(const View& other) {
    join_locations(other);
    for (unsigned t = 0; t < max_threads; ++t) clock[t] = std::max(clock[t], other.clock[t]);
  }
  void clear() {
    clock.fill(0);
    oldest.clear();
  }
};

struct Message {
  Value value = 0;
  View view;
};

struct Location {
  const void* at = nullptr;
  unsigned count = 0;  // of the messages in use
  std::vector<Message> messages;
  std::array<unsigned, max_threads> stale{};
};

struct Plain {
  unsigned writer = 0;
  std::uint32_t written = 0;
  Clock read{};
};

struct Allocation {
  char* begin;
  std::size_t size;
  unsigned owner;
  std::uint32_t made;
  bool freed;
  Clock used;
};

enum class Stage : std::uint8_t { ready, blocked, timed, ended };

struct Destructor {
  void (*function)(void*);
  void* object;
};

struct Thread {
  Stage stage = Stage::ready;
  bool started = false;
  const void* blocked_on = nullptr;
  bool timed_out = false;
  unsigned yields = 0;  // since it was switched to
  unsigned pauses = 0;
  View view;
  View acquired;  // by relaxed loads, for a fence
  View released;  // by the last fence
  jmp_buf place;
  ucontext_t start;
  std::vector<char> stack;
  std::vector<char> locals;
  std::array<void*, 2> exceptions{};
  std::vector<Destructor> destructors;
};

struct Choice {
  unsigned chosen;
  unsigned count;
};

struct State {
  // of the program
  char* locals = nullptr;
  std::size_t locals_size = 0;
  std::vector<char> locals_image;
  std::vector<char> statics;
  char* arena = nullptr;
  std::vector<Model> models;
  std::set<std::string> outcomes;

  // of a model
  const Model* model = nullptr;
  unsigned threads = 0;
  bool exhaustive = false;
  unsigned bound = 0;

  // of a run
  std::vector<Choice> path;
  std::size_t position = 0;
  std::uint64_t random = 0;
  unsigned switch_odds = 4;
  unsigned stale_odds = 4;
  bool incomplete = false;
  bool tracing = false;
  bool user_code = false;  // allocations are the model's
  bool preparing = false;  // nobody else goes on
  bool on_fiber = false;
  bool failed = false;
  std::string failure;
  unsigned current = 0;
  unsigned steps = 0;
  unsigned departures = 0;
  unsigned jumps = 0;
  unsigned spurious = 0;
  std::int64_t time = 0;
  View agreed;  // of what is sequentially consistent
  std::array<Thread, max_threads> thread;
  std::vector<Location> locations;
  std::size_t location_count = 0;
  std::vector<std::uint32_t> table;  // hash table of addresses, 0: free, else location + 1
  std::map<const void*, Plain> plain;
  std::map<const void*, unsigned> owners;  // of locked mutexes, + 1
  std::map<const void*, View> mutex_views;
  std::vector<Allocation> allocations;
  std::vector<std::uint32_t> allocation_of;  // by granule, + 1
  std::size_t arena_used = 0;
  std::vector<std::pair<std::pair<const char*, const char*>, const char*>> names;
  Run* run = nullptr;
  jmp_buf main_place;
};

// Points to memory that no run resets.
State* s = nullptr;

struct Inside {  // the checker's own allocations
  bool before = s->user_code;
  Inside() { s->user_code = false; }
  ~Inside() { s->user_code = before; }
};

Thread& me() { return s->thread[s->current]; }

std::string describe(const void* at) {
  const char* address = static_cast<const char*>(at);
  char text[96];
  for (const auto& [range, label] : s->names) {
    if (address >= range.first && address < range.second) {
      std::snprintf(text, sizeof text, "%s+%td", label, address - range.first);
      return text;
    }
  }
  if (address >= s->arena && address < s->arena + arena_bytes) {
    const std::uint32_t id =
        s->allocation_of[static_cast<std::size_t>(address - s->arena) / granule];
    if (id != 0) {
      std::snprintf(text, sizeof text, "heap%u+%td", id, address - s->allocations[id - 1].begin);
      return text;
    }
  }
  std::snprintf(text, sizeof text, "%p", at);
  return text;
}

template <class... Args>
void trace(const char* format, Args... args) {
  if (!s->tracing) return;
  std::fprintf(stderr, "  %4u T%u ", s->steps, s->current);
  std::fprintf(stderr, format, args...);
  std::fputc('\n', stderr);
}

const char* text_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed: return "relaxed";
    case std::memory_order_acquire: return "acquire";
    case std::memory_order_release: return "release";
    case std::memory_order_acq_rel: return "acq_rel";
    default: return "seq_cst";
  }
}

bool acquires(std::memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}
bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

std::uint64_t next_random() {
  std::uint64_t z = (s->random += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

[[noreturn]] void end_run() { longjmp(s->main_place, 1); }

[[noreturn]] void failed(const std::string& what) {
  s->failed = true;
  s->failure = what;
  if (s->tracing)
    std::fprintf(stderr, "  %4u T%u FAILED: %s\n", s->steps, s->current, what.c_str());
  end_run();
}

// In the random mode `odds` is one in how many times the choice is other than 0.
unsigned choice(unsigned count, unsigned odds) {
  if (count <= 1 || s->preparing) return 0;
  if (!s->exhaustive) {
    if (odds != 0 && next_random() % odds != 0) return 0;
    return odds != 0 ? 1 + static_cast<unsigned>(next_random() % (count - 1))
                     : static_cast<unsigned>(next_random() % count);
  }
  if (s->departures >= s->bound) return 0;
  const Inside inside;
  if (s->position < s->path.size()) {
    if (s->path[s->position].count != count) {
      std::fprintf(stderr, "model: the code under test does not repeat its steps\n");
      std::abort();
    }
    const unsigned chosen = s->path[s->position++].chosen;
    if (chosen != 0) ++s->departures;
    return chosen;
  }
  s->path.push_back({0, count});
  ++s->position;
  return 0;
}

// --- threads ---

std::array<void*, 2>& exception_state() {
  return *reinterpret_cast<std::array<void*, 2>*>(abi::__cxa_get_globals());
}

void enter(Thread& to) {
  std::memcpy(s->locals, to.locals.data(), s->locals_size);
  exception_state() = to.exceptions;
}
void leave(Thread& from) {
  std::memcpy(from.locals.data(), s->locals, s->locals_size);
  from.exceptions = exception_state();
}

void fiber_main();

void switch_to(unsigned next) {
  if (next == s->current) return;
  Thread& from = me();
  leave(from);
  if (_setjmp(from.place) == 0) {
    s->current = next;
    Thread& to = me();
    to.yields = to.pauses = 0;
    enter(to);
    if (to.started) _longjmp(to.place, 1);
    to.started = true;
    setcontext(&to.start);
  }
}

// Lets one of the threads that can run go on; the current one cannot.
void run_another() {
  std::array<unsigned, max_threads> ready{};
  unsigned count = 0;
  for (unsigned t = 0; t < s->threads; ++t) {
    if (s->thread[t].stage == Stage::ready) ready[count++] = t;
  }
  if (count == 0) {
    for (unsigned t = 0; t < s->threads; ++t) {
      if (s->thread[t].stage == Stage::timed) ready[count++] = t;
    }
  }
  if (count == 0) {
    for (unsigned t = 0; t < s->threads; ++t) {
      if (s->thread[t].stage != Stage::ended) {
        failed("deadlock: T" + std::to_string(t) + " sleeps for ever at " +
               describe(s->thread[t].blocked_on));
      }
    }
    end_run();
  }
  const unsigned next = ready[choice(count, 0)];
  Thread& to = s->thread[next];
  if (to.stage == Stage::timed) {
    to.timed_out = true;
    to.stage = Stage::ready;
  }
  switch_to(next);
}

// Before a step of the current thread: others may go first.
void may_switch() {
  if (++s->steps > max_steps) failed("no end in sight");
  if (s->exhaustive && s->departures >= s->bound) return;
  std::array<unsigned, max_threads> others{};
  unsigned count = 0;
  for (unsigned t = 0; t < s->threads; ++t) {
    const Stage stage = s->thread[t].stage;
    if (t != s->current && (stage == Stage::ready || stage == Stage::timed)) others[count++] = t;
  }
  const unsigned chosen = choice(count + 1, s->switch_odds);
  if (chosen == 0) return;
  Thread& to = s->thread[others[chosen - 1]];
  if (to.stage == Stage::timed) {
    to.timed_out = true;
    to.stage = Stage::ready;
  }
  switch_to(others[chosen - 1]);
}

// Every step: the thread's clock goes on.
void step() {
  may_switch();
  Thread& thread = me();
  ++thread.view.clock[s->current];
}

void block(const void* on, bool timed) {
  Thread& thread = me();
  thread.blocked_on = on;
  thread.timed_out = false;
  thread.stage = timed ? Stage::timed : Stage::blocked;
  run_another();
}

unsigned unblock(const void* on, bool every) {
  std::array<unsigned, max_threads> waiting{};
  unsigned count = 0;
  for (unsigned t = 0; t < s->threads; ++t) {
    Thread& thread = s->thread[t];
    if ((thread.stage == Stage::blocked || thread.stage == Stage::timed) &&
        thread.blocked_on == on) {
      waiting[count++] = t;
    }
  }
  if (count == 0) return 0;
  if (every) {
    for (unsigned i = 0; i < count; ++i) s->thread[waiting[i]].stage = Stage::ready;
    return count;
  }
  s->thread[waiting[choice(count, 0)]].stage = Stage::ready;
  return 1;
}

void run_destructors(unsigned index) {
  Thread& thread = s->thread[index];
  while (!thread.destructors.empty()) {
    const Destructor last = thread.destructors.back();
    thread.destructors.pop_back();
    last.function(last.object);
  }
}

void fiber_main() {
  s->user_code = true;
  try {
    s->preparing = true;
    s->run->prepare(s->current);
    s->preparing = false;
    s->run->thread(s->current);
  } catch (const std::exception& error) {
    failed(std::string("exception: ") + error.what());
  }
  run_destructors(s->current);
  s->user_code = false;
  trace("ends");
  me().stage = Stage::ended;
  run_another();
  std::abort();
}

// --- memory ---

void check_memory(const void* at) {
  const char* address = static_cast<const char*>(at);
  if (address < s->arena || address >= s->arena + arena_bytes) return;
  const std::uint32_t id = s->allocation_of[static_cast<std::size_t>(address - s->arena) / granule];
  if (id == 0) failed("access to memory that nobody allocated, " + describe(at));
  Allocation& allocation = s->allocations[id - 1];
  if (allocation.freed) failed("use after free of " + describe(at));
  if (me().view.clock[allocation.owner] < allocation.made) {
    failed("use of " + describe(at) + " that does not come after its allocation");
  }
  allocation.used[s->current] = me().view.clock[s->current];
}

Value read_memory(const void* at, unsigned size) {
  Value value = 0;
  std::memcpy(&value, at, size);
  return value;
}

std::uint32_t& bucket(const void* at) {
  const auto key = reinterpret_cast<std::uintptr_t>(at);
  std::size_t i = (key * 0x9e3779b97f4a7c15U) >> 48;
  const std::size_t mask = s->table.size() - 1;
  for (;; ++i) {
    std::uint32_t& entry = s->table[i & mask];
    if (entry == 0 || s->locations[entry - 1].at == at) return entry;
  }
}

void forget(std::size_t index) {
  Location& location = s->locations[index];
  location.count = 0;
  location.stale.fill(0);
}

Message& add_message(Location& location) {
  if (location.messages.size() == location.count) location.messages.emplace_back();
  return location.messages[location.count++];
}

std::size_t location_of(const void* at, unsigned size) {
  std::uint32_t& entry = bucket(at);
  if (entry == 0) {
    if (s->locations.size() == s->location_count) s->locations.emplace_back();
    entry = static_cast<std::uint32_t>(++s->location_count);
    s->locations[entry - 1].at = at;
    forget(entry - 1);
  }
  Location& location = s->locations[entry - 1];
  if (location.count == 0) {
    Message& first = add_message(location);
    first.value = read_memory(at, size);
    first.view.clear();
  }
  return entry - 1;
}

// Picks what a load gives. `other_than`: a failed exchange, which sees the newest value or one that
// it did not expect.
std::uint32_t pick(std::size_t index, std::memory_order order, const Value* other_than) {
  Location& location = s->locations[index];
  Thread& thread = me();
  std::uint32_t oldest = thread.view.of(index);
  if (order == std::memory_order_seq_cst) oldest = std::max(oldest, s->agreed.of(index));
  const std::uint32_t newest = location.count - 1;
  unsigned& stale = location.stale[s->current];
  if (stale >= s->model->stale_reads && s->exhaustive) oldest = newest;
  if (stale >= 8) oldest = newest;
  std::array<std::uint32_t, 16> candidates{newest};
  unsigned count = 1;
  for (std::uint32_t m = newest; m-- > oldest && count < candidates.size();) {
    if (other_than != nullptr && location.messages[m].value == *other_than) continue;
    candidates[count++] = m;
  }
  const std::uint32_t picked = candidates[choice(count, s->stale_odds)];
  stale = picked == newest ? 0 : stale + 1;
  return picked;
}

void see(std::size_t index, std::uint32_t message, std::memory_order order) {
  Thread& thread = me();
  const Message& seen = s->locations[index].messages[message];
  thread.view.raise(index, message);
  if (acquires(order)) {
    thread.view.join(seen.view);
  } else {
    thread.acquired.join(seen.view);
  }
  if (order == std::memory_order_seq_cst) s->agreed.raise(index, message);
}

// `before`: a read-modify-write continues the release sequence.
void write(std::size_t index, void* at, unsigned size, Value value, std::memory_order order,
           bool continues) {
  Thread& thread = me();
  const std::uint32_t before = s->locations[index].count - 1;
  Message& message = add_message(s->locations[index]);
  message.value = value;
  thread.view.raise(index, before + 1);
  message.view = releases(order) ? thread.view : thread.released;
  message.view.raise(index, before + 1);
  if (continues) message.view.join(s->locations[index].messages[before].view);
  if (order == std::memory_order_seq_cst) s->agreed.raise(index, before + 1);
  std::memcpy(at, &value, size);
}

void fence_of(Thread& thread, std::memory_order order) {
  if (acquires(order)) thread.view.join(thread.acquired);
  if (order == std::memory_order_seq_cst) {
    thread.view.join_locations(s->agreed);
    s->agreed.join_locations(thread.view);
  }
  if (releases(order)) thread.released = thread.view;
}

void check_write(const void* at) {
  Plain& plain = s->plain[at];
  const Clock& clock = me().view.clock;
  if (clock[plain.writer] < plain.written) failed("two writes race at " + describe(at));
  for (unsigned t = 0; t < max_threads; ++t) {
    if (clock[t] < plain.read[t]) failed("a write races with a read at " + describe(at));
  }
  plain.writer = s->current;
  plain.written = clock[s->current];
}
void check_read(const void* at) {
  Plain& plain = s->plain[at];
  const Clock& clock = me().view.clock;
  if (clock[plain.writer] < plain.written) failed("a read races with a write at " + describe(at));
  plain.read[s->current] = clock[s->current];
}

void* allocate(std::size_t size) {
  const Inside inside;
  const std::size_t rounded = std::max(granule, (size + granule - 1) / granule * granule);
  if (s->arena_used + rounded > arena_bytes) failed("the model allocates too much");
  char* begin = s->arena + s->arena_used;
  if (s->on_fiber) ++me().view.clock[s->current];
  s->allocations.push_back({begin, size, s->current, me().view.clock[s->current], false, {}});
  std::memset(begin, 0xa5, rounded);
  const std::size_t first = s->arena_used / granule;
  for (std::size_t i = 0; i < rounded / granule; ++i) {
    s->allocation_of[first + i] = static_cast<std::uint32_t>(s->allocations.size());
  }
  s->arena_used += rounded;
  return begin;
}

void release(void* at) {
  const Inside inside;
  const std::size_t place = static_cast<std::size_t>(static_cast<char*>(at) - s->arena) / granule;
  Allocation& allocation = s->allocations[s->allocation_of[place] - 1];
  if (allocation.freed) failed("freed twice: " + describe(at));
  if (s->on_fiber) {
    const Clock& clock = me().view.clock;
    for (unsigned t = 0; t < max_threads; ++t) {
      if (clock[t] < allocation.used[t]) {
        failed("freed " + describe(at) + " which T" + std::to_string(t) + " may still use");
      }
    }
  }
  allocation.freed = true;
  // Nothing may be read here any more; what is read all the same is nonsense.
  std::memset(at, 0x5a, std::max<std::size_t>(allocation.size, 1));
}

bool in_arena(const void* at) {
  const char* address = static_cast<const char*>(at);
  return s != nullptr && address >= s->arena && address < s->arena + arena_bytes;
}

// --- runs ---

int find_locals(dl_phdr_info* info, std::size_t, void*) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type != PT_TLS) continue;
    s->locals = static_cast<char*>(info->dlpi_tls_data);
    s->locals_size = header.p_memsz;
    s->locals_image.assign(header.p_memsz, 0);
    std::memcpy(s->locals_image.data(), reinterpret_cast<char*>(info->dlpi_addr + header.p_vaddr),
                header.p_filesz);
  }
  return 1;  // the program comes first
}

void reset() {
  std::memcpy(&__data_start, s->statics.data(), s->statics.size());
  s->position = 0;
  s->failed = false;
  s->failure.clear();
  s->steps = s->departures = s->jumps = s->spurious = 0;
  s->time = 1'000'000'000;
  s->agreed.clear();
  s->location_count = 0;
  std::fill(s->table.begin(), s->table.end(), 0U);
  s->plain.clear();
  s->owners.clear();
  s->mutex_views.clear();
  s->allocations.clear();
  std::fill_n(s->allocation_of.begin(), s->arena_used / granule, 0U);
  s->arena_used = 0;
  s->names.clear();
  for (unsigned t = 0; t <= s->threads; ++t) {
    Thread& thread = s->thread[t];
    thread.stage = Stage::ready;
    thread.started = false;
    thread.yields = thread.pauses = 0;
    thread.view.clear();
    thread.acquired.clear();
    thread.released.clear();
    thread.locals = s->locals_image;
    thread.exceptions = {};
    thread.destructors.clear();
    if (t == s->threads) break;
    thread.stack.resize(stack_bytes);
    getcontext(&thread.start);
    thread.start.uc_stack.ss_sp = thread.stack.data();
    thread.start.uc_stack.ss_size = stack_bytes;
    thread.start.uc_link = nullptr;
    makecontext(&thread.start, fiber_main, 0);
  }
}

// One run; false when it failed.
bool run_once() {
  reset();
  const unsigned main_thread = s->threads;
  s->current = main_thread;
  enter(me());
  s->on_fiber = false;
  if (_setjmp(s->main_place) == 0) {
    s->user_code = true;
    s->run = s->model->make();
    s->user_code = false;
    leave(me());
    // Threads start after all that.
    ++me().view.clock[main_thread];
    for (unsigned t = 0; t < s->threads; ++t) {
      s->thread[t].view.clock = me().view.clock;
      s->thread[t].view.clock[t] = 1;
      s->thread[t].released = s->thread[t].view;
    }
    s->on_fiber = true;
    me().stage = Stage::ended;
    run_another();
  }
  s->on_fiber = false;
  s->current = main_thread;
  enter(me());
  if (!s->failed && _setjmp(s->main_place) == 0) {
    s->user_code = true;
    s->run->check();
    delete s->run;
    run_destructors(main_thread);
  }
  s->user_code = false;
  exception_state() = {};
  return !s->failed;
}

// The next row of choices; false: that was the last one.
bool next_path() {
  while (!s->path.empty() && s->path.back().chosen + 1 == s->path.back().count) s->path.pop_back();
  if (s->path.empty()) return false;
  ++s->path.back().chosen;
  return true;
}

void seed_run(std::uint64_t seed) {
  s->random = seed * 0xd1342543de82ef95U + 1;
  s->switch_odds = 2 + static_cast<unsigned>(next_random() % 12);
  s->stale_odds = 2 + static_cast<unsigned>(next_random() % 4);
}

struct Options {
  bool exhaustive = true;
  double seconds = 0;  // of random runs for each model; 0: the short form
  double exhaustive_limit = 60;
  std::uint64_t seed = 1;
  std::string_view filter;
  int departures = -1;  // instead of the models' own bounds
  unsigned deeper = 0;  // than these
  bool first = false;   // ends with the first failure
  bool replay = false;
};

using Time = std::chrono::steady_clock;
double since(Time::time_point start) {
  return std::chrono::duration<double>(Time::now() - start).count();
}

// Repeats the failed run with a trace.
void show(std::uint64_t seed) {
  s->tracing = true;
  if (!s->exhaustive) seed_run(seed);
  run_once();
  s->tracing = false;
}

// True: all is as it should be.
bool explore(const Model& model, const Options& options) {
  s->model = &model;
  s->threads = model.threads;
  const auto report = [&](const char* mode, std::uint64_t runs, double time, const char* end) {
    std::printf("%-44s %-11s %10llu runs %7.1f s  %s\n", model.name, mode,
                static_cast<unsigned long long>(runs), time, end);
    std::fflush(stdout);
  };
  const auto failure = [&](const char* mode, std::uint64_t runs, std::uint64_t seed, double time) {
    if (model.must_fail) {
      report(mode, runs, time, "fails, as it must");
      return;
    }
    report(mode, runs, time, "FAILED");
    std::printf("  %s\n  again: --only %s %s\n", s->failure.c_str(), model.name,
                s->exhaustive ? "" : ("--replay " + std::to_string(seed)).c_str());
    std::fflush(stdout);
    show(seed);
  };
  if (options.exhaustive && model.departures != none && !options.replay) {
    s->exhaustive = true;
    s->bound = options.departures >= 0   ? static_cast<unsigned>(options.departures)
               : model.departures == all ? all
                                         : model.departures + options.deeper;
    s->path.clear();
    const Time::time_point start = Time::now();
    std::uint64_t runs = 0;
    bool complete = false;
    for (;;) {
      ++runs;
      if (!run_once()) {
        failure("exhaustive", runs, 0, since(start));
        return model.must_fail;
      }
      if (!next_path()) {
        complete = true;
        break;
      }
      if ((runs & 255) == 0 && since(start) > options.exhaustive_limit) break;
    }
    char text[64];
    if (s->bound == all) {
      std::snprintf(text, sizeof text, "%s", complete ? "all" : "stopped by the clock");
    } else {
      std::snprintf(text, sizeof text, "%s%u departures",
                    complete ? "all with " : "stopped by the clock, ", s->bound);
    }
    report("exhaustive", runs, since(start), text);
    if (!complete && options.seconds == 0) {
      std::printf("  too large for the short form\n");
      s->incomplete = true;
    }
  }
  if (model.random_runs != 0 || options.seconds > 0) {
    s->exhaustive = false;
    const Time::time_point start = Time::now();
    std::uint64_t runs = 0;
    for (std::uint64_t seed = options.seed;; ++seed) {
      ++runs;
      seed_run(seed);
      if (options.replay) s->tracing = true;
      const bool good = run_once();
      s->tracing = false;
      if (!good) {
        failure("random", runs, seed, since(start));
        return model.must_fail;
      }
      if (options.replay) break;
      if (options.seconds == 0 ? runs >= model.random_runs
                               : (runs & 63) == 0 && since(start) >= options.seconds) {
        break;
      }
    }
    report("random", runs, since(start), "");
  }
  if (model.must_fail) std::printf("%s should have failed\n", model.name);
  return !model.must_fail;
}

}  // namespace

// --- what the seam calls ---

bool running() noexcept { return s != nullptr && s->on_fiber; }

void begin_life(void* at) noexcept {
  if (!running()) return;
  const Inside inside;
  std::uint32_t& entry = bucket(at);
  if (entry != 0) {
    // What stood here before is gone; views may have seen more of it than this will have.
    s->locations[entry - 1].at = &s->locations[entry - 1];
    entry = 0;
    // The chain of the hash table must not break: start it anew.
    std::fill(s->table.begin(), s->table.end(), 0U);
    for (std::size_t i = 0; i < s->location_count; ++i) {
      bucket(s->locations[i].at) = static_cast<std::uint32_t>(i + 1);
    }
  }
}

Value load(const void* at, unsigned size, std::memory_order order) noexcept {
  if (!running()) return read_memory(at, size);
  const Inside inside;
  step();
  check_memory(at);
  const std::size_t index = location_of(at, size);
  const std::uint32_t message = pick(index, order, nullptr);
  see(index, message, order);
  const Value value = s->locations[index].messages[message].value;
  trace("load  %s = %#llx %s%s", describe(at).c_str(), static_cast<unsigned long long>(value),
        text_of(order), message + 1 == s->locations[index].count ? "" : " (old)");
  return value;
}

void store(void* at, unsigned size, Value value, std::memory_order order) noexcept {
  if (!running()) {
    std::memcpy(at, &value, size);
    return;
  }
  const Inside inside;
  step();
  check_memory(at);
  trace("store %s = %#llx %s", describe(at).c_str(), static_cast<unsigned long long>(value),
        text_of(order));
  write(location_of(at, size), at, size, value, order, false);
}

Value change(void* at, unsigned size, Operation operation, Value operand,
             std::memory_order order) noexcept {
  if (!running()) {
    const Value before = read_memory(at, size);
    const Value after = operation(before, operand);
    std::memcpy(at, &after, size);
    return before;
  }
  const Inside inside;
  step();
  check_memory(at);
  const std::size_t index = location_of(at, size);
  const std::uint32_t newest = s->locations[index].count - 1;
  const Value before = s->locations[index].messages[newest].value;
  see(index, newest, order);
  Value after = operation(before, operand);
  if (size < 8) after &= (Value{1} << (8 * size)) - 1;
  trace("rmw   %s %#llx -> %#llx %s", describe(at).c_str(), static_cast<unsigned long long>(before),
        static_cast<unsigned long long>(after), text_of(order));
  write(index, at, size, after, order, true);
  return before;
}

bool compare_exchange(void* at, unsigned size, Value& expected, Value desired,
                      std::memory_order success, std::memory_order failure, bool weak) noexcept {
  if (!running()) {
    const Value before = read_memory(at, size);
    if (before != expected) {
      expected = before;
      return false;
    }
    std::memcpy(at, &desired, size);
    return true;
  }
  const Inside inside;
  step();
  check_memory(at);
  const std::size_t index = location_of(at, size);
  const std::uint32_t picked = pick(index, failure, &expected);
  const std::uint32_t newest = s->locations[index].count - 1;
  const Value before = s->locations[index].messages[picked].value;
  bool fails = picked != newest || before != expected;
  if (!fails && weak && s->spurious < 1 && choice(2, 16) != 0) {
    ++s->spurious;
    fails = true;
  }
  trace("cas   %s %#llx: %#llx -> %#llx %s %s", describe(at).c_str(),
        static_cast<unsigned long long>(before), static_cast<unsigned long long>(expected),
        static_cast<unsigned long long>(desired), text_of(success), fails ? "fails" : "");
  if (fails) {
    see(index, picked, failure);
    expected = before;
    return false;
  }
  see(index, newest, success);
  write(index, at, size, desired, success, true);
  return true;
}

void wait(const void* at, unsigned size, Value old, std::memory_order order) noexcept {
  if (!running()) return;
  for (;;) {
    if (load(at, size, order) != old) return;
    const Inside inside;
    const std::size_t index = location_of(at, size);
    if (s->locations[index].messages[s->locations[index].count - 1].value != old) continue;
    trace("waits at %s", describe(at).c_str());
    block(at, false);
  }
}

void notify(const void* at, bool every) noexcept {
  if (!running()) return;
  const Inside inside;
  step();
  trace("notifies %s", describe(at).c_str());
  unblock(at, every);
}

void fence(std::memory_order order) noexcept {
  if (!running()) return;
  const Inside inside;
  step();
  trace("fence %s", text_of(order));
  fence_of(me(), order);
}

bool membarrier(bool only_register) noexcept {
  if (s != nullptr && s->model != nullptr && !s->model->barrier) return false;
  if (only_register || !running()) return true;
  const Inside inside;
  step();
  trace("membarrier");
  fence_of(me(), std::memory_order_seq_cst);
  for (unsigned t = 0; t < s->threads; ++t) {
    if (t == s->current) continue;
    may_switch();
    fence_of(s->thread[t], std::memory_order_seq_cst);
  }
  fence_of(me(), std::memory_order_seq_cst);
  return true;
}

bool is_watched(const void* at) noexcept { return running() && in_arena(at); }

void write_racy(void* at, unsigned size, Value value) noexcept {
  if (!is_watched(at)) {
    std::memcpy(at, &value, size);
    return;
  }
  const Inside inside;
  check_memory(at);
  check_write(at);
  trace("write %s = %#llx", describe(at).c_str(), static_cast<unsigned long long>(value));
  write(location_of(at, size), at, size, value, std::memory_order_relaxed, false);
}

void write_racy_byte(void* at, std::uint8_t value) noexcept {
  if (!is_watched(at)) {
    std::memcpy(at, &value, 1);
    return;
  }
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  void* word = reinterpret_cast<void*>(address & ~std::uintptr_t{7});
  Value whole = read_memory(word, 8);
  std::memcpy(reinterpret_cast<char*>(&whole) + (address & 7), &value, 1);
  write_racy(word, 8, whole);
}

Value read_racy(const void* at, unsigned size) noexcept {
  if (!is_watched(at)) return read_memory(at, size);
  const Inside inside;
  check_memory(at);
  const std::size_t index = location_of(at, size);
  const std::uint32_t message = pick(index, std::memory_order_relaxed, nullptr);
  see(index, message, std::memory_order_relaxed);
  const Value value = s->locations[index].messages[message].value;
  trace("peek  %s = %#llx%s", describe(at).c_str(), static_cast<unsigned long long>(value),
        message + 1 == s->locations[index].count ? "" : " (old)");
  return value;
}

Value read_plain(const void* at, unsigned size) noexcept {
  if (is_watched(at)) {
    const Inside inside;
    check_memory(at);
    check_read(at);
    trace("read  %s = %#llx", describe(at).c_str(),
          static_cast<unsigned long long>(read_memory(at, size)));
  }
  return read_memory(at, size);
}

void access(const void* at, bool writes) noexcept {
  if (!running()) return;
  const Inside inside;
  step();
  check_memory(at);
  trace("%s %s", writes ? "write" : "read ", describe(at).c_str());
  if (writes) {
    check_write(at);
  } else {
    check_read(at);
  }
}

void lock(void* mutex) noexcept {
  if (!running()) return;
  const Inside inside;
  step();
  while (s->owners[mutex] != 0) block(mutex, false);
  trace("locks %s", describe(mutex).c_str());
  s->owners[mutex] = s->current + 1;
  me().view.join(s->mutex_views[mutex]);
}

bool try_lock(void* mutex) noexcept {
  if (!running()) return true;
  const Inside inside;
  step();
  if (s->owners[mutex] != 0) return false;
  s->owners[mutex] = s->current + 1;
  me().view.join(s->mutex_views[mutex]);
  return true;
}

namespace {
void unlock_now(void* mutex) {
  if (s->owners[mutex] != s->current + 1) failed("unlocks a mutex of another thread");
  trace("unlocks %s", describe(mutex).c_str());
  s->mutex_views[mutex] = me().view;
  ++me().view.clock[s->current];
  s->owners[mutex] = 0;
  unblock(mutex, true);
}
}  // namespace

void unlock(void* mutex) noexcept {
  if (!running()) return;
  const Inside inside;
  step();
  unlock_now(mutex);
}

bool wait_on(void* condition, void* mutex, bool timed) noexcept {
  if (!running()) return true;
  const Inside inside;
  step();
  unlock_now(mutex);
  trace("sleeps at %s%s", describe(condition).c_str(), timed ? ", timed" : "");
  block(condition, timed);
  const bool in_time = !me().timed_out;
  me().timed_out = false;
  trace(in_time ? "was woken" : "its time is over");
  while (s->owners[mutex] != 0) block(mutex, false);
  s->owners[mutex] = s->current + 1;
  me().view.join(s->mutex_views[mutex]);
  return in_time;
}

void signal(void* condition, bool every) noexcept {
  if (!running()) return;
  const Inside inside;
  step();
  trace("signals %s", describe(condition).c_str());
  unblock(condition, every);
}

void yield() noexcept {
  if (!running()) return;
  const Inside inside;
  Thread& thread = me();
  ++thread.yields;
  if (++s->steps > max_steps) failed("no end in sight");
  std::array<unsigned, max_threads> others{};
  unsigned count = 0;
  for (unsigned t = 0; t < s->threads; ++t) {
    if (t != s->current && s->thread[t].stage == Stage::ready) others[count++] = t;
  }
  const bool must = thread.yields >= idle_yields;
  for (unsigned t = 0; t < s->threads && must && count == 0; ++t) {
    // Nobody else can run but those whose time may be over.
    if (s->thread[t].stage == Stage::timed) others[count++] = t;
  }
  if (count == 0 || (!must && thread.yields != 1)) return;
  unsigned chosen = 0;
  if (must) {
    chosen = choice(count, 0);
  } else {
    chosen = choice(count + 1, 2);
    if (chosen == 0) return;
    --chosen;
  }
  Thread& to = s->thread[others[chosen]];
  if (to.stage == Stage::timed) {
    to.timed_out = true;
    to.stage = Stage::ready;
  }
  trace("yields");
  thread.yields = 0;
  switch_to(others[chosen]);
}

void pause() noexcept {
  if (!running()) return;
  if (++me().pauses < idle_pauses) return;
  me().pauses = 0;
  me().yields = idle_yields;
  yield();
}

std::int64_t now() noexcept {
  if (!running()) return s != nullptr ? s->time : 0;
  const Inside inside;
  if (s->jumps < 2 && choice(2, 3) != 0) {
    ++s->jumps;
    s->time += 5'000'000;
    trace("5 ms pass");
  }
  return s->time += 1000;
}

void advance_to(std::int64_t time) noexcept {
  if (s != nullptr) s->time = std::max(s->time, time);
}

unsigned thread() noexcept { return s == nullptr ? 0 : s->current; }

void fail(const char* what) noexcept {
  const Inside inside;
  failed(what);
}

unsigned choose(unsigned count) noexcept {
  const Inside inside;
  return choice(count, 0);
}

void name(const void* at, std::size_t size, const char* text) noexcept {
  const Inside inside;
  const char* begin = static_cast<const char*>(at);
  s->names.push_back({{begin, begin + size}, text});
}

void note(const char* text) noexcept {
  const Inside inside;
  trace("-- %s", text);
}

namespace {
State& state() {
  if (s == nullptr) s = new (std::malloc(sizeof(State))) State;
  return *s;
}
}  // namespace

Register::Register(const Model& model) { state().models.push_back(model); }

void record(const std::string& outcome) {
  const Inside inside;
  s->outcomes.insert(std::string(outcome.data(), outcome.size()));
}

namespace {

int main_with(int count, char** arguments) {
  Options options;
  bool list = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view option = arguments[i];
    const char* value = i + 1 < count ? arguments[i + 1] : "";
    if (option == "--only") {
      options.filter = value, ++i;
    } else if (option == "--seconds") {  // of random runs for each model
      options.seconds = std::atof(value), ++i;
    } else if (option == "--limit") {  // of seconds for the exhaustive mode
      options.exhaustive_limit = std::atof(value), ++i;
    } else if (option == "--departures") {
      options.departures = std::atoi(value), ++i;
    } else if (option == "--deeper") {
      options.deeper = static_cast<unsigned>(std::atoi(value)), ++i;
    } else if (option == "--first") {
      options.first = true;
    } else if (option == "--random") {
      options.exhaustive = false;
    } else if (option == "--seed") {
      options.seed = std::strtoull(value, nullptr, 10), ++i;
    } else if (option == "--replay") {
      options.seed = std::strtoull(value, nullptr, 10), ++i;
      options.replay = true;
    } else if (option == "--list") {
      list = true;
    } else {
      std::fprintf(stderr, "model: unknown option %s\n", arguments[i]);
      return 2;
    }
  }
  State& all_state = state();
  all_state.arena = static_cast<char*>(std::aligned_alloc(4096, arena_bytes));
  all_state.allocation_of.assign(arena_bytes / granule, 0);
  all_state.table.assign(1 << 12, 0);
  dl_iterate_phdr(find_locals, nullptr);
  all_state.statics.assign(&__data_start, &_end);
  bool good = true;
  unsigned ran = 0;
  for (const Model& model : all_state.models) {
    if (!options.filter.empty() &&
        std::string_view(model.name).find(options.filter) == std::string_view::npos) {
      continue;
    }
    ++ran;
    if (model.must_fail && !options.exhaustive) continue;
    if (list) {
      std::printf("%s\n", model.name);
      continue;
    }
    all_state.outcomes.clear();
    good = explore(model, options) && good;
    if (!good && options.first) break;
    if (!all_state.outcomes.empty()) {
      std::printf("  outcomes:");
      for (const std::string& outcome : all_state.outcomes) std::printf(" %s", outcome.c_str());
      std::printf("\n");
    }
  }
  if (ran == 0) std::fprintf(stderr, "model: no such model\n");
  std::fflush(stdout);
  // 1: some model failed; 3: none, but not all runs were made.
  std::_Exit(!good || ran == 0 ? 1 : all_state.incomplete ? 3 : 0);
}

}  // namespace
}  // namespace model

int main(int count, char** arguments) { return model::main_with(count, arguments); }

// --- the program's memory and the ends of its threads ---

extern "C" int __cxa_thread_atexit(void (*function)(void*), void* object, void*) noexcept {
  if (model::s != nullptr && model::s->model != nullptr) {
    const model::Inside inside;
    model::me().destructors.push_back({function, object});
  }
  return 0;
}

[[gnu::noinline]] void* operator new(std::size_t size) {
  if (model::s != nullptr && model::s->user_code) return model::allocate(size);
  if (void* memory = std::malloc(std::max<std::size_t>(size, 1))) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  if (model::s != nullptr && model::s->user_code) return model::allocate(size);
  const auto align = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(align, (size + align - 1) / align * align)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  if (model::in_arena(memory)) return model::release(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  operator delete(memory);
}
