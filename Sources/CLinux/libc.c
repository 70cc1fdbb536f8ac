#define _DEFAULT_SOURCE
#include "syscalls.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

int linux_fork(void) { return fork(); }

// The linker's own symbols (ld(1)): the program from its first byte to the end of its code, none of which is ever written.
extern const char __executable_start, etext;

void linux_release_start(void) {
    malloc_trim(0);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
    uintptr_t start = ((uintptr_t)&__executable_start + page) & ~page, end = (uintptr_t)&etext & ~page;
    if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
}
