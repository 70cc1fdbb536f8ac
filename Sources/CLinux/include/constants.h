// Linux constants that Swift's Glibc module does not show (it is built without _GNU_SOURCE). The values are asserted
// against the system's own headers in constants.c.
#ifndef STACKFS_CONSTANTS_H
#define STACKFS_CONSTANTS_H

#include <stdint.h>

// open(2): those that differ between architectures.
#if defined(__aarch64__)
static const int32_t LINUX_O_DIRECTORY = 040000;
static const int32_t LINUX_O_NOFOLLOW = 0100000;
static const int32_t LINUX_O_DIRECT = 0200000;
static const int32_t LINUX_O_LARGEFILE = 0400000;
#else
static const int32_t LINUX_O_DIRECT = 040000;
static const int32_t LINUX_O_LARGEFILE = 0100000;
static const int32_t LINUX_O_DIRECTORY = 0200000;
static const int32_t LINUX_O_NOFOLLOW = 0400000;
#endif
static const int32_t LINUX_O_NOATIME = 01000000;
static const int32_t LINUX_O_CLOEXEC = 02000000;
static const int32_t LINUX_O_PATH = 010000000;
static const int32_t LINUX_O_TMPFILE_BIT = 020000000;  // O_TMPFILE without O_DIRECTORY

static const int32_t LINUX_AT_FDCWD = -100;
static const uint32_t LINUX_CLOSE_RANGE_UNSHARE = 2;
static const int32_t LINUX_AT_SYMLINK_NOFOLLOW = 0x100;
static const int32_t LINUX_AT_EACCESS = 0x200;
static const int32_t LINUX_AT_REMOVEDIR = 0x200;
static const int32_t LINUX_AT_SYMLINK_FOLLOW = 0x400;
static const int32_t LINUX_AT_NO_AUTOMOUNT = 0x800;
static const int32_t LINUX_AT_EMPTY_PATH = 0x1000;

static const uint32_t LINUX_RENAME_NOREPLACE = 1;
static const uint32_t LINUX_RENAME_EXCHANGE = 2;
static const uint32_t LINUX_RENAME_WHITEOUT = 4;

static const uint32_t LINUX_STATX_BASIC_STATS = 0x7ff;
static const uint32_t LINUX_STATX_BTIME = 0x800;
static const uint32_t LINUX_STATX_MNT_ID = 0x1000;

static const int32_t LINUX_SEEK_DATA = 3;
static const int32_t LINUX_SEEK_HOLE = 4;

static const int32_t LINUX_F_OFD_GETLK = 36;
static const int32_t LINUX_F_OFD_SETLK = 37;
static const int32_t LINUX_F_OFD_SETLKW = 38;

static const int32_t LINUX_F_SETLEASE = 1024;

static const uint32_t LINUX_MADV_REMOVE = 9;

static const uint32_t LINUX_MFD_CLOEXEC = 1;

static const int32_t LINUX_MNT_FORCE = 1;
static const int32_t LINUX_MNT_DETACH = 2;
static const int32_t LINUX_UMOUNT_NOFOLLOW = 8;

static const int32_t LINUX_CLONE_FS = 0x200;
static const uint32_t LINUX_CLONE_THREAD = 0x10000;
// Every CLONE_NEW... flag that clone(2) takes.
static const uint32_t LINUX_CLONE_NAMESPACES = 0x7e020000;

static const uint32_t LINUX_AF_UNIX = 1;

// ioctl(2) requests that type on a terminal in its user's place.
static const uint32_t LINUX_TIOCSTI = 0x5412;
static const uint32_t LINUX_TIOCLINUX = 0x541c;

static const uint64_t LINUX_UTIME_NOW = (1ull << 30) - 1;
static const uint64_t LINUX_UTIME_OMIT = (1ull << 30) - 2;

// Capability numbers, capabilities(7).
static const uint32_t LINUX_CAP_CHOWN = 0;
static const uint32_t LINUX_CAP_DAC_OVERRIDE = 1;
static const uint32_t LINUX_CAP_DAC_READ_SEARCH = 2;
static const uint32_t LINUX_CAP_FOWNER = 3;
static const uint32_t LINUX_CAP_FSETID = 4;
static const uint32_t LINUX_CAP_KILL = 5;
static const uint32_t LINUX_CAP_SETGID = 6;
static const uint32_t LINUX_CAP_SETUID = 7;
static const uint32_t LINUX_CAP_SETPCAP = 8;
static const uint32_t LINUX_CAP_LINUX_IMMUTABLE = 9;
static const uint32_t LINUX_CAP_SYS_PTRACE = 19;
static const uint32_t LINUX_CAP_SYS_ADMIN = 21;
static const uint32_t LINUX_CAP_SYS_NICE = 23;
static const uint32_t LINUX_CAP_SYS_RESOURCE = 24;
static const uint32_t LINUX_CAP_MKNOD = 27;
static const uint32_t LINUX_CAP_LEASE = 28;
static const uint32_t LINUX_CAP_SETFCAP = 31;
static const uint32_t LINUX_CAP_PERFMON = 38;
static const uint32_t LINUX_CAP_BPF = 39;

// prctl(2).
static const int32_t LINUX_PR_SET_NAME = 15;
static const int32_t LINUX_PR_CAPBSET_READ = 23;
static const int32_t LINUX_PR_CAPBSET_DROP = 24;
static const int32_t LINUX_PR_SET_NO_NEW_PRIVS = 38;
static const int32_t LINUX_PR_CAP_AMBIENT = 47;
static const int32_t LINUX_PR_CAP_AMBIENT_CLEAR_ALL = 4;

// A command of bpf(2): makes a descriptor, close-on-exec, that is read to its end once, of the link of an iterator.
static const uint32_t LINUX_BPF_ITER_CREATE = 33;

// seccomp(2).
static const uint32_t LINUX_SECCOMP_SET_MODE_FILTER = 1;
static const uint32_t LINUX_SECCOMP_FILTER_FLAG_TSYNC = 1;
static const uint32_t LINUX_SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
static const uint32_t LINUX_SECCOMP_FILTER_FLAG_TSYNC_ESRCH = 16;
static const uint32_t LINUX_SECCOMP_RET_ERRNO = 0x00050000;
static const uint32_t LINUX_SECCOMP_RET_ALLOW = 0x7fff0000;
static const uint32_t LINUX_AUDIT_ARCH_X86_64 = 0xc000003e;
static const uint32_t LINUX_AUDIT_ARCH_AARCH64 = 0xc00000b7;

// fanotify(7).
static const uint32_t LINUX_FAN_CLOEXEC = 0x1;
static const uint32_t LINUX_FAN_NONBLOCK = 0x2;
static const uint32_t LINUX_FAN_UNLIMITED_MARKS = 0x20;
static const uint32_t LINUX_FAN_REPORT_FID = 0x200;
static const uint32_t LINUX_FAN_REPORT_DIR_FID = 0x400;
static const uint32_t LINUX_FAN_REPORT_NAME = 0x800;
static const uint32_t LINUX_FAN_REPORT_TARGET_FID = 0x1000;
static const uint32_t LINUX_FAN_MARK_ADD = 0x1;
static const uint32_t LINUX_FAN_MARK_REMOVE = 0x2;
static const uint32_t LINUX_FAN_MARK_ONLYDIR = 0x8;
static const uint64_t LINUX_FAN_MODIFY = 0x2;
static const uint64_t LINUX_FAN_ATTRIB = 0x4;
static const uint64_t LINUX_FAN_MOVED_FROM = 0x40;
static const uint64_t LINUX_FAN_MOVED_TO = 0x80;
static const uint64_t LINUX_FAN_CREATE = 0x100;
static const uint64_t LINUX_FAN_DELETE = 0x200;
static const uint64_t LINUX_FAN_Q_OVERFLOW = 0x4000;
static const uint64_t LINUX_FAN_EVENT_ON_CHILD = 0x08000000;
static const uint64_t LINUX_FAN_ONDIR = 0x40000000;
static const uint8_t LINUX_FAN_EVENT_INFO_TYPE_FID = 1;
static const uint8_t LINUX_FAN_EVENT_INFO_TYPE_DFID_NAME = 2;
static const int32_t LINUX_AT_HANDLE_FID = 0x200;

// inotify(7).
static const uint32_t LINUX_IN_MODIFY = 0x2;
static const uint32_t LINUX_IN_ATTRIB = 0x4;
static const uint32_t LINUX_IN_MOVED_FROM = 0x40;
static const uint32_t LINUX_IN_MOVED_TO = 0x80;
static const uint32_t LINUX_IN_CREATE = 0x100;
static const uint32_t LINUX_IN_DELETE = 0x200;
static const uint32_t LINUX_IN_Q_OVERFLOW = 0x4000;
static const uint32_t LINUX_IN_IGNORED = 0x8000;
static const uint32_t LINUX_IN_ONLYDIR = 0x01000000;
static const int32_t LINUX_IN_NONBLOCK = 04000;
static const int32_t LINUX_IN_CLOEXEC = 02000000;

// Operations of classic BPF, linux/bpf_common.h: load a word of the data, mask the accumulator, compare it, return.
static const uint16_t LINUX_BPF_LD_W_ABS = 0x20;
static const uint16_t LINUX_BPF_ALU_AND_K = 0x54;
static const uint16_t LINUX_BPF_JMP_JEQ_K = 0x15;
static const uint16_t LINUX_BPF_JMP_JGT_K = 0x25;
static const uint16_t LINUX_BPF_RET_K = 0x06;

// ioctl(2) requests on regular files and directories, linux/fs.h.
static const uint32_t LINUX_FS_IOC_GETFLAGS = 0x80086601;
static const uint32_t LINUX_FS_IOC_SETFLAGS = 0x40086602;
static const uint32_t LINUX_FS_IOC_GETVERSION = 0x80087601;
static const uint32_t LINUX_FS_IOC_FSGETXATTR = 0x801c581f;
static const uint32_t LINUX_FS_IOC_FSSETXATTR = 0x401c5820;

#endif
