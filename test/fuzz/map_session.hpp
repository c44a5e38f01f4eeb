// Operations on a map, and the same on std::unordered_map.
#pragma once

#include "session.hpp"

#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dashmap_test::fuzz {

template <class Kind>
class MapSession : public Session<Kind> {
  using Base = Session<Kind>;
  using Map = typename Kind::Container;
  using Value = typename Kind::Value;
  using typename Base::Holding;
  using typename Base::Key;
  using typename Base::Outcome;
  using Pairs = std::vector<std::pair<Key, Value>>;
  using Model = std::unordered_map<int, int>;

 public:
  MapSession(Input& input, const typename Kind::Allocator& alloc) : Base(input), map_(alloc) {}

  void run() {
    operations();
    compare(map_);
    equations();
  }

 private:
  using Base::attempt;
  using Base::done;
  using Base::input_;
  using Base::key;
  using Base::number_of_key;

  // A view of plain data runs on a copy, also under an own guard.
  static constexpr bool copies = std::is_arithmetic_v<Key> && std::is_arithmetic_v<Value>;

  static Value value(int n) { return make<Value>(n); }
  static bool is_even(const Value& v) { return number(v) % 2 == 0; }

  bool there(int n) const { return model_.contains(n); }
  int old(int n) const { return there(n) ? model_.at(n) : 0; }
  int old_or(int n, int fresh) const { return there(n) ? model_.at(n) : fresh; }

  // `found` points to a value, or is null.
  template <class Pointer>
  void require_value(const Pointer& found, int n) const {
    require(static_cast<bool>(found) == there(n));
    if (found) require(number(*found) == old(n));
  }

  // Until the input ends, or tells to release the guard that was taken last.
  void operations() {
    while (!input_.at_end() && this->steps_ < 500) {
      ++this->steps_;
      const int code = input_.below(60);
      const int n = number_of_key();
      const int fresh = 3 + input_.next();
      if (code == 0 && !(this->held_.empty() && walks_.empty())) return;
      if (code < 8) {
        insert_one(code, n, fresh);
      } else if (code < 16) {
        change_one(code, n, fresh);
      } else if (code < 24) {
        remove_one(code, n);
      } else if (code < 31) {
        read_one(code, n);
      } else if (code < 39) {
        hold(code, n, fresh);
      } else if (code < 46) {
        several(code, n, fresh);
      } else {
        whole(code, n, fresh);
      }
      require(map_.len() == model_.size());
      require(map_.capacity() >= model_.size());
      require_value(map_.get_copy(key(n)), n);
      for (std::set<int>* all : walks_) {
        std::erase_if(*all, [&](int k) { return !there(k); });
      }
    }
  }

  void insert_one(int code, int n, int fresh) {
    const bool barred = this->bars_write(n);
    switch (code) {
      case 0:
      case 1:
      case 2:
        if (done(barred, [&] { require_value(map_.insert(key(n), value(fresh)), n); })) {
          model_[n] = fresh;
        }
        break;
      case 3:
        if (done(barred,
                 [&] { require(map_.insert_or_assign(key(n), value(fresh)) == !there(n)); })) {
          model_[n] = fresh;
        }
        break;
      case 4:
        if (done(barred, [&] {
              const auto [ref, inserted] = map_.try_emplace(key(n), value(fresh));
              require(inserted == !there(n));
              require(number(ref.key()) == n && number(*ref) == old_or(n, fresh));
            })) {
          model_.try_emplace(n, fresh);
        }
        break;
      case 5:
        if (done(barred, [&] {
              require(number(*map_.entry(key(n)).or_insert(value(fresh))) == old_or(n, fresh));
            })) {
          model_.try_emplace(n, fresh);
        }
        break;
      case 6:
        if (done(there(n) ? this->bars_read(n) : barred, [&] {
              const auto ref = map_.get_or_insert_with(key(n), [&] { return value(fresh); });
              require(number(*ref) == old_or(n, fresh));
            })) {
          model_.try_emplace(n, fresh);
        }
        break;
      default:
        if (done(barred, [&] {
              auto entry = map_.entry(key(n)).insert_entry(value(fresh));
              require(number(entry.key()) == n && number(entry.get()) == fresh);
            })) {
          model_[n] = fresh;
        }
    }
  }

  void change_one(int code, int n, int fresh) {
    const bool barred = this->bars_write(n);
    switch (code) {
      case 8:
        if (done(barred, [&] {
              require(map_.alter(key(n), [&](const Key& k, Value v) {
                require(number(k) == n && number(v) == old(n));
                return value(fresh);
              }) == there(n));
            })) {
          if (there(n)) model_[n] = fresh;
        }
        break;
      case 9:
      case 10: {
        const bool keep = code == 9;
        if (done(barred, [&] {
              require(map_.compute(key(n), [&](std::optional<Value>& v) {
                require_value(v, n);
                const bool had = v.has_value();
                v.reset();
                if (keep) v.emplace(value(fresh));
                return had;
              }) == there(n));
            })) {
          if (keep) {
            model_[n] = fresh;
          } else {
            model_.erase(n);
          }
        }
        break;
      }
      case 11:
        if (done(barred, [&] {
              auto ref = map_.entry(key(n)).or_insert_with_key([&](const Key& k) {
                require(number(k) == n);
                return value(fresh);
              });
              require(number(*ref) == old_or(n, fresh));
            })) {
          model_.try_emplace(n, fresh);
        }
        break;
      case 12:
        if (done(barred, [&] {
              const auto ref = map_.entry(key(n)).or_try_insert_with([&] {
                return fresh % 2 == 0 ? std::optional<Value>(value(fresh)) : std::nullopt;
              });
              require(static_cast<bool>(ref) == (there(n) || fresh % 2 == 0));
            })) {
          if (fresh % 2 == 0) model_.try_emplace(n, fresh);
        }
        break;
      case 13:
        if (done(barred, [&] {
              auto entry = map_.entry(key(n));
              if (auto* occupied = entry.occupied()) {
                require(number(occupied->insert(value(fresh))) == old(n));
              }
            })) {
          if (there(n)) model_[n] = fresh;
        }
        break;
      case 14:
        if (done(barred, [&] {
              auto entry = map_.entry(key(n));
              if (auto* occupied = entry.occupied()) {
                const auto [k, v] = occupied->replace_entry(value(fresh));
                require(number(k) == n && number(v) == old(n));
              }
            })) {
          if (there(n)) model_[n] = fresh;
        }
        break;
      default:
        if (done(barred, [&] {
              auto entry = map_.entry(key(n));
              if (auto* vacant = entry.vacant()) vacant->insert_entry(value(fresh));
              require(number(entry.key()) == n || !there(n));
            })) {
          model_.try_emplace(n, fresh);
        }
    }
  }

  void remove_one(int code, int n) {
    const bool barred = this->bars_write(n);
    const auto require_pair = [&](const auto& removed, bool expected) {
      require(removed.has_value() == expected);
      if (removed) require(number(removed->first) == n && number(removed->second) == old(n));
    };
    const bool even = old(n) % 2 == 0;
    switch (code) {
      case 16:
      case 17:
        if (done(barred, [&] { require_pair(map_.remove(key(n)), there(n)); })) model_.erase(n);
        break;
      case 18:
      case 19:
        if (done(barred, [&] { require(map_.erase(key(n)) == there(n)); })) model_.erase(n);
        break;
      case 20:
        if (done(barred, [&] {
              require_pair(map_.remove_if(key(n),
                                          [](const Key&, const Value& v) { return is_even(v); }),
                           there(n) && even);
            })) {
          if (even) model_.erase(n);
        }
        break;
      case 21:
        if (done(barred, [&] {
              require_pair(map_.remove_if_mut(key(n),
                                              [](const Key&, Value& v) { return is_even(v); }),
                           there(n) && even);
            })) {
          if (even) model_.erase(n);
        }
        break;
      case 22:
        if (done(barred, [&] {
              auto entry = map_.entry(key(n));
              require(entry.is_occupied() == there(n));
              if (auto* occupied = entry.occupied()) require(number(occupied->remove()) == old(n));
            })) {
          model_.erase(n);
        }
        break;
      default:
        if (done(barred, [&] {
              auto entry = map_.entry(key(n));
              if (auto* occupied = entry.occupied()) {
                const auto [k, v] = occupied->remove_entry();
                require(number(k) == n && number(v) == old(n));
              }
            })) {
          model_.erase(n);
        }
    }
  }

  void read_one(int code, int n) {
    const bool barred = this->bars_read(n);
    switch (code) {
      case 24: done(barred, [&] { require_value(map_.get(key(n)), n); }); break;
      case 25: done(false, [&] { require(map_.contains(key(n)) == there(n)); }); break;
      case 26: done(false, [&] { require_value(map_.get_copy(key(n)), n); }); break;
      case 27:
        attempt(
            barred,
            [&] {
              const auto seen = map_.view(key(n), [&](const Key& k, const Value& v) {
                require(number(k) == n);
                return number(v);
              });
              require(seen == (there(n) ? std::optional(old(n)) : std::nullopt));
            },
            copies);
        break;
      case 28:
        done(false, [&] {
          auto result = map_.try_get(key(n));
          require(result.is_locked() == barred);
          if (!barred)
            require_value(result.try_unwrap().has_value() ? map_.get_copy(key(n)) : std::nullopt,
                          n);
        });
        break;
      case 29:
        done(false, [&] {
          auto result = map_.try_get_mut(key(n));
          const bool locked = this->bars_write(n);
          require(result.is_locked() == locked);
          require(result.is_present() == (!locked && there(n)));
        });
        break;
      default:
        done(barred, [&] {
          require(map_.try_get_for(key(n), std::chrono::seconds(1)).is_present() == there(n));
        });
    }
  }

  // Takes a guard, goes on with other operations, and perhaps ends by using it.
  void hold(int code, int n, int fresh) {
    if (this->held_.size() >= Base::most_held) return;
    switch (code) {
      case 31:
      case 32: hold_ref(n); break;
      case 33:
      case 34: hold_ref_mut(n, fresh); break;
      case 35:
      case 36: hold_entry(n, fresh); break;
      case 37:
        if (fresh % 2 == 0) {
          walk_with_pauses();
        } else {
          hold_item(fresh % 4);
        }
        break;
      default: hold_item_mut(fresh);
    }
  }

  void hold_ref(int n) {
    const bool barred = this->bars_read(n);
    try {
      const auto ref = map_.get(key(n));
      require(!barred && static_cast<bool>(ref) == there(n));
      if (!ref) return;
      const Holding holding(*this, n, Hold::shared);
      operations();
      require(number(ref.key()) == n && number(*ref) == old(n));
    } catch (const dashmap::DeadlockError&) {
      require(barred);
    }
  }

  void hold_ref_mut(int n, int fresh) {
    const bool barred = this->bars_write(n);
    try {
      auto ref = map_.get_mut(key(n));
      require(!barred && static_cast<bool>(ref) == there(n));
      if (!ref) return;
      {
        const Holding holding(*this, n, Hold::exclusive);
        operations();
        require(number(*ref) == old(n));
        *ref = value(fresh);
        model_[n] = fresh;
      }
      if (fresh % 2 != 0) return;
      const auto shared = std::move(ref).downgrade();
      const Holding holding(*this, n, Hold::shared);
      operations();
      require(number(*shared) == old(n));
    } catch (const dashmap::DeadlockError&) {
      require(barred);
    }
  }

  void hold_entry(int n, int fresh) {
    const bool barred = this->bars_write(n);
    try {
      auto entry = map_.entry(key(n));
      require(!barred && entry.is_occupied() == there(n));
      {
        const Holding holding(*this, n, there(n) ? Hold::exclusive : Hold::vacant);
        operations();
      }
      require(entry.is_occupied() == there(n));
      if (fresh % 4 == 0) return;
      if (fresh % 4 == 1) {
        require(number(entry.into_key()) == n);
        return;
      }
      if (done(false, [&] {
            const auto ref = entry.and_modify([](Value&) {}).or_insert(value(fresh));
            require(number(*ref) == old_or(n, fresh));
          })) {
        model_.try_emplace(n, fresh);
      }
    } catch (const dashmap::DeadlockError&) {
      require(barred);
    }
  }

  // What a walk must meet, once each: the elements that stay from its first step to its last.
  class Walk {
   public:
    explicit Walk(MapSession& session) : session_(session) {
      for (const auto& [n, v] : session.model_) stays_.insert(n);
      session.walks_.push_back(&stays_);
    }
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;
    ~Walk() { session_.walks_.pop_back(); }

    void meets(int n) { require(met_.insert(n).second || !stays_.contains(n)); }
    void ends() const {
      for (const int n : stays_) require(met_.contains(n));
    }

   private:
    MapSession& session_;
    std::set<int> stays_;
    std::set<int> met_;
  };

  // Other operations run while the iterator has an item, until some elements were met.
  void hold_item(int most) {
    Walk walk(*this);
    try {
      int left = most;
      for (const auto item : map_.iter()) {
        const int n = number(item.key());
        require_value(&*item, n);
        walk.meets(n);
        const Holding holding(*this, n, Hold::shared);
        if (left > 0) operations();
        if (--left == 0 && most == 1) return;
      }
      require(!this->bars_walk());
      walk.ends();
    } catch (const dashmap::DeadlockError&) {
      require(this->bars_walk());
    }
  }

  // The iterator holds nothing while the other operations run.
  void walk_with_pauses() {
    if (walks_.size() >= 2) return;
    Walk walk(*this);
    try {
      int left = 4;
      for (auto it = map_.iter().begin(); it != map_.end(); ++it) {
        {
          const auto item = *it;
          const int n = number(item.key());
          require_value(&*item, n);
          walk.meets(n);
        }
        if (left-- > 0) operations();
      }
      require(!this->bars_walk());
      walk.ends();
    } catch (const dashmap::DeadlockError&) {
      require(this->bars_walk());
    }
  }

  void hold_item_mut(int fresh) {
    try {
      int left = fresh % 3;
      for (auto item : map_.iter_mut()) {
        const int n = number(item.key());
        require_value(&*item, n);
        const Holding holding(*this, n, Hold::exclusive);
        if (left-- > 0) operations();
        *item = value(old(n) + 1);
        ++model_[n];
      }
      require(!this->bars_walk_to_change());
    } catch (const dashmap::DeadlockError&) {
      require(this->bars_walk_to_change());
    }
  }

  std::vector<int> some_keys(int n, int fresh) const {
    std::vector<int> keys;
    for (int i = 0; i < fresh % 32; ++i) keys.push_back((n + i * (1 + fresh % 3)) % this->space_);
    return keys;
  }
  bool any_bars_write(const std::vector<int>& numbers) const {
    return std::any_of(numbers.begin(), numbers.end(), [&](int n) { return this->bars_write(n); });
  }

  void several(int code, int n, int fresh) {
    const std::vector<int> numbers = some_keys(n, fresh);
    std::vector<Key> keys;
    for (const int k : numbers) keys.push_back(key(k));
    if (code < 43) {
      insert_several(numbers, fresh, code == 42);
    } else if (code == 43) {
      done(any_bars_write(numbers), [&] {
        map_.with_keys(keys, [&](std::span<Value*> values) {
          require(values.size() == numbers.size());
          for (std::size_t i = 0; i < values.size(); ++i) require_value(values[i], numbers[i]);
        });
      });
    } else {
      std::size_t at = 0;
      const bool barred =
          std::any_of(numbers.begin(), numbers.end(), [&](int k) { return this->bars_read(k); });
      attempt(
          barred,
          [&] {
            map_.get_many(keys, [&](const Key& k, const Value* v) {
              require(number(k) == numbers[at]);
              require_value(v, numbers[at++]);
            });
            require(at == numbers.size());
          },
          copies);
    }
  }

  // Those before a failure are in the map.
  void insert_several(const std::vector<int>& numbers, int fresh, bool extend) {
    Pairs pairs;
    for (const int k : numbers) pairs.emplace_back(key(k), value(fresh));
    std::size_t fit = 0;
    while (fit < numbers.size() && !this->bars_write(numbers[fit])) ++fit;
    std::size_t fewer = 0;  // new keys
    std::set<int> added;
    for (const int k : numbers) fewer += !there(k) && added.insert(k).second ? 1U : 0U;
    const Outcome outcome = attempt(fit < numbers.size(), [&] {
      if (extend) {
        map_.extend(pairs);
      } else {
        require(map_.insert_many(pairs) == fewer);
      }
    });
    if (outcome == Outcome::failed) {
      bool stopped = false;
      for (const int k : numbers) {
        const auto now = map_.get_copy(key(k));
        const bool has = now.has_value() && number(*now) == fresh;
        if (!has) stopped = true;
        if (has && !stopped) model_[k] = fresh;
      }
      return;
    }
    for (std::size_t i = 0; i < fit; ++i) model_[numbers[i]] = fresh;
  }

  // After a failure in the middle: what is gone was to go.
  template <class P>
  void removed_some(P p) {
    std::erase_if(model_, [&](const auto& item) {
      const bool gone = !map_.contains(key(item.first));
      if (gone) require(p(item.first, item.second));
      return gone;
    });
  }

  void whole(int code, int n, int fresh) {
    const bool all = this->bars_all();
    const int divisor = 2 + fresh % 4;
    const auto goes = [&](int k, int v) { return (k + v) % divisor == 0; };
    switch (code) {
      case 46:
        if (done(all, [&] { map_.clear(); })) model_.clear();
        break;
      case 47: done(false, [&] { map_.shrink_to_fit(); }); break;
      case 48: done(false, [&] { map_.reserve(static_cast<std::size_t>(fresh * 5)); }); break;
      case 49: {
        const Outcome outcome = attempt(all, [&] {
          map_.retain([&](const Key& k, Value& v) {
            throwing::point();
            return !goes(number(k), number(v));
          });
        });
        if (outcome == Outcome::failed) removed_some(goes);
        if (outcome == Outcome::done)
          std::erase_if(model_, [&](const auto& item) { return goes(item.first, item.second); });
        break;
      }
      case 50: {
        const Outcome outcome = attempt(all, [&] {
          for (const auto& [k, v] : map_.extract_if([&](const Key& each, Value& v2) {
                 return goes(number(each), number(v2));
               })) {
            require(old(number(k)) == number(v) && goes(number(k), number(v)));
          }
        });
        if (outcome == Outcome::failed) removed_some(goes);
        if (outcome == Outcome::done)
          std::erase_if(model_, [&](const auto& item) { return goes(item.first, item.second); });
        break;
      }
      case 51: {
        const Outcome outcome =
            attempt(all, [&] { require(map_.drain().size() == model_.size()); });
        if (outcome == Outcome::failed) removed_some([](int, int) { return true; });
        if (outcome == Outcome::done) model_.clear();
        break;
      }
      case 52: {
        const Outcome outcome = attempt(all, [&] {
          map_.alter_all([&](const Key&, Value v) { return value(number(v) + 2); });
        });
        for (auto& [k, v] : model_) {
          if (outcome == Outcome::done) v += 2;
          if (outcome == Outcome::failed) {
            const int now = number(*map_.get_copy(key(k)));
            require(now == v || now == v + 2);
            v = now;
          }
        }
        break;
      }
      case 53: done(this->bars_snapshot(), [&] { compare_pairs(map_.snapshot()); }); break;
      case 54:
        done(this->bars_walk(), [&] {
          const Map copy(map_);
          compare(copy);
          require(copy == map_ && map_ == copy);
        });
        break;
      case 55:
        if (!all && walks_.empty()) {  // assignment wants the map for itself
          done(false, [&] { map_ = map_.clone(); });
        }
        break;
      case 56:
        if (!all && walks_.empty()) map_ = std::move(map_).into_read_only().into_inner();
        break;
      case 57: in_lock_all(n, fresh); break;
      case 58:
        done(false,
             [&] { require(map_.try_reserve(static_cast<std::size_t>(fresh)) || Kind::fails); });
        break;
      default: {
        const bool barred = this->bars_snapshot();
        done(barred, [&] {
          std::size_t sum = 0;
          for (auto&& shard : map_.shards()) sum += shard.read().len();
          require(sum == model_.size());
        });
      }
    }
  }

  void in_lock_all(int n, int fresh) {
    if (done(this->bars_all(), [&] {
          auto view = map_.lock_all();
          require(view.len() == model_.size());
          require_value(view.get(key(n)), n);
          require_value(view.insert(key(n), value(fresh)), n);
        })) {
      model_[n] = fresh;
    }
  }

  // --- everything ---

  void compare_pairs(const Pairs& pairs) const {
    require(pairs.size() == model_.size());
    std::set<int> met;
    for (const auto& [k, v] : pairs) {
      require(met.insert(number(k)).second);
      require(there(number(k)) && old(number(k)) == number(v));
    }
  }
  void compare(const Map& map) const {
    require(map.len() == model_.size());
    std::set<int> met;
    for (const auto item : map.iter()) {
      require(met.insert(number(item.key())).second);
      require(there(number(item.key())) && old(number(item.key())) == number(item.value()));
    }
    require(met.size() == model_.size());
    for (const auto& [k, v] : model_) require_value(map.get(key(k)), k);
  }

  // What the operations say about each other. Nothing is held, nothing fails.
  void equations() {
    const int n = number_of_key();
    const int fresh = input_.next();
    const int divisor = 2 + fresh % 4;
    const Map before(map_);
    const auto stays = [&](const Key& k, const Value& v) {
      return (number(k) + number(v)) % divisor != 0;
    };
    const auto after = [&](auto change) {
      Map map(before);
      change(map);
      return map;
    };

    // insert, insert_or_assign, entry().insert, compute, try_emplace and lock_all write the same.
    const Map inserted = after([&](Map& m) { m.insert(key(n), value(fresh)); });
    require(inserted == after([&](Map& m) { m.insert_or_assign(key(n), value(fresh)); }));
    require(inserted == after([&](Map& m) { m.entry(key(n)).insert(value(fresh)); }));
    require(inserted == after([&](Map& m) {
              m.compute(key(n), [&](std::optional<Value>& v) { v.emplace(value(fresh)); });
            }));
    require(inserted == after([&](Map& m) {
              m.erase(key(n));
              m.try_emplace(key(n), value(fresh));
            }));
    require(inserted == after([&](Map& m) { m.lock_all().insert(key(n), value(fresh)); }));
    require(inserted == after([&](Map& m) {
              Pairs one;
              one.emplace_back(key(n), value(fresh));
              m.extend(one);
            }));

    // remove, erase, remove_if, compute and an entry remove the same.
    const Map removed = after([&](Map& m) { m.remove(key(n)); });
    require(removed == after([&](Map& m) { m.erase(key(n)); }));
    require(removed == after([&](Map& m) {
              m.remove_if(key(n), [](const Key&, const Value&) { return true; });
            }));
    require(removed ==
            after([&](Map& m) { m.compute(key(n), [](std::optional<Value>& v) { v.reset(); }); }));
    require(removed == after([&](Map& m) {
              auto entry = m.entry(key(n));
              if (auto* occupied = entry.occupied()) occupied->remove();
            }));
    require(removed == after([&](Map& m) { m.lock_all().remove(key(n)); }));

    // alter, get_mut, and_modify, with_keys change the same.
    const Map altered =
        after([&](Map& m) { m.alter(key(n), [&](const Key&, Value) { return value(fresh); }); });
    require(altered == after([&](Map& m) {
              if (auto ref = m.get_mut(key(n))) *ref = value(fresh);
            }));
    require(altered == after([&](Map& m) {
              static_cast<void>(m.entry(key(n)).and_modify([&](Value& v) { v = value(fresh); }));
            }));
    require(altered == after([&](Map& m) {
              const std::vector<Key> keys{key(n)};
              m.with_keys(keys, [&](std::span<Value*> values) {
                if (values[0] != nullptr) *values[0] = value(fresh);
              });
            }));

    // view, get, get_copy, try_get, contains, a frozen map and with_keys see the same.
    const auto copy = before.get_copy(key(n));
    const std::optional<int> seen = copy ? std::optional(number(*copy)) : std::nullopt;
    require(before.view(key(n), [](const Key&, const Value& v) { return number(v); }) == seen);
    require(before.contains(key(n)) == seen.has_value());
    require(before.contains_key(key(n)) == seen.has_value());
    require(before.try_get(key(n)).is_present() == seen.has_value());
    const auto ref = before.get(key(n));
    require(static_cast<bool>(ref) == seen.has_value() && (!ref || number(*ref) == *seen));
    const auto frozen = Map(before).into_read_only();
    require((frozen.get(key(n)) != nullptr) == seen.has_value());
    require(frozen.len() == before.len());

    // retain, extract_if, par_retain and remove_if for each; clear and drain.
    const Map kept = after([&](Map& m) { m.retain(stays); });
    require(kept == after([&](Map& m) {
              const auto taken =
                  m.extract_if([&](const Key& k, const Value& v) { return !stays(k, v); });
              require(taken.size() + m.len() == before.len());
              for (const auto& [k, v] : taken) require(!m.contains(k) && !stays(k, v));
            }));
    require(kept == after([&](Map& m) { m.par_retain(stays, [](auto&& task) { task(); }); }));
    require(kept == after([&](Map& m) {
              for (const Key& k : before.keys()) {
                m.remove_if(k, [&](const Key& each, const Value& v) { return !stays(each, v); });
              }
            }));
    Map drained(before);
    compare_pairs(drained.drain());
    require(drained == after([](Map& m) { m.clear(); }) && drained.empty());

    // The ways to have all elements.
    const Pairs all = before.snapshot();
    compare_pairs(all);
    require(Map(all.begin(), all.end(), map_.get_allocator()) == before);
    require(static_cast<std::size_t>(std::ranges::distance(before.keys())) == all.size());
    require(static_cast<std::size_t>(std::ranges::distance(before.values())) == all.size());
    Map swapped(map_.get_allocator());
    swap(swapped, drained);
    require(swapped.empty() && after([&](Map& m) { m.swap(swapped); }).empty());
    require(swapped == before);
  }

  Map map_;
  Model model_;
  std::vector<std::set<int>*> walks_;  // what stays, for each walk under way
};

}  // namespace dashmap_test::fuzz
