// The tests' own road to the kernel: every call returns its result or -errno and acts for the calling thread alone (libc's
// set*id functions change every thread). It shares nothing with Sources/CLinux, so that a wrong constant or structure there
// cannot hide from the tests.
//
// No system header but <stdint.h>: what <sys/...> declares with _GNU_SOURCE differs from Swift's Glibc module.
#ifndef STACKFS_TESTCALLS_H
#define STACKFS_TESTCALLS_H

#include <stddef.h>
#include <stdint.h>

struct tc_time {
    int64_t sec, nsec;
};
struct tc_statx_time {
    int64_t sec;
    uint32_t nsec;
    int32_t reserved;
};
struct tc_statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, spare0;
    uint64_t ino, size, blocks, attributes_mask;
    struct tc_statx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t spare[14];
};
struct tc_statfs {
    int64_t type, bsize;
    uint64_t blocks, bfree, bavail, files, ffree;
    int32_t fsid[2];
    int64_t namelen, frsize, flags, spare[4];
};
struct tc_flock {
    int16_t type, whence;
    int64_t start, len;
    int32_t pid;
};
struct tc_iovec {
    void *_Nullable base;
    size_t length;
};
struct tc_fsxattr {
    uint32_t xflags, extsize, nextents, projid, cowextsize;
    uint8_t padding[8];
};

// One system call by its number. Pointers travel as integers.
int64_t tc_call(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f);
// "ENOENT" for 2; a null pointer for a number without a name.
const char *_Nullable tc_errno_name(int number);

// Starts a program, looked for in PATH, with an empty standard input, its messages appended to the file `output`, and no other
// descriptor. Returns 0 or an errno. Here since Swift's Glibc module hides closefrom.
int tc_spawn(int32_t *_Nonnull pid, char *_Nullable *_Nonnull arguments, const char *_Nonnull output);
// Fills a buffer with a pattern that `seed` names.
void tc_fill(void *_Nonnull buffer, size_t count, uint8_t seed);
// A checksum of bytes, going on from `start`. Here and not in Swift, where a debug build needs a hundred times as long.
uint64_t tc_checksum(const void *_Nonnull buffer, size_t count, uint64_t start);
// Whether all bytes are zero.
int tc_is_zero(const void *_Nonnull buffer, size_t count);

// Numbers of the system calls the tests make, by name.
extern const int64_t TC_openat, TC_close, TC_read, TC_write, TC_pread64, TC_pwrite64, TC_writev, TC_pwritev2, TC_readv,
    TC_lseek, TC_truncate, TC_ftruncate, TC_fallocate, TC_copy_file_range, TC_splice, TC_sendfile, TC_pipe2, TC_mkdirat,
    TC_unlinkat, TC_mknodat, TC_symlinkat, TC_readlinkat, TC_linkat, TC_renameat2, TC_statx, TC_utimensat, TC_fchmodat,
    TC_fchmod, TC_fchownat, TC_fchown, TC_faccessat, TC_faccessat2, TC_setxattr, TC_lsetxattr, TC_fsetxattr, TC_getxattr,
    TC_lgetxattr, TC_fgetxattr, TC_listxattr, TC_llistxattr, TC_flistxattr, TC_removexattr, TC_lremovexattr,
    TC_fremovexattr, TC_getdents64, TC_flock, TC_fcntl, TC_ioctl, TC_fsync, TC_fdatasync, TC_syncfs, TC_statfs, TC_fstatfs,
    TC_mmap, TC_munmap, TC_msync, TC_process_vm_readv, TC_process_vm_writev, TC_umask, TC_fchdir, TC_setresuid,
    TC_setresgid, TC_setgroups, TC_unshare, TC_close_range, TC_getpid, TC_clock_gettime, TC_umount2, TC_mount,
    TC_name_to_handle_at, TC_kill, TC_wait4, TC_chroot;

// open(2) flags that differ between architectures or are hidden by Swift's Glibc module.
extern const int32_t TC_O_DIRECTORY, TC_O_NOFOLLOW, TC_O_DIRECT, TC_O_NOATIME, TC_O_PATH, TC_O_TMPFILE, TC_O_DSYNC, TC_O_SYNC;

#endif
