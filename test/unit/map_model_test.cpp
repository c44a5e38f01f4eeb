// Random sequences of all operations against std::unordered_map.
#include "support/configs.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;

template <class K, class V, class H, class Equal = std::equal_to<>>
class Model {
 public:
  explicit Model(std::uint32_t seed, int key_space) : random_(seed), key_space_(key_space) {}

  /// One random operation on both, and a comparison of what they answer.
  void step() {
    const int n = below(key_space_);
    const K k = make<K>(n);
    const auto found = oracle_.find(n);
    const bool there = found != oracle_.end();
    const int old = there ? found->second : 0;
    const int fresh = below(1'000'000);
    switch (below(36)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const auto before = map_.insert(k, make<V>(fresh));
        ASSERT_EQ(before.has_value(), there);
        if (there) {
          ASSERT_EQ(number(*before), old);
        }
        oracle_[n] = fresh;
        break;
      }
      case 4: {
        ASSERT_EQ(map_.insert_or_assign(k, make<V>(fresh)), !there);
        oracle_[n] = fresh;
        break;
      }
      case 5:
      case 6: {
        const auto [ref, inserted] = map_.try_emplace(k, make<V>(fresh));
        ASSERT_EQ(inserted, !there);
        ASSERT_EQ(number(*ref), there ? old : fresh);
        oracle_.try_emplace(n, fresh);
        break;
      }
      case 7: {
        *map_.entry(k).or_insert(make<V>(fresh)) = make<V>(fresh + 1);
        oracle_[n] = fresh + 1;
        break;
      }
      case 8: {
        const auto ref =
            map_.entry(k).and_modify([](V& v) { v = make<V>(number(v) + 1); }).or_insert_with([&] {
              return make<V>(fresh);
            });
        oracle_[n] = there ? old + 1 : fresh;
        ASSERT_EQ(number(*ref), oracle_[n]);
        break;
      }
      case 9: {
        auto entry = map_.entry(k);
        ASSERT_EQ(entry.is_occupied(), there);
        if (there) {
          ASSERT_EQ(number(std::move(*entry.occupied()).remove()), old);
          oracle_.erase(n);
        }
        break;
      }
      case 10:
      case 11:
      case 12: {
        const auto removed = map_.remove(k);
        ASSERT_EQ(removed.has_value(), there);
        if (there) {
          ASSERT_EQ(number(removed->first), n);
          ASSERT_EQ(number(removed->second), old);
        }
        oracle_.erase(n);
        break;
      }
      case 13:
      case 14: {
        ASSERT_EQ(map_.erase(k), there);
        oracle_.erase(n);
        break;
      }
      case 15: {
        const auto removed =
            map_.remove_if(k, [](const K&, const V& v) { return number(v) % 2 == 0; });
        ASSERT_EQ(removed.has_value(), there && old % 2 == 0);
        if (removed) oracle_.erase(n);
        break;
      }
      case 16:
      case 17: {
        const auto ref = map_.get(k);
        ASSERT_EQ(static_cast<bool>(ref), there);
        if (there) {
          ASSERT_EQ(number(*ref), old);
        }
        break;
      }
      case 18:
      case 19: {
        auto ref = map_.get_mut(k);
        ASSERT_EQ(static_cast<bool>(ref), there);
        if (there) {
          *ref = make<V>(fresh);
          oracle_[n] = fresh;
        }
        break;
      }
      case 20: {
        ASSERT_EQ(map_.contains(k), there);
        break;
      }
      case 21: {
        const auto copy = map_.get_copy(k);
        ASSERT_EQ(copy.has_value(), there);
        if (there) {
          ASSERT_EQ(number(*copy), old);
        }
        break;
      }
      case 22: {
        ASSERT_EQ(map_.view(k, [](const K&, const V& v) { return number(v); }),
                  there ? std::optional<int>(old) : std::nullopt);
        break;
      }
      case 23: {
        ASSERT_EQ(map_.alter(k, [](const K&, V v) { return make<V>(number(v) + 7); }), there);
        if (there) oracle_[n] = old + 7;
        break;
      }
      case 24:
      case 25:
      case 26: {
        const bool keep = below(2) == 0;
        const bool had = map_.compute(k, [&](std::optional<V>& v) {
          const bool before = v.has_value();
          if (keep) {
            v = make<V>(fresh);
          } else {
            v.reset();
          }
          return before;
        });
        ASSERT_EQ(had, there);
        if (keep) {
          oracle_[n] = fresh;
        } else {
          oracle_.erase(n);
        }
        break;
      }
      case 27: {
        ASSERT_EQ(number(*map_.get_or_insert_with(k, [&] { return make<V>(fresh); })),
                  there ? old : fresh);
        oracle_.try_emplace(n, fresh);
        break;
      }
      case 28: {
        many(n, fresh);
        break;
      }
      default: whole(n);
    }
    ASSERT_EQ(map_.len(), oracle_.size());
  }

  void compare() {
    Contents all(oracle_.begin(), oracle_.end());
    expect_holds(map_, all);
    for (int i = 0; i < 20; ++i) {
      const int n = below(2 * key_space_);
      ASSERT_EQ(map_.contains(make<K>(n)), oracle_.contains(n)) << n;
    }
  }

 private:
  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

  void many(int n, int fresh) {
    std::vector<std::pair<K, V>> pairs;
    std::vector<K> keys;
    for (int i = 0; i < 20; ++i) {
      const int m = (n + i * i) % key_space_;
      pairs.emplace_back(make<K>(m), make<V>(fresh + i));
      keys.push_back(make<K>(m));
    }
    if (below(2) == 0) {
      std::size_t inserted = 0;
      for (int i = 0; i < 20; ++i) {
        inserted += oracle_.insert_or_assign((n + i * i) % key_space_, fresh + i).second ? 1U : 0U;
      }
      ASSERT_EQ(map_.insert_many(pairs), inserted);
    } else {
      map_.with_keys(keys, [&](std::span<V*> values) {
        for (std::size_t i = 0; i < values.size(); ++i) {
          const auto found = oracle_.find((n + static_cast<int>(i * i)) % key_space_);
          ASSERT_EQ(values[i] != nullptr, found != oracle_.end());
          if (values[i] != nullptr) {
            ASSERT_EQ(number(*values[i]), found->second);
            *values[i] = make<V>(found->second + 1);
            ++found->second;
          }
        }
      });
    }
    map_.get_many(keys, [&](const K& query, const V* v) {
      const auto found = oracle_.find(number(query));
      ASSERT_EQ(v != nullptr, found != oracle_.end());
      if (v != nullptr) {
        ASSERT_EQ(number(*v), found->second);
      }
    });
  }

  /// Rare, expensive operations on everything.
  void whole(int n) {
    switch (below(120)) {
      case 0:
        map_.clear();
        oracle_.clear();
        break;
      case 1:
      case 2:
      case 3: map_.shrink_to_fit(); break;
      case 4:
      case 5: map_.reserve(static_cast<std::size_t>(below(2 * key_space_))); break;
      case 6: {
        const int divisor = 2 + below(4);
        map_.retain([&](const K& k, V& v) { return (number(k) + number(v)) % divisor != 0; });
        std::erase_if(oracle_,
                      [&](const auto& item) { return (item.first + item.second) % divisor == 0; });
        break;
      }
      case 7:
        map_.alter_all([](const K& k, V v) { return make<V>(number(v) / 2 + number(k)); });
        for (auto& [k, v] : oracle_) v = v / 2 + k;
        break;
      case 8:
        for (auto&& item : map_.iter_mut()) *item = make<V>(number(*item) + 1);
        for (auto& [k, v] : oracle_) ++v;
        break;
      case 9: {
        for (auto&& [k, v] : map_.extract_if([&](const K& key, V&) { return number(key) < n; })) {
          const auto found = oracle_.find(number(k));
          ASSERT_NE(found, oracle_.end());
          ASSERT_EQ(found->second, number(v));
          ASSERT_LT(number(k), n);
          oracle_.erase(found);
        }
        for (const auto& [k, v] : oracle_) ASSERT_GE(k, n) << "not extracted";
        break;
      }
      case 10: {
        DashMap<K, V, H, Equal> copy(map_);
        ASSERT_TRUE(copy == map_);
        map_ = std::move(copy);
        break;
      }
      case 11: map_ = std::move(map_).into_read_only().into_inner(); break;
      case 12: {
        const auto all = map_.snapshot();
        ASSERT_EQ(all.size(), oracle_.size());
        for (const auto& [k, v] : all) ASSERT_EQ(oracle_.at(number(k)), number(v));
        break;
      }
      case 13: {
        std::size_t total = 0;
        for (auto&& shard : map_.shards()) total += shard.read().len();
        ASSERT_EQ(total, oracle_.size());
        break;
      }
      default: {  // iterate a little, changing the map meanwhile
        int steps = 0;
        for (auto&& item : map_.iter()) {
          ASSERT_EQ(oracle_.at(number(item.key())), number(item.value()));
          if (++steps == 10) break;
          const int other = below(key_space_);
          if (other != number(item.key())) {
            map_.insert(make<K>(other), make<V>(steps));
            oracle_[other] = steps;
          }
        }
      }
    }
  }

  std::mt19937 random_;
  int key_space_;
  DashMap<K, V, H, Equal> map_;
  std::unordered_map<int, int> oracle_;
};

struct Run {
  std::uint32_t seed;
  int key_space;
  int steps;
};

template <class M>
void run(std::initializer_list<Run> runs) {
  const Census census;
  for (const Run& r : runs) {
    SCOPED_TRACE("seed " + std::to_string(r.seed) + ", " + std::to_string(r.key_space) + " keys");
    M model(r.seed, r.key_space);
    for (int i = 0; i < r.steps; ++i) {
      ASSERT_NO_FATAL_FAILURE(model.step()) << "step " << i;
      if (i % (r.steps / 8) == 0) {
        ASSERT_NO_FATAL_FAILURE(model.compare()) << "step " << i;
      }
    }
    ASSERT_NO_FATAL_FAILURE(model.compare());
  }
}

TEST(MapModel, NumbersWithTheDefaultHash) {
  run<Model<int, int, dashmap::DefaultHash<int>>>(
      {{1, 1, 500}, {2, 8, 2000}, {3, 40, 5000}, {4, 700, 20'000}, {5, 5000, 40'000}});
}

TEST(MapModel, NumbersWithTheIdentityHash) {
  run<Model<int, int, IdentityHash>>({{11, 20, 2000}, {12, 300, 10'000}, {13, 5000, 40'000}});
}

TEST(MapModel, NumbersWithAConstantHash) {
  run<Model<int, int, ConstantHash>>({{21, 10, 1000}, {22, 40, 4000}, {23, 200, 8000}});
}

TEST(MapModel, StringsWithTheDefaultHash) {
  run<Model<std::string, std::string, dashmap::DefaultHash<std::string>>>(
      {{31, 8, 1000}, {32, 200, 8000}, {33, 3000, 20'000}});
}

TEST(MapModel, StringsToNumbers) {
  run<Model<std::string, int, dashmap::DefaultHash<std::string>>>(
      {{34, 8, 1000}, {35, 40, 5000}, {36, 200, 8000}, {37, 3000, 20'000}});
}

TEST(MapModel, AllInOneChain) {
  run<Model<int, int, FirstGroupHash>>({{61, 30, 4000}, {62, 200, 8000}});
  run<Model<std::string, int, FirstGroupHash>>({{63, 30, 4000}, {64, 200, 8000}});
  run<Model<std::string, std::string, FirstGroupHash>>({{65, 30, 4000}, {66, 200, 8000}});
}

TEST(MapModel, TrackedWithASeededHash) {
  run<Model<Tracked, BigTracked, SeededHash>>({{41, 30, 3000}, {42, 1000, 10'000}});
}

TEST(MapModel, StructsWithAConstantHash) {
  run<Model<UserId, BigTrivial, ConstantHash, UserIdEqual>>({{51, 20, 2000}, {52, 100, 4000}});
}

}  // namespace
