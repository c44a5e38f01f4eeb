// word_count: counts the words of a source tree with all cores into one dashmap::DashMap, then
// does the same with a std::unordered_map behind a lock and compares results and times.
//
//   word_count --top 10 /usr/include
//   git log -p | word_count - --json --no-compare
#include "console.hpp"
#include "count.hpp"
#include "format.hpp"
#include "interrupt.hpp"
#include "options.hpp"
#include "report.hpp"
#include "sources.hpp"
#include "tally.hpp"

#include <algorithm>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace word_count {

namespace {

enum ExitStatus { success = 0, failure = 1, usage = 2, interrupt = 130 };

// The first word that two runs count differently, in words; empty when there is none.
std::string find_disagreement(const Run& a, std::string_view a_name, const Run& b,
                              std::string_view b_name) {
  const auto [in_a, in_b] = std::ranges::mismatch(a.counts, b.counts);
  const bool at_a = in_a != a.counts.end();
  const bool at_b = in_b != b.counts.end();
  if (!at_a && !at_b) return {};
  const std::string& word =
      !at_b || (at_a && in_a->first < in_b->first) ? in_a->first : in_b->first;
  const Count a_count = at_a && in_a->first == word ? in_a->second : 0;
  const Count b_count = at_b && in_b->first == word ? in_b->second : 0;
  return "\"" + word + "\" was counted " + with_commas(a_count) + " times by " +
         std::string(a_name) + " and " + with_commas(b_count) + " times by " + std::string(b_name);
}

// Counts once more with the map in question. False when an interrupt came.
template <Tally T>
bool compare_with(const Run& first, const Sources& sources, unsigned threads, Console& console,
                  const std::string& title, Comparison& comparison) {
  if (interrupted()) return false;
  const Run run = count_words<T>(sources, threads, title, console);
  if (run.is_partial) return false;
  comparison.timings.push_back({.name = T::name, .seconds = run.seconds});
  if (comparison.disagreement.empty()) {
    comparison.disagreement = find_disagreement(first, "the first count", run, T::name);
  }
  return true;
}

template <Tally... T>
std::optional<Comparison> compare(const Run& first, const Sources& sources, unsigned threads,
                                  Console& console) {
  Comparison comparison;
  auto next_title = [number = 0]() mutable {
    return "Comparing maps " + std::to_string(++number) + "/" + std::to_string(sizeof...(T));
  };
  const bool complete =
      (compare_with<T>(first, sources, threads, console, next_title(), comparison) && ...);
  return complete ? std::optional(std::move(comparison)) : std::nullopt;
}

// A tally that loses an increment is found out here even when no other one runs.
bool adds_up(const Run& run) {
  Count sum = 0;
  for (const auto& [word, count] : run.counts) sum += count;
  return sum == run.words;
}

// The exit status, after a message for each one but success.
int verdict(const Report& report, Console& console) {
  if (!std::cout.flush()) {
    console.message("word_count: the result could not be written");
    return failure;
  }
  if (!adds_up(report.run)) {
    console.message("word_count: the counts do not add up to the number of words");
    return failure;
  }
  if (report.comparison && !report.comparison->disagreement.empty()) {
    console.message("word_count: the maps disagree: " + report.comparison->disagreement +
                    " (or a file has changed in between)");
    return failure;
  }
  if (interrupted()) {
    console.message(report.run.is_partial ? "word_count: interrupted"
                                          : "word_count: interrupted after the count");
    return interrupt;
  }
  return success;
}

int count_and_report(const Options& options) {
  Console console;
  if (const std::string* missing = find_missing(options.paths)) {
    console.message("word_count: '" + *missing + "' does not exist");
    return usage;
  }
  catch_interrupts();
  const Sources sources = collect_sources(options.paths, console);

  // The first count is the result. It may wait for the disk, the ones that are compared do not.
  const Run run = count_words<DashTally>(sources, options.threads, "Counting", console);
  for (const Skipped& it : run.skipped) console.message("skipped " + it.path + ": " + it.reason);

  Report report{.run = run,
                .threads = options.threads,
                .skipped = sources.skipped,
                .top = most_frequent(run.counts, options.top),
                .comparison = std::nullopt};
  report.skipped.insert(report.skipped.end(), run.skipped.begin(), run.skipped.end());
  if (!options.json) {
    print_counts(std::cout, report);
    std::cout.flush();
  }

  if (options.compare && !run.is_partial) {
    report.comparison =
        compare<DashTally, SharedMutexTally, MutexTally>(run, sources, options.threads, console);
  }
  if (options.json) {
    print_json(std::cout, report);
  } else if (report.comparison) {
    print_comparison(std::cout, *report.comparison);
  }
  return verdict(report, console);
}

}  // namespace

}  // namespace word_count

int main(int argc, char** argv) {
  try {
    const auto options = word_count::parse_options(argc, argv);
    if (const int* status = std::get_if<int>(&options)) return *status;
    return word_count::count_and_report(std::get<word_count::Options>(options));
  } catch (const std::exception& error) {
    std::cerr << "word_count: " << error.what() << '\n';
    return word_count::failure;
  }
}
