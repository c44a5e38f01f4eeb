// Numbers for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace word_count {

std::string with_decimals(double value, int decimals);
// "1,234,567"
std::string with_commas(std::uint64_t number);
// "1 file", "2,000 files"
std::string counted(std::uint64_t number, std::string_view singular);
// "12.3 MB"
std::string as_bytes(double bytes);
// "0.123 s"
std::string as_seconds(double seconds);
// "45 s", "3 min 20 s", "2 h 5 min"
std::string as_time_left(double seconds);

}  // namespace word_count
