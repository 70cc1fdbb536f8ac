/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports changes of tracked inodes, made by any process: what the kernel's caches of a mount on top must hear of.
 *
 * All programs run after the change and before the system call returns. fsnotify() and __fsnotify_parent() are where the kernel tells
 * inotify and fanotify, of every file system's changes; both are called only for superblocks that somebody watches. Stores through a
 * mapping and chattr(1) pass them by and have programs of their own.
 *
 * Arguments are read as what the kernel's type information says they are: a program does not load where they are something else. */
#include "watch.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, WATCH_RING_BYTES);
} events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct watch_shared);
} shared SEC(".maps");

/* An inode that is tracked, or looks so. */
struct subject {
    struct watch_shared *memory;
    __u64 inode, hash;
    __u32 device;
    __u32 place; /* of the device in `devices` */
};

/* Stands between the change, which is made, and the look at what the loader has written; the loader does the same the other way
 * round. So one of the two sees the other. */
static __always_inline void full_barrier(void) {
    volatile __u64 word = 0;
    __sync_fetch_and_add(&word, 1);
}

static __always_inline bool is_tracked(struct subject *subject, __u32 device, __u64 inode) {
    __u32 zero = 0, place = 0;
    struct watch_shared *memory = bpf_map_lookup_elem(&shared, &zero);
    if (!memory) return false;
    full_barrier();
    __u32 count = memory->device_count;
    for (; place < WATCH_DEVICES; place++) {
        if (place >= count) return false;
        if (memory->devices[place] == device) break;
    }
    /* More devices than there is room for: all of them, then. */
    if (place == WATCH_DEVICES && count <= WATCH_DEVICES) return false;
    subject->hash = watch_hash(device, inode);
    if (!memory->filter[watch_bucket(subject->hash)]) return false;
    subject->memory = memory;
    subject->inode = inode;
    subject->device = device;
    subject->place = place;
    return true;
}

/* The loader itself makes changes for the mount, and the kernel, which asked for them, knows. */
static __always_inline bool is_own(struct watch_shared *memory) {
    struct bpf_pidns_info process = {};
    return !bpf_get_ns_current_pid_tgid(
               memory->own_namespace_device, memory->own_namespace_inode, &process, sizeof process) &&
           process.tgid == memory->own_process;
}

/* The inode of the stacking file system's file that a kernel's own open file stands for; NULL for any other file. */
static __always_inline struct inode *inode_above(struct file *file) {
    if (!bpf_core_field_exists(struct backing_file, user_path)) return NULL;
    if (!(BPF_CORE_READ(file, f_mode) & FMODE_BACKING)) return NULL;
    return BPF_CORE_READ((struct backing_file *)file, user_path.dentry, d_inode);
}

/* What a notification is about, an argument of type `const void *` and the one after it. Before Linux 6.15 the verifier lets no program
 * load such a pointer. */
struct object {
    unsigned long long *argument;
    __u32 type;
};

/* Data that the loader's mount writes by passthrough: the kernel refreshes attributes by itself. Stores through a mapping are not
 * among it. */
static __always_inline bool is_own_passthrough(struct watch_shared *memory, struct object object) {
    void *path = NULL;
    if (!memory->own_mount) return false;
    if (object.type != bpf_core_enum_value(enum fsnotify_data_type, FSNOTIFY_EVENT_PATH)) return false;
    if (bpf_probe_read_kernel(&path, sizeof path, object.argument) || !path) return false;
    /* Of a write, it is the one in the open file. */
    struct inode *above = inode_above(path - bpf_core_field_offset(struct file, f_path));
    return above && BPF_CORE_READ(above, i_sb, s_dev) == memory->own_mount;
}

static __always_inline void fill(struct watch_event *event, struct subject *subject, __u8 kind) {
    event->inode = subject->inode;
    event->device = subject->device;
    event->kind = kind;
    event->name_length = 0;
    event->slot = 0;
    event->tag = 0;
}

/* An inode has changed. */
static __always_inline void report_inode(struct subject *subject, __u8 kind) {
    struct watch_shared *memory = subject->memory;
    __u32 slot = (subject->hash >> 32 & (WATCH_SLOTS / 2 - 1)) * 2 + (kind == WATCH_DATA);
    __u64 tag = 0;
    /* Device and inode have to fit, lest one inode is taken for another. */
    if (subject->place < WATCH_DEVICES && subject->inode >> 56 == 0) {
        tag = (__u64)(subject->place + 1) << 56 | subject->inode;
        if (__sync_lock_test_and_set(&memory->pending[slot], tag) == tag) return;
    }
    struct watch_event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
    if (!event) {
        /* In this order: who has relied on the tag meanwhile has changed the inode before the loss is counted. */
        if (tag) __sync_val_compare_and_swap(&memory->pending[slot], tag, 0);
        __sync_fetch_and_add(&memory->dropped, 1);
        return;
    }
    fill(event, subject, kind);
    event->slot = slot;
    event->tag = tag;
    bpf_ringbuf_submit(event, 0);
}

/* A name has appeared in a directory, disappeared, or leads elsewhere. */
static __always_inline void report_name(struct subject *directory, const struct qstr *name) {
    __u32 length = name->len;
    const unsigned char *bytes = name->name;
    struct watch_event *event;
    long copied;
    if (length < WATCH_SHORT_NAME) {
        event = bpf_ringbuf_reserve(&events, sizeof *event + WATCH_SHORT_NAME, 0);
        if (!event) goto dropped;
        copied = bpf_probe_read_kernel_str(event + 1, WATCH_SHORT_NAME, bytes);
    } else {
        event = bpf_ringbuf_reserve(&events, sizeof *event + WATCH_LONG_NAME, 0);
        if (!event) goto dropped;
        copied = bpf_probe_read_kernel_str(event + 1, WATCH_LONG_NAME, bytes);
    }
    if (copied <= 0) {
        bpf_ringbuf_discard(event, 0);
        goto dropped;
    }
    fill(event, directory, WATCH_NAME);
    event->name_length = copied - 1;
    bpf_ringbuf_submit(event, 0);
    return;
dropped:
    __sync_fetch_and_add(&directory->memory->dropped, 1);
}

#define OF_NAMES (FS_CREATE | FS_DELETE | FS_MOVED_FROM | FS_MOVED_TO)
#define OF_INODES (FS_MODIFY | FS_ATTRIB | FS_DELETE_SELF | FS_MOVE_SELF)

static __always_inline void inode_changed(struct inode *inode, __u32 mask, struct object object) {
    struct subject subject;
    if (!inode || !is_tracked(&subject, inode->i_sb->s_dev, inode->i_ino) || is_own(subject.memory)) return;
    bool modified = mask & FS_MODIFY;
    if (modified && is_own_passthrough(subject.memory, object)) return;
    report_inode(&subject, modified ? WATCH_DATA : WATCH_ATTRIBUTES);
}

SEC("fentry/fsnotify")
int BPF_PROG(notified, __u32 mask, void *data, __u32 data_type, struct inode *directory, const struct qstr *name,
             struct inode *inode) {
    if (mask & OF_NAMES) {
        struct subject subject;
        if (directory && name && is_tracked(&subject, directory->i_sb->s_dev, directory->i_ino) &&
            !is_own(subject.memory))
            report_name(&subject, name);
    } else if (mask & OF_INODES) {
        inode_changed(inode, mask, (struct object){ctx + 1, data_type});
    }
    return 0;
}

SEC("fentry/__fsnotify_parent")
int BPF_PROG(notified_of_child, struct dentry *dentry, __u32 mask, void *data, __u32 data_type) {
    if (mask & OF_INODES) inode_changed(dentry->d_inode, mask, (struct object){ctx + 2, data_type});
    return 0;
}

/* The first store to a page since it was last written out. What is stored after that moves no time. */
SEC("fexit/file_update_time")
int BPF_PROG(stored, struct file *file) {
    struct subject subject;
    if (is_tracked(&subject, file->f_inode->i_sb->s_dev, file->f_inode->i_ino) && !is_own(subject.memory))
        report_inode(&subject, WATCH_DATA);
    /* A mapping of a stacking file system's file has the file below in its place. */
    struct inode *above = inode_above(file);
    if (above && is_tracked(&subject, BPF_CORE_READ(above, i_sb, s_dev), BPF_CORE_READ(above, i_ino)))
        report_inode(&subject, WATCH_DATA);
    return 0;
}

/* chattr(1). */
SEC("fexit/vfs_fileattr_set")
int BPF_PROG(flags_set, void *idmap, struct dentry *dentry, void *flags, int result) {
    struct subject subject;
    struct inode *inode = dentry->d_inode;
    if (!result && is_tracked(&subject, inode->i_sb->s_dev, inode->i_ino) && !is_own(subject.memory))
        report_inode(&subject, WATCH_ATTRIBUTES);
    return 0;
}
