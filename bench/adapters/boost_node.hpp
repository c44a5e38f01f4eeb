#pragma once

#include "boost_map.hpp"
// After the macro that it sees.
#include <boost/unordered/concurrent_node_map.hpp>

namespace bench {

struct BoostNodeAdapter : BoostDefaults {
  static constexpr const char* name = "boost-node";
  template <class K, class V>
  using Map = BoostMap<boost::concurrent_node_map<K, V>>;
};

}  // namespace bench
