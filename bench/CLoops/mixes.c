// Mixes of operations as servers make them, after the personalities that Filebench has for a file, a mail and a web server: the same
// numbers are drawn each time, natively and through a mount.
#include "loops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = 64, SMALL = 16 << 10, LARGE = 128 << 10 };

static uint32_t draw(uint64_t *state, uint32_t below) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % below;
}

static int fill(const char *name, int flags, const char *bytes, size_t size, int synced) {
    int file = open(name, flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) return -errno;
    int error = 0;
    if (write(file, bytes, size) != (ssize_t)size) error = errno ? -errno : -EIO;
    if (!error && synced && fsync(file) < 0) error = -errno;
    if (close(file) < 0 && !error) error = -errno;
    return error;
}

static int read_whole(const char *name, char *buffer, size_t size) {
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    ssize_t length;
    while ((length = read(file, buffer, size)) > 0) {}
    int error = length < 0 ? -errno : 0;
    if (close(file) < 0 && !error) error = -errno;
    return error;
}

static int remove_name(const char *name) { return unlink(name) < 0 ? -errno : 0; }

// Creates a file, writes it, appends to it, reads it whole, stats one, and removes one.
static int file_server(uint32_t files, uint32_t turn, uint64_t *state, char *buffer) {
    char name[NAME], other[NAME];
    struct stat status;
    snprintf(name, sizeof name, "work/new%u", turn);
    snprintf(other, sizeof other, "work/file%u", draw(state, files));
    int error = fill(name, O_EXCL, buffer, LARGE, 0);
    if (!error) error = fill(other, O_APPEND, buffer, SMALL, 0);
    if (!error) error = read_whole(other, buffer, LARGE);
    if (!error && stat(other, &status) < 0) error = -errno;
    return error ? error : remove_name(name);
}

// Delivers a message, marks another as read, reads two, and removes the first.
static int mail_server(uint32_t files, uint32_t turn, uint64_t *state, char *buffer) {
    char name[NAME], other[NAME];
    snprintf(name, sizeof name, "work/new%u", turn);
    snprintf(other, sizeof other, "work/file%u", draw(state, files));
    int error = fill(name, O_EXCL, buffer, SMALL, 1);
    if (!error) error = read_whole(other, buffer, LARGE);
    if (!error) error = fill(other, O_APPEND, buffer, 1024, 1);
    if (!error) error = read_whole(name, buffer, LARGE);
    return error ? error : remove_name(name);
}

// Reads ten pages, and writes a line of the log.
static int web_server(uint32_t files, uint32_t turn, uint64_t *state, char *buffer) {
    (void)turn;
    char name[NAME];
    for (int page = 0; page < 10; page++) {
        snprintf(name, sizeof name, "work/file%u", draw(state, files));
        int error = read_whole(name, buffer, LARGE);
        if (error) return error;
    }
    return fill("work/log", O_APPEND, buffer, SMALL, 0);
}

int bench_server(int kind, uint32_t files, uint32_t turns, struct bench_sample *sample) {
    int (*const servers[])(uint32_t, uint32_t, uint64_t *, char *) = {file_server, mail_server, web_server};
    char *buffer = calloc(1, LARGE);
    if (!buffer) return -ENOMEM;
    uint64_t state = 1;
    uint64_t start = bench_now();
    int error = 0;
    for (uint32_t turn = 0; turn < turns && !error; turn++) error = servers[kind](files, turn, &state, buffer);
    sample->operations = turns;
    sample->nanoseconds = bench_now() - start;
    free(buffer);
    return error;
}

int bench_create_synced(const char *prefix, uint32_t count, uint32_t size, struct bench_sample *sample) {
    char *buffer = calloc(1, size + 1);
    if (!buffer) return -ENOMEM;
    uint64_t start = bench_now();
    int error = 0;
    for (uint32_t i = 0; i < count && !error; i++) {
        char name[NAME];
        snprintf(name, sizeof name, "%s%u", prefix, i);
        error = fill(name, O_EXCL, buffer, size, 1);
    }
    sample->operations = count;
    sample->nanoseconds = bench_now() - start;
    free(buffer);
    return error;
}
