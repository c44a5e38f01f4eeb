#include "shape.hpp"

#include <string_view>

namespace bench {

std::string text_key(u64 number) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "user/key0000000000000000";
  for (std::size_t place = text.size(); number != 0; number >>= 4) {
    text[--place] = digits[number & 15];
  }
  return text;
}

}  // namespace bench
