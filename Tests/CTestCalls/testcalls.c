#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "testcalls.h"

_Static_assert(sizeof(struct tc_statx) == 256, "statx(2)");
_Static_assert(sizeof(struct tc_statfs) == 120, "statfs(2)");
_Static_assert(sizeof(struct tc_flock) == sizeof(struct flock), "fcntl(2)");
_Static_assert(sizeof(struct tc_fsxattr) == 28, "ioctl_xfs_fsgetxattr(2)");

int64_t tc_call(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f) {
    long result = syscall((long)number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

const char *tc_errno_name(int number) { return strerrorname_np(number); }

int tc_spawn(int32_t *pid, char **arguments, const char *output) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    // The threads that tests run on block signals, and the tests ignore SIGPIPE: programs expect neither.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawnp(pid, arguments[0], &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

void tc_fill(void *buffer, size_t count, uint8_t seed) {
    uint8_t *bytes = buffer;
    for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)(seed + 7 * i + (i >> 8));
}

uint64_t tc_checksum(const void *buffer, size_t count, uint64_t start) {
    // FNV-1a over words of 8 bytes, the last filled up with zeros.
    const uint8_t *bytes = buffer;
    uint64_t sum = start ^ 0xcbf29ce484222325u;
    for (size_t i = 0; i < count; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, count - i < 8 ? count - i : 8);
        sum = (sum ^ word) * 0x100000001b3u;
        sum ^= sum >> 29;
    }
    return sum ^ count;
}

int tc_is_zero(const void *buffer, size_t count) {
    const uint8_t *bytes = buffer;
    return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

#define NUMBER(name) const int64_t TC_##name = __NR_##name;
NUMBER(openat) NUMBER(close) NUMBER(read) NUMBER(write) NUMBER(pread64) NUMBER(pwrite64) NUMBER(writev)
NUMBER(pwritev2) NUMBER(readv) NUMBER(lseek) NUMBER(truncate) NUMBER(ftruncate) NUMBER(fallocate)
NUMBER(copy_file_range) NUMBER(splice) NUMBER(sendfile) NUMBER(pipe2) NUMBER(mkdirat) NUMBER(unlinkat)
NUMBER(mknodat) NUMBER(symlinkat) NUMBER(readlinkat) NUMBER(linkat) NUMBER(renameat2) NUMBER(statx)
NUMBER(utimensat) NUMBER(fchmodat) NUMBER(fchmod) NUMBER(fchownat) NUMBER(fchown) NUMBER(faccessat)
NUMBER(faccessat2) NUMBER(setxattr) NUMBER(lsetxattr) NUMBER(fsetxattr) NUMBER(getxattr) NUMBER(lgetxattr)
NUMBER(fgetxattr) NUMBER(listxattr) NUMBER(llistxattr) NUMBER(flistxattr) NUMBER(removexattr)
NUMBER(lremovexattr) NUMBER(fremovexattr) NUMBER(getdents64) NUMBER(flock) NUMBER(fcntl) NUMBER(ioctl)
NUMBER(fsync) NUMBER(fdatasync) NUMBER(syncfs) NUMBER(statfs) NUMBER(fstatfs) NUMBER(mmap) NUMBER(munmap)
NUMBER(msync) NUMBER(process_vm_readv) NUMBER(process_vm_writev) NUMBER(umask) NUMBER(fchdir)
NUMBER(setresuid) NUMBER(setresgid) NUMBER(setgroups) NUMBER(unshare) NUMBER(close_range) NUMBER(getpid)
NUMBER(clock_gettime) NUMBER(umount2) NUMBER(mount) NUMBER(name_to_handle_at) NUMBER(kill) NUMBER(wait4) NUMBER(chroot)

const int32_t TC_O_DIRECTORY = O_DIRECTORY, TC_O_NOFOLLOW = O_NOFOLLOW, TC_O_DIRECT = O_DIRECT, TC_O_NOATIME = O_NOATIME,
              TC_O_PATH = O_PATH, TC_O_TMPFILE = O_TMPFILE, TC_O_DSYNC = O_DSYNC, TC_O_SYNC = O_SYNC;
