# 32-bit x86 from an x86-64 Debian. The tests run under qemu-user, since not every 64-bit kernel
# runs 32-bit programs.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(CMAKE_CXX_COMPILER g++-12)
# The kernel's headers serve both widths; only the gcc-multilib package, which cannot be installed
# beside a cross compiler, would put them where -m32 looks.
set(CMAKE_CXX_FLAGS_INIT "-m32 -idirafter /usr/include/x86_64-linux-gnu")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-i386)
