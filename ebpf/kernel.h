/* SPDX-License-Identifier: GPL-2.0-only */
/* The members of kernel structures that the programs read, by name: where they lie is settled against the running kernel's own type
 * information (BTF) when the programs are loaded. */
#ifndef STACKFS_KERNEL_H
#define STACKFS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;

/* linux/bpf.h */
enum { BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_F_MMAPABLE = 1 << 10 };
struct bpf_pidns_info {
    __u32 pid;
    __u32 tgid;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block {
    __u32 s_dev;
    unsigned long s_magic;
};

struct inode {
    unsigned long i_ino;
    struct super_block *i_sb;
};

struct qstr {
    union {
        struct {
            __u32 hash;
            __u32 len;
        };
    };
    const unsigned char *name;
};

struct dentry {
    struct inode *d_inode;
};

struct path {
    struct dentry *dentry;
};

struct file {
    __u32 f_mode;
    struct inode *f_inode;
    struct path f_path;
};

/* A file that the kernel itself opened below a stacking file system, for `user_path` on that one (Linux 6.8). */
struct backing_file {
    struct file file;
    struct path user_path;
};

struct fuse_inode {
    struct inode inode;
    __u64 nodeid;
};

struct seq_file;
struct task_struct;

struct bpf_iter_meta {
    struct seq_file *seq;
    __u64 seq_num;
};

/* What an iterator of type task_file comes by: each descriptor of each process, and nothing at the end. */
struct bpf_iter__task_file {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
    __u32 fd;
    struct file *file;
};

#pragma clang attribute pop

/* linux/magic.h */
#define FUSE_SUPER_MAGIC 0x65735546

/* linux/fs.h. Of the files that a backing_file is around all have it, and hardly any other; FMODE_BACKING itself is not the same bit in
 * all kernels. */
#define FMODE_NOACCOUNT (1u << 29)

/* linux/fsnotify_backend.h */
enum fsnotify_data_type { FSNOTIFY_EVENT_PATH = 1 };
enum {
    FS_MODIFY = 0x2,
    FS_ATTRIB = 0x4,
    FS_MOVED_FROM = 0x40,
    FS_MOVED_TO = 0x80,
    FS_CREATE = 0x100,
    FS_DELETE = 0x200,
    FS_DELETE_SELF = 0x400,
    FS_MOVE_SELF = 0x800,
};

#endif
