// No concurrent map: what a map can do that need not care for other threads.
#pragma once

#include "boost_map.hpp"
// After the macro that it sees.
#include <boost/unordered/unordered_flat_map.hpp>

#include "serial_map.hpp"

namespace bench {

struct BoostSerialAdapter : BoostDefaults {
  static constexpr const char* name = "boost-serial";
  static constexpr bool iterates_while_written = false;
  static constexpr bool concurrent = false;
  template <class K, class V>
  using Map = SerialMap<boost::unordered_flat_map<K, V>>;
};

}  // namespace bench
