// Counts the allocations of the calling thread. It works by standing before the C library: the test program's own malloc and
// its kin come first when the dynamic linker binds a name, also for Swift's runtime, and hand on to glibc's.
#ifndef STACKFS_ALLOCATION_COUNTER_H
#define STACKFS_ALLOCATION_COUNTER_H

#include <stdint.h>

// Calls of malloc, calloc, realloc, memalign, aligned_alloc and posix_memalign by this thread since it began.
uint64_t allocation_count(void);

#endif
