#include "format.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>

namespace word_count {

std::string with_decimals(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string counted(std::uint64_t number, std::string_view singular) {
  return with_commas(number) + " " + std::string(singular) + (number == 1 ? "" : "s");
}

std::string as_bytes(double bytes) {
  constexpr std::array units{" B", " kB", " MB", " GB", " TB", " PB"};
  std::size_t unit = 0;
  while (bytes >= 999.95 && unit + 1 < units.size()) {
    bytes /= 1000;
    ++unit;
  }
  return with_decimals(bytes, unit == 0 ? 0 : 1) + units[unit];
}

std::string as_seconds(double seconds) { return with_decimals(seconds, 3) + " s"; }

std::string as_time_left(double seconds) {
  const auto rounded = static_cast<std::uint64_t>(std::ceil(std::min(seconds, 1e9)));
  if (rounded < 60) return std::to_string(rounded) + " s";
  if (rounded < 3600) {
    return std::to_string(rounded / 60) + " min " + std::to_string(rounded % 60) + " s";
  }
  return std::to_string(rounded / 3600) + " h " + std::to_string(rounded / 60 % 60) + " min";
}

}  // namespace word_count
