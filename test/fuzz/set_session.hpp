// Operations on a set, and the same on std::set.
#pragma once

#include "session.hpp"

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

namespace dashmap_test::fuzz {

template <class Kind>
class SetSession : public Session<Kind> {
  using Base = Session<Kind>;
  using Set = typename Kind::Container;
  using typename Base::Holding;
  using typename Base::Key;
  using typename Base::Outcome;

 public:
  SetSession(Input& input, const typename Kind::Allocator& alloc) : Base(input), set_(alloc) {}

  void run() {
    operations();
    compare(set_);
    equations();
  }

 private:
  using Base::attempt;
  using Base::done;
  using Base::input_;
  using Base::key;
  using Base::number_of_key;

  bool there(int n) const { return model_.contains(n); }

  void operations() {
    while (!input_.at_end() && this->steps_ < 500) {
      ++this->steps_;
      const int code = input_.below(24);
      const int n = number_of_key();
      if (code == 0 && !this->held_.empty()) return;
      if (code < 14) {
        one(code, n);
      } else {
        whole(code, n);
      }
      require(set_.len() == model_.size());
      require(set_.contains(key(n)) == there(n));
    }
  }

  void one(int code, int n) {
    const bool barred = this->bars_write(n);
    switch (code) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        if (done(barred, [&] { require(set_.insert(key(n)) == !there(n)); })) model_.insert(n);
        break;
      case 5:
      case 6:
        if (done(barred, [&] {
              const auto removed = set_.remove(key(n));
              require(removed.has_value() == there(n));
              if (removed) require(number(*removed) == n);
            })) {
          model_.erase(n);
        }
        break;
      case 7:
        if (done(barred, [&] { require(set_.erase(key(n)) == there(n)); })) model_.erase(n);
        break;
      case 8:
        if (done(barred, [&] {
              require(set_.remove_if(key(n), [](const Key& k) { return number(k) % 2 == 0; })
                          .has_value() == (there(n) && n % 2 == 0));
            })) {
          if (n % 2 == 0) model_.erase(n);
        }
        break;
      case 9: done(false, [&] { require(set_.contains(key(n)) == there(n)); }); break;
      case 10:
        done(false, [&] {
          require(set_.view(key(n), [](const Key& k) { return number(k); }) ==
                  (there(n) ? std::optional(n) : std::nullopt));
        });
        break;
      default: {
        if (this->held_.size() >= Base::most_held) return;
        const auto ref = set_.get(key(n));
        require(static_cast<bool>(ref) == there(n));
        if (!ref) return;
        const Holding holding(*this, n, Hold::shared);
        operations();
        require(number(*ref) == n);
      }
    }
  }

  void whole(int code, int n) {
    const bool all = this->bars_all();
    const auto goes = [n](int k) { return k % 3 == n % 3; };
    const auto settle = [&](Outcome outcome, auto p) {
      std::erase_if(model_, [&](int k) {
        if (outcome == Outcome::done) return p(k);
        const bool gone = !set_.contains(key(k));
        require(!gone || (outcome == Outcome::failed && p(k)));
        return gone;
      });
    };
    const auto any = [](int) { return true; };
    switch (code) {
      case 14: settle(attempt(all, [&] { set_.clear(); }), any); break;
      case 15: done(false, [&] { set_.shrink_to_fit(); }); break;
      case 16: done(false, [&] { set_.reserve(static_cast<std::size_t>(n)); }); break;
      case 17:
        settle(attempt(all, [&] { set_.retain([&](const Key& k) { return !goes(number(k)); }); }),
               goes);
        break;
      case 18:
        settle(attempt(all,
                       [&] {
                         for (const Key& k : set_.extract_if([&](const Key& each) {
                                return goes(number(each));
                              })) {
                           require(there(number(k)) && goes(number(k)));
                         }
                       }),
               goes);
        break;
      case 19:
        settle(attempt(all, [&] { require(set_.drain().size() == model_.size()); }), any);
        break;
      case 20: done(false, [&] { require(set_.snapshot().size() == model_.size()); }); break;
      case 21:
        done(false, [&] {
          const Set copy(set_);
          require(copy == set_);
          compare(copy);
        });
        break;
      case 22:
        if (!all) done(false, [&] { set_ = set_.clone(); });
        break;
      default: {
        std::vector<Key> keys;
        std::vector<int> numbers;
        for (int i = 0; i < 20; ++i) {
          numbers.push_back((n + i) % this->space_);
          keys.push_back(key(numbers.back()));
        }
        std::size_t fit = 0;
        while (fit < numbers.size() && !this->bars_write(numbers[fit])) ++fit;
        attempt(fit < numbers.size(), [&] { set_.insert_many(keys); });
        for (const int k : numbers) {
          if (set_.contains(key(k))) model_.insert(k);
        }
      }
    }
  }

  void compare(const Set& set) const {
    std::set<int> met;
    for (const auto item : set.iter()) require(met.insert(number(item.key())).second);
    require(met == model_);
    for (const int n : model_) require(static_cast<bool>(set.get(key(n))));
  }

  void equations() {
    const int n = number_of_key();
    const auto stays = [&](const Key& k) { return number(k) % 3 != n % 3; };
    const Set before(set_);
    Set kept(before);
    kept.retain(stays);
    Set rest(before);
    const auto taken = rest.extract_if([&](const Key& k) { return !stays(k); });
    require(rest == kept && taken.size() + kept.len() == before.len());
    Set in_parallel(before);
    in_parallel.par_retain(stays, [](auto&& task) { task(); });
    require(in_parallel == kept);
    Set cleared(before);
    cleared.clear();
    Set drained(before);
    const std::vector<Key> all = drained.drain();
    require(drained == cleared && all.size() == before.len());
    require(Set(all.begin(), all.end(), set_.get_allocator()) == before);
    Set removed(before);
    Set erased(before);
    require(removed.remove(key(n)).has_value() == erased.erase(key(n)));
    require(removed == erased && !removed.contains(key(n)));
  }

  Set set_;
  std::set<int> model_;
};

}  // namespace dashmap_test::fuzz
