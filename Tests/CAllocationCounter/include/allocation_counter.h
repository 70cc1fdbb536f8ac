// Counts the allocations of the calling thread. It works by standing before the C library: the test program's own malloc and
// its kin come first when the dynamic linker binds a name, also for Swift's runtime, and hand on to glibc's.
#ifndef STACKFS_ALLOCATION_COUNTER_H
#define STACKFS_ALLOCATION_COUNTER_H

#include <stdint.h>

// Calls of malloc, calloc, realloc, memalign, aligned_alloc and posix_memalign by this thread since it began.
uint64_t allocation_count(void);

// Sets aside what the Swift runtime calls at each throw, and puts it back: swift-testing takes a backtrace there, which
// allocates. Other tests lose no more than the line of a thrown error meanwhile.
void suspend_throw_hooks(void);
void resume_throw_hooks(void);

#endif
