#pragma once

#include <cstddef>
#include <string>

#include "sequence.hpp"

namespace bench {

/// The first words of the texts that this system has: licences, then headers, by name. In order, at
/// most so many, the same in each run.
Sequence<std::string> words_of_system(std::size_t most);

}  // namespace bench
