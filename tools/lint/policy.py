"""What the checks allow: every list and limit in one place."""

# A layer is a folder of detail/, or a group of the headers beside it; a header may include its own
# layer and those named. `simd`, `sync` and `reclaim` do not know each other, `table` no locks.
LAYERS = {
    "foundation": [],
    "base": ["foundation"],
    "simd": ["foundation", "base"],
    "sync": ["foundation", "base"],
    "reclaim": ["foundation", "base"],
    "table": ["foundation", "base", "simd", "reclaim"],
    "core": ["foundation", "base", "simd", "sync", "reclaim", "table"],
    "vocabulary": ["foundation", "base", "simd", "sync", "reclaim", "table", "core"],
    "fronts": ["foundation", "base", "sync", "core", "vocabulary"],
    "umbrella": ["foundation", "base", "vocabulary", "fronts"],
}

# The layer of each header directly in include/dashmap.
PUBLIC_HEADERS = {
    "version.hpp": "foundation",
    "fwd.hpp": "foundation",
    "hash.hpp": "vocabulary",
    "try_result.hpp": "vocabulary",
    "guard.hpp": "vocabulary",
    "entry.hpp": "vocabulary",
    "iterator.hpp": "vocabulary",
    "shards.hpp": "vocabulary",
    "container.hpp": "vocabulary",
    "map_base.hpp": "vocabulary",
    "map.hpp": "fronts",
    "set.hpp": "fronts",
    "read_only_view.hpp": "fronts",
    "dashmap.hpp": "umbrella",
}

# Headers of the platform, and the layers that may use them; everything else in <> must be of the
# standard library.
PLATFORM_HEADERS = {
    "emmintrin.h": ["simd"],
    "tmmintrin.h": ["simd"],
    "arm_neon.h": ["simd"],
    "intrin.h": ["base", "simd"],
    "linux/futex.h": ["base", "sync"],
    "linux/membarrier.h": ["base", "reclaim"],
    "sanitizer/asan_interface.h": ["base"],
    "sys/mman.h": ["base", "table"],
    "pthread.h": ["base"],
    "sys/syscall.h": ["base", "sync", "reclaim"],
    "unistd.h": ["base", "sync", "reclaim"],
}

# The only header that asks which compiler and platform this is.
CONFIG_HEADER = "include/dashmap/detail/base/config.hpp"

MAX_HEADER_LINES = 400
# Longer headers, each with the reason: {"include/dashmap/…": "reason"}.
LONG_HEADERS = {}

DETAIL_SECTIONS = ["Role", "Invariants", "Readers and writers", "Not here"]

STANDARD_HEADERS = set("""
    algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv
    chrono cinttypes climits clocale cmath compare complex concepts condition_variable coroutine
    csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype
    deque exception execution filesystem format forward_list fstream functional future
    initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map
    memory memory_resource mutex new numbers numeric optional ostream queue random ranges ratio
    regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept
    stop_token streambuf string string_view syncstream system_error thread tuple type_traits
    typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
""".split())
