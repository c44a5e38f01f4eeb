// The version of the library, written here and nowhere else: the build system reads these lines.
#pragma once

#define DASHMAP_VERSION_MAJOR 0
#define DASHMAP_VERSION_MINOR 1
#define DASHMAP_VERSION_PATCH 0
