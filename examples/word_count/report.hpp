// The result, for a reader or as JSON.
#pragma once

#include "count.hpp"

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace word_count {

struct Timing {
  std::string_view name;
  double seconds = 0;
};

struct Comparison {
  std::vector<Timing> timings;  // the first is what the others are measured by
  std::string disagreement;     // empty: all counted the same
};

struct Report {
  const Run& run;
  unsigned threads = 1;
  std::vector<Skipped> skipped;
  std::vector<WordCount> top;  // the most frequent first
  std::optional<Comparison> comparison;
};

// The `n` most frequent words; of equally frequent ones the first in the alphabet.
std::vector<WordCount> most_frequent(const std::vector<WordCount>& counts, std::size_t n);

void print_counts(std::ostream& out, const Report& report);
void print_comparison(std::ostream& out, const Comparison& comparison);
void print_json(std::ostream& out, const Report& report);

}  // namespace word_count
