// Starting other programs, and what Swift's Glibc module does not show.
#ifndef STACKFS_BENCH_SPAWN_H
#define STACKFS_BENCH_SPAWN_H

#include <stdint.h>

// Starts a program in a process group of its own, which is killed with the thread that starts it. Returns the process id or
// -errno; a program that cannot be run exits with 127.
// - directory: the working directory, or NULL.
// - output: the descriptor for standard output, or -1 for /dev/null.
// - error: the same for standard error.
// - input: the same for standard input.
// - user: the user and group to become, or -1.
int bench_spawn(const char *const *arguments, const char *directory, int input, int output, int error, int64_t user);

// Puts this process into a mount namespace of its own, from which nothing spreads; 0 or -errno.
int bench_private_mounts(void);

// umount2(2), lazily where asked; 0 or -errno.
int bench_unmount(const char *path, int lazy);

#endif
