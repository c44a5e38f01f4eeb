// Ctrl-C asks the program to stop; whoever works looks here from time to time.
#pragma once

namespace word_count {

// From here on, the first SIGINT sets interrupted(), and a second one ends the program.
void catch_interrupts();

bool interrupted() noexcept;

}  // namespace word_count
