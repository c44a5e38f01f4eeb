#include "report.hpp"

#include "format.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace word_count {

namespace {

constexpr std::size_t bar_width = 30;
constexpr std::size_t max_word_width = 32;

std::string shortened(const std::string& word) {
  if (word.size() <= max_word_width) return word;
  return word.substr(0, max_word_width - 3) + "...";
}

double per_second(std::uint64_t amount, double seconds) {
  return seconds > 0 ? static_cast<double>(amount) / seconds : 0;
}

double ratio(const Comparison& comparison, const Timing& timing) {
  return timing.seconds / comparison.timings.front().seconds;
}

std::string padded_left(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string padded_right(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, text.size()), ' ');
}

void print_top(std::ostream& out, const std::vector<WordCount>& top) {
  std::size_t word_width = 0;
  for (const auto& [word, count] : top) {
    word_width = std::max(word_width, shortened(word).size());
  }
  const std::size_t rank_width = std::to_string(top.size()).size();
  const std::size_t count_width = with_commas(top.front().second).size();
  const auto largest = static_cast<double>(top.front().second);
  std::size_t rank = 0;
  for (const auto& [word, count] : top) {
    const double length = std::ceil(static_cast<double>(count) / largest * bar_width);
    out << padded_left(std::to_string(++rank), rank_width) << "  "
        << padded_right(shortened(word), word_width) << "  "
        << padded_left(with_commas(count), count_width) << "  "
        << std::string(static_cast<std::size_t>(length), '#') << '\n';
  }
}

}  // namespace

std::vector<WordCount> most_frequent(const std::vector<WordCount>& counts, std::size_t n) {
  std::vector<WordCount> top(std::min(n, counts.size()));
  std::ranges::partial_sort_copy(counts, top, [](const WordCount& a, const WordCount& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return top;
}

void print_counts(std::ostream& out, const Report& report) {
  const Run& run = report.run;
  if (run.is_partial) out << "PARTIAL: interrupted, this was counted until then\n\n";
  out << counted(run.words, "word") << ", " << with_commas(run.counts.size()) << " distinct, in "
      << counted(run.files, "file") << " (" << as_bytes(static_cast<double>(run.bytes)) << ")\n"
      << as_seconds(run.seconds) << " with " << counted(report.threads, "thread") << ", "
      << with_commas(static_cast<std::uint64_t>(per_second(run.words, run.seconds)))
      << " words per second\n";
  if (!report.skipped.empty()) out << with_commas(report.skipped.size()) << " skipped\n";
  if (!report.top.empty()) {
    out << '\n';
    print_top(out, report.top);
  }
}

void print_comparison(std::ostream& out, const Comparison& comparison) {
  std::size_t width = 0;
  for (const Timing& timing : comparison.timings) width = std::max(width, timing.name.size());
  out << "\nThe same once more with each map, all files read before:\n";
  for (const Timing& timing : comparison.timings) {
    out << "  " << padded_right(std::string(timing.name), width) << "  "
        << padded_left(as_seconds(timing.seconds), 10) << "  "
        << padded_left(with_decimals(ratio(comparison, timing), 2), 6) << " x\n";
  }
  if (comparison.disagreement.empty()) out << "All of them agree to the last count.\n";
}

void print_json(std::ostream& out, const Report& report) {
  using Json = nlohmann::ordered_json;
  const Run& run = report.run;
  Json top = Json::array();
  for (const auto& [word, count] : report.top) top.push_back({{"word", word}, {"count", count}});
  Json skipped = Json::array();
  for (const Skipped& it : report.skipped) {
    skipped.push_back({{"path", it.path}, {"reason", it.reason}});
  }
  Json comparison = nullptr;
  if (report.comparison) {
    Json maps = Json::array();
    for (const Timing& timing : report.comparison->timings) {
      maps.push_back({{"map", timing.name},
                      {"seconds", timing.seconds},
                      {"ratio", ratio(*report.comparison, timing)}});
    }
    comparison = {{"agree", report.comparison->disagreement.empty()}, {"maps", maps}};
  }
  const Json json{{"partial", run.is_partial},
                  {"threads", report.threads},
                  {"files", run.files},
                  {"bytes", run.bytes},
                  {"words", run.words},
                  {"distinct_words", run.counts.size()},
                  {"seconds", run.seconds},
                  {"words_per_second", per_second(run.words, run.seconds)},
                  {"top", top},
                  {"skipped", skipped},
                  {"comparison", comparison}};
  // A path need not be UTF-8.
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace word_count
