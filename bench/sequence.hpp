// What maps are given to work on, in pages of its own: the C library does not know of it, so a map
// finds the heap as a new process has it.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <vector>

namespace bench {

template <class T>
struct Pages {
  using value_type = T;

  Pages() = default;
  template <class U>
  explicit Pages(const Pages<U>&) noexcept {}

  static T* allocate(std::size_t n) {
    void* memory =
        mmap(nullptr, n * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }
  static void deallocate(T* memory, std::size_t n) noexcept { munmap(memory, n * sizeof(T)); }

  friend bool operator==(const Pages&, const Pages&) noexcept { return true; }
};

template <class T>
using Sequence = std::vector<T, Pages<T>>;

}  // namespace bench
