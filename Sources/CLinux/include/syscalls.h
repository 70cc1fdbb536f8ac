// System calls without libc between: each returns its result or -errno. No errno in thread-local storage, no cancellation
// point, and the calling thread alone is meant (libc's set*id functions change every thread of the process).
//
// Only <stdint.h> and <asm/unistd.h> are included: glibc's <sys/...> headers with _GNU_SOURCE give this module's structures
// another shape than Swift's Glibc module has, and the build breaks.
#ifndef STACKFS_SYSCALLS_H
#define STACKFS_SYSCALLS_H

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

#define LINUX_CALL static inline __attribute__((always_inline))

#if defined(__x86_64__)
LINUX_CALL long linux_syscall(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
LINUX_CALL long linux_syscall(long number, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#else
#error "stackfs knows the system call convention of x86_64 and aarch64 only"
#endif

// statx(2), linux/stat.h.
struct linux_statx_time {
    int64_t sec;
    uint32_t nsec;
    int32_t reserved;
};
struct linux_statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, spare0;
    uint64_t ino, size, blocks, attributes_mask;
    struct linux_statx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t mnt_id;
    uint32_t dio_mem_align, dio_offset_align;
    uint64_t spare3[12];
};
_Static_assert(sizeof(struct linux_statx) == 256, "statx");

// name_to_handle_at(2): `bytes` is the room in `data` going in and the length of the handle coming out.
struct linux_file_handle {
    uint32_t bytes;
    int32_t type;
    uint64_t data[16];  // MAX_HANDLE_SZ is 128
};

// fanotify(7): an event, after which records of information follow, each of which begins with a header. A record of a file handle
// has the file system's id, the handle's length and type, and the handle; a name that ends with a zero byte may follow.
struct linux_fanotify_event {
    uint32_t length;
    uint8_t version, reserved;
    uint16_t metadata_length;
    uint64_t mask;
    int32_t fd, pid;
};
_Static_assert(sizeof(struct linux_fanotify_event) == 24, "fanotify_event_metadata");
struct linux_fanotify_record {
    uint8_t type, padding;
    uint16_t length;
    int32_t fsid[2];
    uint32_t handle_bytes;
    int32_t handle_type;
};
_Static_assert(sizeof(struct linux_fanotify_record) == 20, "fanotify_event_info_fid");

// inotify(7): an event, after which `length` bytes follow: a name and one or more zero bytes, or nothing.
struct linux_inotify_event {
    int32_t watch;
    uint32_t mask, cookie, length;
};
_Static_assert(sizeof(struct linux_inotify_event) == 16, "inotify_event");

// statfs(2) on 64-bit architectures, asm-generic/statfs.h.
struct linux_statfs {
    int64_t type, bsize;
    uint64_t blocks, bfree, bavail, files, ffree;
    int32_t fsid[2];
    int64_t namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct linux_statfs) == 120, "statfs");

// fcntl(2)'s struct flock on 64-bit architectures.
struct linux_flock {
    int16_t type, whence;
    int64_t start, len;
    int32_t pid;
};
_Static_assert(sizeof(struct linux_flock) == 32, "flock");

struct linux_timespec {
    int64_t sec, nsec;
};

struct linux_iovec {
    void *_Nullable base;
    size_t length;
};

// getdents64(2): `name` follows, ended by a zero byte.
struct linux_dirent64 {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
};

// capset(2), version 3 (two 32-bit words a set).
struct linux_cap_header {
    uint32_t version;
    int32_t pid;
};
struct linux_cap_data {
    uint32_t effective_low, permitted_low, inheritable_low;
    uint32_t effective_high, permitted_high, inheritable_high;
};
static const uint32_t LINUX_CAP_VERSION_3 = 0x20080522;

// seccomp(2): one instruction of classic BPF, and a program of them.
struct linux_bpf_instruction {
    uint16_t code;
    uint8_t if_true, if_false;
    uint32_t operand;
};
_Static_assert(sizeof(struct linux_bpf_instruction) == 8, "sock_filter");
struct linux_bpf_program {
    uint16_t length;
    const struct linux_bpf_instruction *_Nonnull instructions;
};
_Static_assert(sizeof(struct linux_bpf_program) == 16, "sock_fprog");

// fork(2) through libc, so that its handlers run; Swift's Glibc module hides it. Only while the process has one thread.
int linux_fork(void);

// Gives back what only the start has needed: freed memory (malloc_trim(3)), and the pages of the program's code, which come back from the
// page cache when they are used again.
void linux_release_start(void);

LINUX_CALL int64_t linux_read(int fd, void *_Nonnull buffer, size_t count) {
    return linux_syscall(__NR_read, fd, (long)buffer, (long)count, 0, 0, 0);
}
LINUX_CALL int64_t linux_write(int fd, const void *_Nonnull buffer, size_t count) {
    return linux_syscall(__NR_write, fd, (long)buffer, (long)count, 0, 0, 0);
}
LINUX_CALL int64_t linux_pread(int fd, void *_Nonnull buffer, size_t count, int64_t offset) {
    return linux_syscall(__NR_pread64, fd, (long)buffer, (long)count, offset, 0, 0);
}
LINUX_CALL int64_t linux_pwrite(int fd, const void *_Nonnull buffer, size_t count, int64_t offset) {
    return linux_syscall(__NR_pwrite64, fd, (long)buffer, (long)count, offset, 0, 0);
}
LINUX_CALL int64_t linux_close(int fd) { return linux_syscall(__NR_close, fd, 0, 0, 0, 0, 0); }
LINUX_CALL int64_t linux_close_range(uint32_t first, uint32_t last, uint32_t flags) {
    return linux_syscall(__NR_close_range, first, last, flags, 0, 0, 0);
}
LINUX_CALL int64_t linux_openat(int directory, const char *_Nonnull path, int flags, uint32_t mode) {
    return linux_syscall(__NR_openat, directory, (long)path, flags, mode, 0, 0);
}
LINUX_CALL int64_t linux_statx_at(int directory, const char *_Nullable path, int flags, uint32_t mask,
                                  struct linux_statx *_Nonnull out) {
    return linux_syscall(__NR_statx, directory, (long)path, flags, mask, (long)out, 0);
}
LINUX_CALL int64_t linux_name_to_handle_at(int directory, const char *_Nonnull path,
                                           struct linux_file_handle *_Nonnull handle, int32_t *_Nonnull mount_id,
                                           int flags) {
    return linux_syscall(__NR_name_to_handle_at, directory, (long)path, (long)handle, (long)mount_id, flags, 0);
}
LINUX_CALL int64_t linux_open_by_handle_at(int mount, const struct linux_file_handle *_Nonnull handle, int flags) {
    return linux_syscall(__NR_open_by_handle_at, mount, (long)handle, flags, 0, 0, 0);
}
LINUX_CALL int64_t linux_getdents64(int fd, void *_Nonnull buffer, size_t count) {
    return linux_syscall(__NR_getdents64, fd, (long)buffer, (long)count, 0, 0, 0);
}
LINUX_CALL int64_t linux_lseek(int fd, int64_t offset, int whence) {
    return linux_syscall(__NR_lseek, fd, offset, whence, 0, 0, 0);
}
LINUX_CALL int64_t linux_mkdirat(int directory, const char *_Nonnull name, uint32_t mode) {
    return linux_syscall(__NR_mkdirat, directory, (long)name, mode, 0, 0, 0);
}
LINUX_CALL int64_t linux_mknodat(int directory, const char *_Nonnull name, uint32_t mode, uint32_t device) {
    return linux_syscall(__NR_mknodat, directory, (long)name, mode, device, 0, 0);
}
LINUX_CALL int64_t linux_symlinkat(const char *_Nonnull target, int directory, const char *_Nonnull name) {
    return linux_syscall(__NR_symlinkat, (long)target, directory, (long)name, 0, 0, 0);
}
LINUX_CALL int64_t linux_readlinkat(int directory, const char *_Nonnull path, void *_Nonnull buffer, size_t count) {
    return linux_syscall(__NR_readlinkat, directory, (long)path, (long)buffer, (long)count, 0, 0);
}
LINUX_CALL int64_t linux_unlinkat(int directory, const char *_Nonnull name, int flags) {
    return linux_syscall(__NR_unlinkat, directory, (long)name, flags, 0, 0, 0);
}
LINUX_CALL int64_t linux_renameat2(int old_directory, const char *_Nonnull old_name, int new_directory,
                                   const char *_Nonnull new_name, uint32_t flags) {
    return linux_syscall(__NR_renameat2, old_directory, (long)old_name, new_directory, (long)new_name, flags, 0);
}
LINUX_CALL int64_t linux_linkat(int old_directory, const char *_Nonnull old_path, int new_directory,
                                const char *_Nonnull new_name, int flags) {
    return linux_syscall(__NR_linkat, old_directory, (long)old_path, new_directory, (long)new_name, flags, 0);
}
LINUX_CALL int64_t linux_fchmodat(int directory, const char *_Nonnull path, uint32_t mode) {
    return linux_syscall(__NR_fchmodat, directory, (long)path, mode, 0, 0, 0);
}
LINUX_CALL int64_t linux_fchownat(int directory, const char *_Nonnull path, uint32_t uid, uint32_t gid, int flags) {
    return linux_syscall(__NR_fchownat, directory, (long)path, (long)(int32_t)uid, (long)(int32_t)gid, flags, 0);
}
LINUX_CALL int64_t linux_utimensat(int directory, const char *_Nullable path,
                                   const struct linux_timespec *_Nonnull times, int flags) {
    return linux_syscall(__NR_utimensat, directory, (long)path, (long)times, flags, 0, 0);
}
LINUX_CALL int64_t linux_ftruncate(int fd, int64_t length) {
    return linux_syscall(__NR_ftruncate, fd, length, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_truncate(const char *_Nonnull path, int64_t length) {
    return linux_syscall(__NR_truncate, (long)path, length, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_fstatfs(int fd, struct linux_statfs *_Nonnull out) {
    return linux_syscall(__NR_fstatfs, fd, (long)out, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_fsync(int fd) { return linux_syscall(__NR_fsync, fd, 0, 0, 0, 0, 0); }
LINUX_CALL int64_t linux_fdatasync(int fd) { return linux_syscall(__NR_fdatasync, fd, 0, 0, 0, 0, 0); }
LINUX_CALL int64_t linux_syncfs(int fd) { return linux_syscall(__NR_syncfs, fd, 0, 0, 0, 0, 0); }
LINUX_CALL int64_t linux_faccessat2(int directory, const char *_Nonnull path, int mode, int flags) {
    return linux_syscall(__NR_faccessat2, directory, (long)path, mode, flags, 0, 0);
}
LINUX_CALL int64_t linux_setxattr(const char *_Nonnull path, const char *_Nonnull name, const void *_Nullable value,
                                  size_t size, int flags) {
    return linux_syscall(__NR_setxattr, (long)path, (long)name, (long)value, (long)size, flags, 0);
}
LINUX_CALL int64_t linux_getxattr(const char *_Nonnull path, const char *_Nonnull name, void *_Nullable value,
                                  size_t size) {
    return linux_syscall(__NR_getxattr, (long)path, (long)name, (long)value, (long)size, 0, 0);
}
LINUX_CALL int64_t linux_listxattr(const char *_Nonnull path, void *_Nullable list, size_t size) {
    return linux_syscall(__NR_listxattr, (long)path, (long)list, (long)size, 0, 0, 0);
}
LINUX_CALL int64_t linux_removexattr(const char *_Nonnull path, const char *_Nonnull name) {
    return linux_syscall(__NR_removexattr, (long)path, (long)name, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_fallocate(int fd, int mode, int64_t offset, int64_t length) {
    return linux_syscall(__NR_fallocate, fd, mode, offset, length, 0, 0);
}
LINUX_CALL int64_t linux_copy_file_range(int in, int64_t *_Nonnull in_offset, int out, int64_t *_Nonnull out_offset,
                                         size_t length, uint32_t flags) {
    return linux_syscall(__NR_copy_file_range, in, (long)in_offset, out, (long)out_offset, (long)length, flags);
}
LINUX_CALL int64_t linux_fcntl_lock(int fd, int command, struct linux_flock *_Nonnull lock) {
    return linux_syscall(__NR_fcntl, fd, command, (long)lock, 0, 0, 0);
}
LINUX_CALL int64_t linux_fcntl(int fd, int command, long argument) {
    return linux_syscall(__NR_fcntl, fd, command, argument, 0, 0, 0);
}
LINUX_CALL int64_t linux_flock_call(int fd, int operation) {
    return linux_syscall(__NR_flock, fd, operation, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_ioctl(int fd, uint32_t request, void *_Nullable argument) {
    return linux_syscall(__NR_ioctl, fd, (long)request, (long)argument, 0, 0, 0);
}
LINUX_CALL int64_t linux_setfsuid(uint32_t uid) {
    return linux_syscall(__NR_setfsuid, (long)(int32_t)uid, 0, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_setfsgid(uint32_t gid) {
    return linux_syscall(__NR_setfsgid, (long)(int32_t)gid, 0, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_setgroups(size_t count, const uint32_t *_Nullable groups) {
    return linux_syscall(__NR_setgroups, (long)count, (long)groups, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_umask(uint32_t mask) { return linux_syscall(__NR_umask, mask, 0, 0, 0, 0, 0); }
LINUX_CALL int64_t linux_unshare(int flags) { return linux_syscall(__NR_unshare, flags, 0, 0, 0, 0, 0); }
LINUX_CALL int64_t linux_capget(struct linux_cap_header *_Nonnull header, void *_Nonnull two_data) {
    return linux_syscall(__NR_capget, (long)header, (long)two_data, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_capset(struct linux_cap_header *_Nonnull header, const void *_Nonnull two_data) {
    return linux_syscall(__NR_capset, (long)header, (long)two_data, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_prctl(int option, long a, long b) {
    return linux_syscall(__NR_prctl, option, a, b, 0, 0, 0);
}
LINUX_CALL int64_t linux_seccomp(uint32_t operation, uint32_t flags, const struct linux_bpf_program *_Nonnull program) {
    return linux_syscall(__NR_seccomp, operation, flags, (long)program, 0, 0, 0);
}
LINUX_CALL int64_t linux_gettid(void) { return linux_syscall(__NR_gettid, 0, 0, 0, 0, 0, 0); }
LINUX_CALL int64_t linux_tgkill(int process, int thread, int signal) {
    return linux_syscall(__NR_tgkill, process, thread, signal, 0, 0, 0);
}
LINUX_CALL int64_t linux_memfd_create(const char *_Nonnull name, uint32_t flags) {
    return linux_syscall(__NR_memfd_create, (long)name, flags, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_fanotify_init(uint32_t flags, uint32_t event_flags) {
    return linux_syscall(__NR_fanotify_init, flags, event_flags, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_fanotify_mark(int group, uint32_t flags, uint64_t mask, int directory,
                                       const char *_Nonnull path) {
    return linux_syscall(__NR_fanotify_mark, group, flags, (long)mask, directory, (long)path, 0);
}
LINUX_CALL int64_t linux_inotify_init1(int flags) {
    return linux_syscall(__NR_inotify_init1, flags, 0, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_inotify_add_watch(int group, const char *_Nonnull path, uint32_t mask) {
    return linux_syscall(__NR_inotify_add_watch, group, (long)path, mask, 0, 0, 0);
}
LINUX_CALL int64_t linux_inotify_rm_watch(int group, int watch) {
    return linux_syscall(__NR_inotify_rm_watch, group, watch, 0, 0, 0, 0);
}
// sched_setattr(2): policy 0 is SCHED_OTHER, whose runtime is the slice that the task asks for (Linux 6.12).
struct linux_sched_attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};
_Static_assert(sizeof(struct linux_sched_attributes) == 48, "sched_attr, the first version");
LINUX_CALL int64_t linux_sched_setattr(int thread, struct linux_sched_attributes *_Nonnull attributes) {
    return linux_syscall(__NR_sched_setattr, thread, (long)attributes, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_bpf(uint32_t command, const void *_Nonnull attributes, uint32_t size) {
    return linux_syscall(__NR_bpf, command, (long)attributes, size, 0, 0, 0);
}
LINUX_CALL int64_t linux_eventfd(uint32_t initial, int flags) {
    return linux_syscall(__NR_eventfd2, initial, flags, 0, 0, 0, 0);
}
// `mask` is the kernel's 64-bit signal set, bit N-1 for signal N.
LINUX_CALL int64_t linux_signalfd(const uint64_t *_Nonnull mask, int flags) {
    return linux_syscall(__NR_signalfd4, -1, (long)mask, 8, flags, 0, 0);
}
LINUX_CALL int64_t linux_mount(const char *_Nullable source, const char *_Nonnull path, const char *_Nullable type,
                               size_t flags, const void *_Nullable data) {
    return linux_syscall(__NR_mount, (long)source, (long)path, (long)type, (long)flags, (long)data, 0);
}
LINUX_CALL int64_t linux_umount2(const char *_Nonnull path, int flags) {
    return linux_syscall(__NR_umount2, (long)path, flags, 0, 0, 0, 0);
}

#endif
