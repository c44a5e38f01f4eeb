// The SplitListMap of libcds: the one of its maps that grows and takes keys of any type. It has no
// locks: a value is changed in place by atomic arithmetic, so only values of one word are measured,
// and no element can be kept from others.
#pragma once

#include <cds/container/michael_list_hp.h>
#include <cds/container/split_list_map.h>
#include <cds/gc/hp.h>
#include <cds/init.h>
#include <cds/version.h>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <functional>
#include <string>

#include "../adapter.hpp"

namespace bench {

template <class K>
struct CdsTraits : cds::container::split_list::traits {
  using ordered_list = cds::container::michael_list_tag;
  using hash = std::hash<K>;
  struct ordered_list_traits : cds::container::michael_list::traits {
    using less = std::less<K>;
  };
};

/// Its functions run on an element that others may be at: values are atomic, and relaxed, since a
/// value says nothing of other memory. std::atomic_ref takes no const, so find() casts it away.
template <class K, class V>
class CdsMap {
 public:
  // As its documentation says, it is told how many entries to expect: its directory cannot grow,
  // and with the default the chains become long beyond 2^18.
  explicit CdsMap(std::size_t expected = std::size_t{1} << 22)
      : map_(std::max(expected, std::size_t{1})) {}

  bool find(const K& key, V& value) const {
    return get(key, [&](const V& found) {
      value = std::atomic_ref(const_cast<V&>(found)).load(std::memory_order_relaxed);
    });
  }
  template <class F>
  bool get(const K& key, F visit) const {
    return map_.find(key, [&](auto& element) { visit(element.second); });
  }
  bool insert(const K& key, const V& value) { return map_.insert(key, value); }
  // update() makes a node first, and find() none.
  void assign(const K& key, const V& value) {
    const auto store = [&](auto& element) {
      std::atomic_ref(element.second).store(value, std::memory_order_relaxed);
    };
    if (!map_.find(key, store)) map_.update(key, [&](bool, auto& element) { store(element); });
  }
  bool remove(const K& key) { return map_.erase(key); }
  bool update(const K& key, Increment) {
    return map_.find(key, [](auto& element) { increment(element.second); });
  }
  void upsert(const K& key, const V& first, Increment) {
    if (update(key, Increment{})) return;
    // Others see a new element before this function is called, so it begins as 0 and the first
    // value is added like all others.
    map_.update(key, [&](bool, auto& element) {
      std::atomic_ref(element.second).fetch_add(first, std::memory_order_relaxed);
    });
  }
  template <class F>
  void for_each(F visit) const {
    for (const auto& [key, value] : map_) visit(key, value);
  }
  std::size_t size() const { return map_.size(); }

 private:
  static void increment(V& value) {
    std::atomic_ref(value).fetch_add(1, std::memory_order_relaxed);
  }

  mutable cds::container::SplitListMap<cds::gc::HP, K, V, CdsTraits<K>> map_;
};

struct LibcdsAdapter : AdapterDefaults {
  static constexpr const char* name = "libcds";
  static std::string version() {
    return dotted(CDS_VERSION_MAJOR, CDS_VERSION_MINOR, CDS_VERSION_PATCH);
  }
  static constexpr bool iterates_while_written = false;
  static constexpr bool locks_elements = false;
  template <class K, class V>
  using Map = CdsMap<K, V>;
  template <class K, class V>
  static constexpr bool supports = std::same_as<V, u64>;

  static void attach_thread() {
    struct Library {
      Library() { cds::Initialize(); }
      ~Library() { cds::Terminate(); }
      Library(const Library&) = delete;
      Library& operator=(const Library&) = delete;
    };
    struct Process : Library {
      cds::gc::HP collector{hazard_pointers};
    };
    struct Thread {
      Thread() { cds::threading::Manager::attachThread(); }
      ~Thread() { cds::threading::Manager::detachThread(); }
      Thread(const Thread&) = delete;
      Thread& operator=(const Thread&) = delete;
    };
    static const Process process;
    static thread_local const Thread thread;
  }

 private:
  static constexpr std::size_t hazard_pointers = 16;
};

}  // namespace bench
