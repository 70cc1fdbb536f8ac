#define _GNU_SOURCE
#include "loops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Calls between two looks at the clock.
enum { BATCH = 16, NAME_SIZE = 256, LIST_SIZE = 32768, PAGE = 4096 };

struct listed {
    uint64_t ino;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

uint64_t bench_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int finish(struct bench_sample *sample, uint64_t start, uint64_t operations) {
    sample->nanoseconds = bench_now() - start;
    sample->operations = operations;
    return 0;
}

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

int bench_stat(const char *name, int missing, uint64_t nanoseconds, struct bench_sample *sample) {
    uint64_t start = bench_now(), operations = 0;
    do {
        for (int i = 0; i < BATCH; i++) {
            struct stat status;
            if (stat(name, &status) == 0) {
                if (missing) return -EEXIST;
            } else if (!missing || errno != ENOENT) {
                return -errno;
            }
        }
        operations += BATCH;
    } while (bench_now() - start < nanoseconds);
    return finish(sample, start, operations);
}

// Names are made before the clock runs.
static char *make_names(const char *prefix, uint32_t count) {
    char *names = malloc((size_t)count * NAME_SIZE);
    for (uint32_t i = 0; names && i < count; i++) snprintf(names + (size_t)i * NAME_SIZE, NAME_SIZE, "%s%u", prefix, i);
    return names;
}

int bench_open(const char *prefix, uint32_t count, uint64_t size, uint64_t nanoseconds, struct bench_sample *sample) {
    char *names = make_names(prefix, count), *buffer = malloc(size + 1);
    if (!names || !buffer) return -ENOMEM;
    uint64_t start = bench_now(), operations = 0;
    do {
        for (int i = 0; i < BATCH; i++) {
            int file = open(names + (operations + i) % count * NAME_SIZE, O_RDONLY | O_CLOEXEC);
            if (file < 0) return -errno;
            if (size && read(file, buffer, size) != (ssize_t)size) return errno ? -errno : -EIO;
            close(file);
        }
        operations += BATCH;
    } while (bench_now() - start < nanoseconds);
    finish(sample, start, operations);
    free(buffer);
    free(names);
    return 0;
}

static int list(const char *name, int with_stat, uint64_t *entries) {
    int directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return -errno;
    char buffer[LIST_SIZE] __attribute__((aligned(8)));
    for (;;) {
        long length = syscall(SYS_getdents64, directory, buffer, sizeof buffer);
        if (length < 0) return -errno;
        if (length == 0) break;
        for (long at = 0; at < length;) {
            struct listed *entry = (struct listed *)(buffer + at);
            at += entry->length;
            *entries += 1;
            struct stat status;
            if (with_stat && fstatat(directory, entry->name, &status, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
        }
    }
    close(directory);
    return 0;
}

int bench_readdir(const char *name, uint64_t nanoseconds, struct bench_sample *sample) {
    uint64_t start = bench_now(), operations = 0, entries = 0;
    do {
        int result = list(name, 0, &entries);
        if (result < 0) return result;
        operations++;
    } while (bench_now() - start < nanoseconds);
    return finish(sample, start, operations);
}

int bench_readdir_stat(const char *name, struct bench_sample *sample) {
    uint64_t start = bench_now(), entries = 0;
    int result = list(name, 1, &entries);
    return result < 0 ? result : finish(sample, start, entries);
}

int bench_stat_tree(const char *prefix, uint32_t directories, uint32_t count, struct bench_sample *sample) {
    char *names = malloc((size_t)directories * count * NAME_SIZE);
    if (!names) return -ENOMEM;
    for (uint32_t i = 0; i < directories * count; i++)
        snprintf(names + (size_t)i * NAME_SIZE, NAME_SIZE, "dir%u/%s%u", i / count, prefix, i % count);
    uint64_t start = bench_now();
    for (uint32_t i = 0; i < directories * count; i++) {
        struct stat status;
        if (stat(names + (size_t)i * NAME_SIZE, &status) < 0) return -errno;
    }
    finish(sample, start, (uint64_t)directories * count);
    free(names);
    return 0;
}

int bench_read_sequential(const char *name, uint32_t block, struct bench_sample *sample) {
    char *buffer = malloc(block);
    if (!buffer) return -ENOMEM;
    memset(buffer, 1, block);
    uint64_t start = bench_now(), operations = 0;
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    for (;;) {
        ssize_t length = read(file, buffer, block);
        if (length < 0) return -errno;
        if (length == 0) break;
        operations++;
    }
    close(file);
    finish(sample, start, operations);
    free(buffer);
    return 0;
}

int bench_read_random(const char *name, uint64_t size, uint32_t block, uint64_t nanoseconds,
                      struct bench_sample *sample) {
    char *buffer = malloc(block);
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (!buffer) return -ENOMEM;
    if (file < 0) return -errno;
    uint64_t random = 1, operations = 0, start = bench_now();
    do {
        for (int i = 0; i < BATCH; i++) {
            off_t offset = (off_t)(next_random(&random) % (size / block) * block);
            if (pread(file, buffer, block, offset) != (ssize_t)block) return errno ? -errno : -EIO;
        }
        operations += BATCH;
    } while (bench_now() - start < nanoseconds);
    finish(sample, start, operations);
    close(file);
    free(buffer);
    return 0;
}

int bench_map_read(const char *name, uint64_t size, uint64_t nanoseconds, struct bench_sample *sample) {
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    uint64_t start = bench_now(), operations = 0;
    do {
        const volatile char *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
        if (bytes == MAP_FAILED) return -errno;
        for (uint64_t offset = 0; offset < size; offset += PAGE) (void)bytes[offset];
        munmap((void *)bytes, size);
        operations += size / PAGE;
    } while (bench_now() - start < nanoseconds);
    finish(sample, start, operations);
    close(file);
    return 0;
}

int bench_write(const char *name, uint64_t size, uint32_t block, int random, uint64_t nanoseconds,
                struct bench_sample *sample) {
    char *buffer = malloc(block);
    int file = open(name, O_WRONLY | O_CLOEXEC);
    if (!buffer) return -ENOMEM;
    if (file < 0) return -errno;
    memset(buffer, 2, block);
    uint64_t state = 1, blocks = size / block, operations = 0, start = bench_now();
    do {
        for (int i = 0; i < BATCH; i++) {
            uint64_t index = random ? next_random(&state) % blocks : (operations + (uint64_t)i) % blocks;
            if (pwrite(file, buffer, block, (off_t)(index * block)) != (ssize_t)block) return errno ? -errno : -EIO;
        }
        operations += BATCH;
    } while (bench_now() - start < nanoseconds);
    finish(sample, start, operations);
    close(file);
    free(buffer);
    return 0;
}

int bench_create(const char *prefix, uint32_t count, uint32_t size, struct bench_sample *sample) {
    char *names = make_names(prefix, count), *buffer = calloc(1, size + 1);
    if (!names || !buffer) return -ENOMEM;
    uint64_t start = bench_now();
    for (uint32_t i = 0; i < count; i++) {
        int file = open(names + (size_t)i * NAME_SIZE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (file < 0) return -errno;
        if (size && write(file, buffer, size) != (ssize_t)size) return errno ? -errno : -EIO;
        if (close(file) < 0) return -errno;
    }
    finish(sample, start, count);
    free(buffer);
    free(names);
    return 0;
}

int bench_unlink(const char *prefix, uint32_t count, struct bench_sample *sample) {
    char *names = make_names(prefix, count);
    if (!names) return -ENOMEM;
    uint64_t start = bench_now();
    for (uint32_t i = 0; i < count; i++)
        if (unlink(names + (size_t)i * NAME_SIZE) < 0) return -errno;
    finish(sample, start, count);
    free(names);
    return 0;
}
