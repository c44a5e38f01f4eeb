// Where the words come from: files on disk, and what was piped in.
#pragma once

#include "interrupt.hpp"
#include "words.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace word_count {

class Console;

// What one thread counts without a break: a file, or a part of what was piped in.
struct Source {
  std::string path;       // of a file; empty for text in memory
  std::string_view text;  // in memory
  std::uint64_t bytes = 0;
  bool ends_pipe = false;  // the last part of what came from a pipe
};

struct Skipped {
  std::string path;
  std::string reason;
};

struct Sources {
  std::vector<Source> list;  // the largest first
  std::vector<Skipped> skipped;
  std::deque<std::string> texts;  // what was piped in; the sources in memory look into it

  std::uint64_t bytes() const;
};

// The first of `paths` that does not exist, or null. "-" always does.
const std::string* find_missing(const std::vector<std::string>& paths);

// All regular files that `paths` name or that lie below them, each once; symbolic links are
// followed where a path names one and nowhere below. "-" (standard input) and pipes are read into
// memory. What cannot be read is named on the console and skipped. On an interrupt only what was
// read into memory is left, since it can't be read again.
Sources collect_sources(const std::vector<std::string>& paths, Console& console);

// An open file, closed at the end.
class File {
 public:
  explicit File(const char* path, int more_flags = 0)
      : descriptor_(open(path, O_RDONLY | O_CLOEXEC | more_flags)) {}
  ~File() {
    if (is_open()) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// Splits files into words through one buffer, which is kept from file to file.
class FileReader {
 public:
  // Calls on_word(std::string_view) and on_bytes(std::size_t) while it reads; stops early on an
  // interrupt. Returns what went wrong, if anything did.
  template <class OnWord, class OnBytes>
  std::error_code read_words(const std::string& path, OnWord&& on_word, OnBytes&& on_bytes);

 private:
  static constexpr std::size_t first_size = std::size_t{256} * 1024;

  void make_room(std::size_t kept);

  std::size_t size_ = first_size;
  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(first_size);
};

template <class OnWord, class OnBytes>
std::error_code FileReader::read_words(const std::string& path, OnWord&& on_word,
                                       OnBytes&& on_bytes) {
  const File file(path.c_str());
  if (!file.is_open()) return {errno, std::generic_category()};
  std::size_t kept = 0;  // the beginning of a word whose end is not read yet
  while (!interrupted()) {
    make_room(kept);
    const ssize_t got = read(file.descriptor(), buffer_.get() + kept, size_ - kept);
    if (got < 0) {
      if (errno == EINTR) continue;
      return {errno, std::generic_category()};
    }
    const auto bytes = static_cast<std::size_t>(got);
    const std::string_view text(buffer_.get(), kept + bytes);
    const std::size_t used = for_each_word(text, bytes == 0, on_word);
    on_bytes(bytes);
    if (bytes == 0) break;
    kept = text.size() - used;
    std::memmove(buffer_.get(), buffer_.get() + used, kept);
  }
  return {};
}

}  // namespace word_count
