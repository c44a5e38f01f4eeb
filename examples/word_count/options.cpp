#include "options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <thread>

namespace word_count {

namespace {

constexpr unsigned max_threads = 1024;
constexpr std::size_t max_top = 1'000'000'000;

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  Options options;
  options.paths = {"/usr/include"};
  options.threads = std::clamp(std::thread::hardware_concurrency(), 1U, max_threads);
  bool no_compare = false;

  CLI::App app(
      "Counts every word ([A-Za-z_][A-Za-z0-9_]*) of all files with all cores into one\n"
      "concurrent map, then does the same with a std::unordered_map behind a lock.\n",
      "word_count");
  app.add_option("PATH", options.paths,
                 "Files, directories with all files below, and - for\n"
                 "the standard input; /usr/include by default")
      ->option_text("...");
  app.add_option("--threads", options.threads, "Threads that count; as many as cores by default")
      ->option_text("N")
      ->check(CLI::Range(1U, max_threads));
  app.add_option("--top", options.top, "Number of most frequent words shown; 20 by default")
      ->option_text("N")
      ->check(CLI::Range(std::size_t{0}, max_top));
  app.add_flag("--json", options.json, "Write the result as JSON");
  app.add_flag("--no-compare", no_compare, "Only count, do not compare maps");
  app.footer(
      "\nCtrl-C ends the count and shows what was counted so far.\n\n"
      "Exit status: 0, 1 when the maps disagree or the result can't be written, 2 when the\n"
      "command line is wrong or a PATH does not exist, 130 after Ctrl-C.");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::cerr << "word_count: " << error.what() << "\nTry word_count --help.\n";
    return 2;
  }
  options.compare = !no_compare;
  return options;
}

}  // namespace word_count
