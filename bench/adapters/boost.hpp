#pragma once

#include "boost_map.hpp"
// After the macro that it sees.
#include <boost/unordered/concurrent_flat_map.hpp>

namespace bench {

struct BoostAdapter : BoostDefaults {
  static constexpr const char* name = "boost";
  template <class K, class V>
  using Map = BoostMap<boost::concurrent_flat_map<K, V>>;
};

}  // namespace bench
