#include "words.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace bench {

namespace {

namespace fs = std::filesystem;

Sequence<fs::path> files_below(const fs::path& folder) {
  Sequence<fs::path> files;
  constexpr auto skip = fs::directory_options::skip_permission_denied;
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(folder, skip, none)) {
    if (entry.is_regular_file() && !entry.is_symlink()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

bool is_part_of_word(char it) {
  return (it >= 'a' && it <= 'z') || (it >= 'A' && it <= 'Z') || it == '_' ||
         (it >= '0' && it <= '9');
}

void add_words(Sequence<std::string>& words, const fs::path& path, std::size_t most) {
  std::ifstream file(path, std::ios::binary);
  const Sequence<char> text(std::istreambuf_iterator<char>(file), {});
  auto at = text.begin();
  while (words.size() < most) {
    at = std::find_if(at, text.end(), is_part_of_word);
    if (at == text.end()) return;
    const auto end = std::find_if_not(at, text.end(), is_part_of_word);
    words.emplace_back(at, end);
    at = end;
  }
}

}  // namespace

Sequence<std::string> words_of_system(std::size_t most) {
  Sequence<std::string> words;
  for (const char* folder : {"/usr/share/common-licenses", "/usr/include"}) {
    for (const fs::path& path : files_below(folder)) {
      if (words.size() == most) return words;
      add_words(words, path, most);
    }
  }
  if (words.empty()) throw std::runtime_error("no texts to count the words of");
  return words;
}

}  // namespace bench
