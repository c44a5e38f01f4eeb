#include "body.hpp"

#include "map_session.hpp"
#include "set_session.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace dashmap_test::fuzz {

void run(std::span<const std::uint8_t> bytes) {
  Input input(bytes);
  using dashmap::DefaultHash;
  using Number = std::uint64_t;
  switch (input.below(8)) {
    case 0: return run_kind<MapSession, MapKind<Number, Number, DefaultHash<Number>>>(input);
    case 1:
      return run_kind<MapSession, MapKind<std::string, std::string, DefaultHash<std::string>>>(
          input);
    case 2:
      return run_kind<MapSession, MapKind<Fragile<true>, Fragile<true>, FragileHash, true>>(input);
    case 3:
      return run_kind<MapSession, MapKind<Fragile<false>, Fragile<false>, FragileHash, true>>(
          input);
    case 4: return run_kind<MapSession, MapKind<int, BigTrivial, ConstantHash>>(input);
    case 5: return run_kind<MapSession, MapKind<Tracked, BigTracked, LowEntropyHash>>(input);
    case 6: return run_kind<SetSession, SetKind<Number, DefaultHash<Number>>>(input);
    default: return run_kind<SetSession, SetKind<Fragile<true>, FragileHash, true>>(input);
  }
}

}  // namespace dashmap_test::fuzz
