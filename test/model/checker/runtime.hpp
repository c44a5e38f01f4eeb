// A model checker for real code: what the atomics of seam.hpp call.
//
// A model's threads run as fibers of one system thread. Before each operation that another thread
// could notice, and at each load that may give more than one value, the checker makes a choice; a
// run is a row of choices. The usual choice lets the thread go on and load the newest value; others
// are departures. The checker tries all rows with up to so many departures, or simply all
// (exhaustive mode), and random rows from a seed (random mode). A failed run is repeated with a
// trace.
//
// Memory
//   Each location keeps all values it ever had, in the order in which they were written. A thread's
//   view says for each location which is the oldest value that it may still read; a load picks any
//   from there on. Release stores carry a view along, acquire loads take it in; fences do so for
//   the relaxed operations around them; sequentially consistent fences and operations meet in one
//   more view that all share. This is the memory of C++20 without two things: loads never see
//   stores that come later in the run (no load buffering), and the order of the writes to a
//   location is that in which they ran.
//   membarrier() makes each thread execute a fence where it stands, one after the other.
//
//   Plain data is checked for races by vector clocks: Var (anywhere), and memory itself, which must
//   be used after its allocation and before its release, both in the sense of happens-before.
//
// A run starts with all static and thread-local variables as the program's start left them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace model {

using Value = std::uint64_t;
using Operation = Value (*)(Value before, Value operand);

// Whether a thread of a model is running: outside, atomics are plain variables.
bool running() noexcept;

void begin_life(void* at) noexcept;
Value load(const void* at, unsigned size, std::memory_order order) noexcept;
void store(void* at, unsigned size, Value value, std::memory_order order) noexcept;
Value change(void* at, unsigned size, Operation operation, Value operand,
             std::memory_order order) noexcept;
bool compare_exchange(void* at, unsigned size, Value& expected, Value desired,
                      std::memory_order success, std::memory_order failure, bool weak) noexcept;
void wait(const void* at, unsigned size, Value old, std::memory_order order) noexcept;
void notify(const void* at, bool all) noexcept;
void fence(std::memory_order order) noexcept;
// membarrier(2); false where the model runs without.
bool membarrier(bool only_register) noexcept;

// Data that optimistic readers look at while it is written: plain for its writers and for readers
// with a lock, whose races are found, a relaxed load for the others.
void write_racy(void* at, unsigned size, Value value) noexcept;
void write_racy_byte(void* at, std::uint8_t value) noexcept;
Value read_racy(const void* at, unsigned size) noexcept;
Value read_plain(const void* at, unsigned size) noexcept;
bool is_watched(const void* at) noexcept;  // memory that a model allocated

void access(const void* at, bool write) noexcept;  // to a Var

void lock(void* mutex) noexcept;
bool try_lock(void* mutex) noexcept;
void unlock(void* mutex) noexcept;
// False: the time is over.
bool wait_on(void* condition, void* mutex, bool timed) noexcept;
void signal(void* condition, bool all) noexcept;

void yield() noexcept;
void pause() noexcept;
std::int64_t now() noexcept;  // nanoseconds; may jump
void advance_to(std::int64_t time) noexcept;
unsigned thread() noexcept;

[[noreturn]] void fail(const char* what) noexcept;
unsigned choose(unsigned count) noexcept;
// In the trace.
void name(const void* at, std::size_t size, const char* text) noexcept;
void note(const char* text) noexcept;

// --- models ---

// Threads of one run. Made anew for each.
class Run {
 public:
  virtual ~Run() = default;
  virtual void thread(unsigned index) = 0;
  // What a thread has done before: one step, of which others see the end only.
  virtual void prepare(unsigned) {}
  // When all threads have ended.
  virtual void check() {}
};

struct Model {
  const char* name;
  unsigned threads;
  std::function<Run*()> make;
  unsigned departures;       // bound of the exhaustive mode; `all` for none, `none`: no such mode
  unsigned random_runs;      // of the short form
  bool barrier = true;       // whether membarrier() works
  bool must_fail = false;    // a test of the checker
  unsigned stale_reads = 2;  // in a row, of one location by one thread, in the exhaustive mode
};
inline constexpr unsigned all = 1000;
inline constexpr unsigned none = 2000;

struct Register {
  explicit Register(const Model& model);
};

// Results of all runs of a model, for checks of what can happen.
void record(const std::string& outcome);

}  // namespace model

#define MODEL_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::model::fail("check failed: " #condition))
