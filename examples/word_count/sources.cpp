#include "sources.hpp"

#include "console.hpp"

#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <functional>

namespace word_count {

namespace fs = std::filesystem;

namespace {

// Small enough to share what was piped in evenly, large enough to make no difference.
constexpr std::size_t part_size = std::size_t{1024} * 1024;

class Collector {
 public:
  explicit Collector(Console& console) : console_(console) {}

  void add(const std::string& path);
  Sources finish();

 private:
  void add_directory(const fs::path& top, Progress& progress);
  void add_entry(const fs::directory_entry& entry, std::vector<fs::path>& directories);
  void add_file(const fs::path& path, std::uint64_t bytes);
  void read_pipe(const std::string& name, int descriptor);
  void add_parts(std::string_view text);
  void skip(const std::string& path, const std::error_code& error);
  void skip(const std::string& path, std::string reason);

  Console& console_;
  Sources sources_;
  bool standard_input_done_ = false;
};

void Collector::add(const std::string& path) {
  if (path == "-") {
    if (!standard_input_done_) read_pipe("standard input", STDIN_FILENO);
    standard_input_done_ = true;
    return;
  }
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::fifo) {
    const File pipe(path.c_str(), O_NONBLOCK);
    if (pipe.is_open()) {
      read_pipe(path, pipe.descriptor());
    } else {
      skip(path, std::error_code(errno, std::generic_category()));
    }
    return;
  }
  // Below a canonical path that is followed by no link all paths are canonical, so that a file is
  // recognized however it is reached.
  const fs::path canonical = error ? fs::path() : fs::canonical(path, error);
  if (error) {
    skip(path, error);
  } else if (status.type() == fs::file_type::directory) {
    Progress progress(console_, "Looking for files", Progress::Unit::files);
    add_directory(canonical, progress);
  } else if (status.type() == fs::file_type::regular) {
    const std::uint64_t bytes = fs::file_size(canonical, error);
    add_file(canonical, error ? 0 : bytes);
  } else {
    skip(path, "neither a file nor a directory");
  }
}

void Collector::add_directory(const fs::path& top, Progress& progress) {
  std::vector<fs::path> directories{top};
  while (!directories.empty()) {
    const fs::path directory = std::move(directories.back());
    directories.pop_back();
    std::error_code error;
    const std::size_t before = sources_.list.size();
    fs::directory_iterator entry(directory, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (interrupted()) return;
      add_entry(*entry, directories);
    }
    if (error) skip(directory.string(), error);
    progress.advance(sources_.list.size() - before);
  }
}

void Collector::add_entry(const fs::directory_entry& entry, std::vector<fs::path>& directories) {
  std::error_code error;
  const fs::file_type type = entry.symlink_status(error).type();
  if (type == fs::file_type::directory) {
    directories.push_back(entry.path());
  } else if (type == fs::file_type::regular) {
    const std::uint64_t bytes = entry.file_size(error);
    if (error) return skip(entry.path().string(), error);
    add_file(entry.path(), bytes);
  } else if (error) {
    skip(entry.path().string(), error);
  }
}

void Collector::add_file(const fs::path& path, std::uint64_t bytes) {
  sources_.list.push_back({.path = path.string(), .text = {}, .bytes = bytes, .ends_pipe = false});
}

void Collector::read_pipe(const std::string& name, int descriptor) {
  Progress progress(console_, "Reading " + name, Progress::Unit::bytes);
  std::vector<char> buffer(part_size);
  std::string& text = sources_.texts.emplace_back();
  while (!interrupted()) {
    // Wait with a time limit: an interrupt between the question above and the wait is not missed.
    pollfd ready{.fd = descriptor, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, 100) == 0) continue;
    const ssize_t got = read(descriptor, buffer.data(), buffer.size());
    if (got == 0) break;
    if (got > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
      progress.advance(static_cast<std::uint64_t>(got));
    } else if (errno != EINTR && errno != EAGAIN) {
      skip(name, std::error_code(errno, std::generic_category()));
      if (text.empty()) return;
      break;
    }
  }
  add_parts(text);
}

// Cuts the text into parts, none of them through a word.
void Collector::add_parts(std::string_view text) {
  for (bool at_end = false; !at_end;) {
    std::size_t size = std::min(part_size, text.size());
    while (size < text.size() && is_word_char(text[size])) ++size;
    at_end = size == text.size();
    sources_.list.push_back(
        {.path = {}, .text = text.substr(0, size), .bytes = size, .ends_pipe = at_end});
    text.remove_prefix(size);
  }
}

void Collector::skip(const std::string& path, const std::error_code& error) {
  skip(path, error.message());
}

void Collector::skip(const std::string& path, std::string reason) {
  console_.message("skipped " + path + ": " + reason);
  sources_.skipped.push_back({.path = path, .reason = std::move(reason)});
}

Sources Collector::finish() {
  auto& list = sources_.list;
  const auto is_file = [](const Source& source) { return !source.path.empty(); };
  if (interrupted()) std::erase_if(list, is_file);

  // The same file twice in the list was reached over two of the paths.
  std::ranges::sort(list, {}, &Source::path);
  const auto is_repeated = [&](const Source& a, const Source& b) {
    return is_file(a) && a.path == b.path;
  };
  list.erase(std::unique(list.begin(), list.end(), is_repeated), list.end());

  // The largest first: what is left for the end is small, and all threads end together.
  std::ranges::sort(list, std::greater<>{}, &Source::bytes);
  return std::move(sources_);
}

}  // namespace

std::uint64_t Sources::bytes() const {
  std::uint64_t sum = 0;
  for (const Source& source : list) sum += source.bytes;
  return sum;
}

const std::string* find_missing(const std::vector<std::string>& paths) {
  const auto is_missing = [](const std::string& path) {
    std::error_code error;
    return path != "-" && fs::status(path, error).type() == fs::file_type::not_found;
  };
  const auto found = std::ranges::find_if(paths, is_missing);
  return found == paths.end() ? nullptr : &*found;
}

Sources collect_sources(const std::vector<std::string>& paths, Console& console) {
  Collector collector(console);
  for (const std::string& path : paths) {
    if (!interrupted()) collector.add(path);
  }
  return collector.finish();
}

void FileReader::make_room(std::size_t kept) {
  if (kept <= size_ / 2) return;
  auto larger = std::make_unique_for_overwrite<char[]>(2 * size_);
  std::memcpy(larger.get(), buffer_.get(), kept);
  buffer_ = std::move(larger);
  size_ *= 2;
}

}  // namespace word_count
