#include "child.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "threads.hpp"

namespace bench {

namespace {

void write_all(int to, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(to, bytes.data(), bytes.size());
    if (written <= 0) _exit(EXIT_FAILURE);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

std::string read_all(int from) {
  std::string all;
  char part[4096];
  for (ssize_t size = 0; (size = read(from, part, sizeof part)) > 0;) {
    all.append(part, static_cast<std::size_t>(size));
  }
  return all;
}

// The child's answer, or what went wrong and another status.
[[noreturn]] void work_and_answer(int to, const std::function<void()>& work,
                                  std::span<const std::byte> answer) {
  std::string error;
  try {
    const SecondThread second;
    work();
    write_all(to, answer);
  } catch (const std::exception& caught) {
    error = caught.what();
    if (error.empty()) error = "failed";
  }
  if (!error.empty()) write_all(to, std::as_bytes(std::span(error)));
  _exit(error.empty() ? EXIT_SUCCESS : EXIT_FAILURE);
}

}  // namespace

void run_in_child(const std::function<void()>& work, std::span<std::byte> answer) {
  int ends[2] = {};
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    work_and_answer(ends[1], work, answer);
  }
  close(ends[1]);
  const std::string text = child > 0 ? read_all(ends[0]) : "";
  close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) throw std::runtime_error("no process");
  if (WIFSIGNALED(status)) {
    throw std::runtime_error("ended by signal " + std::to_string(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != EXIT_SUCCESS || text.size() != answer.size()) {
    throw std::runtime_error(text.empty() ? "ended without an answer" : text);
  }
  std::memcpy(answer.data(), text.data(), answer.size());
}

}  // namespace bench
