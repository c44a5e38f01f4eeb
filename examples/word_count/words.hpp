// What a word is: [A-Za-z_][A-Za-z0-9_]*, as long as it goes, wherever it begins.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace word_count {

namespace detail {

enum CharClass : unsigned char { other, digit, letter };

inline constexpr auto char_classes = [] {
  std::array<CharClass, 256> classes{};
  for (unsigned c = '0'; c <= '9'; ++c) classes[c] = digit;
  for (unsigned c = 'A'; c <= 'Z'; ++c) classes[c] = letter;
  for (unsigned c = 'a'; c <= 'z'; ++c) classes[c] = letter;
  classes['_'] = letter;
  return classes;
}();

constexpr CharClass class_of(char c) { return char_classes[static_cast<unsigned char>(c)]; }

}  // namespace detail

// True for a character that may stand inside a word.
constexpr bool is_word_char(char c) { return detail::class_of(c) != detail::other; }

// Calls on_word(std::string_view) for each word of `text` and returns how many characters are done
// with. A word that runs up to the end is left over, for more of it may follow, unless `is_last`.
template <class OnWord>
std::size_t for_each_word(std::string_view text, bool is_last, OnWord&& on_word) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  for (const char* at = begin;;) {
    while (at != end && detail::class_of(*at) != detail::letter) ++at;
    if (at == end) return text.size();
    const char* const word = at;
    do {
      ++at;
    } while (at != end && is_word_char(*at));
    const auto length = static_cast<std::size_t>(at - word);
    if (at == end && !is_last) return text.size() - length;
    on_word(std::string_view(word, length));
  }
}

}  // namespace word_count
