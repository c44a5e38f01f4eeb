#include <algorithm>
#include <ranges>
#include <string_view>
#include <utility>

#include "peer.hpp"

namespace bench {

std::vector<std::unique_ptr<Peer>>& peers() {
  static std::vector<std::unique_ptr<Peer>> all;
  return all;
}

bool add_peer(std::unique_ptr<Peer> peer) {
  auto& all = peers();
  all.push_back(std::move(peer));
  std::ranges::sort(all, {}, [](const std::unique_ptr<Peer>& it) {
    const std::string name = it->name();
    return std::pair(name != reference_name, name);
  });
  return true;
}

std::vector<std::string> absent_peers() {
  std::vector<std::string> names;
  for (const auto part : std::views::split(std::string_view(BENCH_ABSENT), ',')) {
    names.emplace_back(part.begin(), part.end());
  }
  return names;
}

}  // namespace bench
