// The timed loops of the benchmark: system calls and nothing between them. Names are relative to the working directory.
// Every function returns 0 or -errno.
#ifndef STACKFS_BENCH_LOOPS_H
#define STACKFS_BENCH_LOOPS_H

#include <stdint.h>

// What a loop did: calls or passes, and the time of the monotonic clock that they took.
struct bench_sample {
    uint64_t operations;
    uint64_t nanoseconds;
};

uint64_t bench_now(void);

// For at least so many nanoseconds:
int bench_stat(const char *name, int missing, uint64_t nanoseconds, struct bench_sample *sample);
// Opens and closes the files prefix0 to prefix(count - 1) in turn; reads `size` bytes of each where that is not 0.
int bench_open(const char *prefix, uint32_t count, uint64_t size, uint64_t nanoseconds, struct bench_sample *sample);
// One operation is a pass over the whole directory.
int bench_readdir(const char *name, uint64_t nanoseconds, struct bench_sample *sample);
int bench_read_random(const char *name, uint64_t size, uint32_t block, uint64_t nanoseconds, struct bench_sample *sample);
int bench_map_read(const char *name, uint64_t size, uint64_t nanoseconds, struct bench_sample *sample);
// Overwrites the file, from the start again after `size` bytes, or at random multiples of the block.
int bench_write(const char *name, uint64_t size, uint32_t block, int random, uint64_t nanoseconds,
                struct bench_sample *sample);

// Once:
// Stats prefix0 to prefix(count - 1) in each of the directories dir0 to dir(directories - 1).
int bench_stat_tree(const char *prefix, uint32_t directories, uint32_t count, struct bench_sample *sample);
// Lists a directory and stats each entry as it comes; one operation is an entry.
int bench_readdir_stat(const char *name, struct bench_sample *sample);
int bench_read_sequential(const char *name, uint32_t block, struct bench_sample *sample);
// Creates prefix0 to prefix(count - 1), of `size` bytes each.
int bench_create(const char *prefix, uint32_t count, uint32_t size, struct bench_sample *sample);
// The same, each synced before it is closed.
int bench_create_synced(const char *prefix, uint32_t count, uint32_t size, struct bench_sample *sample);
// So many turns of a file (0), mail (1) or web (2) server over work/file0 to work/file(files - 1).
int bench_server(int kind, uint32_t files, uint32_t turns, struct bench_sample *sample);
int bench_unlink(const char *prefix, uint32_t count, struct bench_sample *sample);

#endif
