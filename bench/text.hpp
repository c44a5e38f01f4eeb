#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

std::string with_commas(std::uint64_t number);
std::string with_decimals(double value, int decimals);
/// With about four significant digits: 0.1234, 12.34, 12,345.
std::string readable(double value);
/// "1 thread", "2 threads".
std::string counted(std::uint64_t number, std::string_view one, std::string_view many = {});
std::string padded_left(std::string text, std::size_t width);
std::string padded_right(std::string text, std::size_t width);

}  // namespace bench
