#pragma once

#include <ostream>

#include "session.hpp"

namespace bench {

/// All samples, with what is needed to know how they came about.
void write_json(std::ostream& out, const Session& session);

}  // namespace bench
