// Forward declarations of the library's types, with their default arguments.
#pragma once

#include <functional>
#include <memory>
#include <utility>

namespace dashmap {

template <class T>
struct DefaultHash;

template <class K, class V, class Hash = DefaultHash<K>, class KeyEqual = std::equal_to<>,
          class Allocator = std::allocator<std::pair<const K, V>>>
class DashMap;

template <class K, class Hash = DefaultHash<K>, class KeyEqual = std::equal_to<>,
          class Allocator = std::allocator<K>>
class DashSet;

template <class K, class V, class Hash = DefaultHash<K>, class KeyEqual = std::equal_to<>,
          class Allocator = std::allocator<std::pair<const K, V>>>
class ReadOnlyView;

class DeadlockError;

}  // namespace dashmap
