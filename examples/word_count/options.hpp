// The command line.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace word_count {

struct Options {
  std::vector<std::string> paths;
  unsigned threads = 1;
  std::size_t top = 20;
  bool json = false;
  bool compare = true;
};

// What to do, or the status to exit with after help or an error message.
std::variant<Options, int> parse_options(int argc, char** argv);

}  // namespace word_count
