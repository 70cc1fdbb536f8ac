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

/* Stands between the change, which is made, and the look at who is tracked; the loader notes who is, and looks at the inode after it.
 * So one of the two sees the other. */
static __always_inline void full_barrier(void) {
    volatile __u64 word = 0;
    __sync_fetch_and_add(&word, 1);
}

/* The shared memory if an inode of this number is tracked on the superblock, else NULL. */
static __always_inline struct watch_shared *tracking(__u32 device, __u64 inode) {
    __u32 zero = 0, place = 0;
    struct watch_shared *memory = bpf_map_lookup_elem(&shared, &zero);
    if (!memory) return NULL;
    __u32 count = memory->device_count;
    if (count <= WATCH_DEVICES) {
        for (; place < WATCH_DEVICES; place++) {
            if (place >= count) return NULL;
            if (memory->devices[place] == device) break;
        }
    }
    full_barrier();
    return memory->filter[watch_bucket(inode)] ? memory : NULL;
}

/* The loader itself makes changes for the mount, and the kernel, which asked for them, knows. */
static __always_inline bool is_own(struct watch_shared *memory) {
    struct bpf_pidns_info process = {};
    return !bpf_get_ns_current_pid_tgid(
               memory->own_namespace_device, memory->own_namespace_inode, &process, sizeof process) &&
           process.tgid == memory->own_process;
}

/* The inode of the stacking file system's file that a kernel's own open file stands for; NULL for any other file, or something that is
 * no inode. */
static __always_inline struct inode *inode_above(struct file *file) {
    if (!bpf_core_field_exists(struct backing_file, user_path)) return NULL;
    if (!(BPF_CORE_READ(file, f_mode) & FMODE_NOACCOUNT)) return NULL;
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

/* An inode has changed. */
static __always_inline void report_inode(struct watch_shared *memory, __u64 inode, __u8 kind) {
    __u64 *pending = &memory->pending[kind == WATCH_DATA][watch_slot(inode)];
    if (__sync_lock_test_and_set(pending, inode) == inode) return;
    struct watch_event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
    if (!event) {
        /* In this order: who has relied on the number meanwhile has made its change before the loss is counted. */
        __sync_val_compare_and_swap(pending, inode, 0);
        __sync_fetch_and_add(&memory->dropped, 1);
        return;
    }
    event->inode = inode;
    event->kind = kind;
    event->name_length = 0;
    bpf_ringbuf_submit(event, 0);
}

/* A name has appeared in a directory, disappeared, or leads elsewhere. */
static __always_inline void report_name(struct watch_shared *memory, __u64 directory, const struct qstr *name) {
    const unsigned char *bytes = name->name;
    struct watch_event *event;
    long copied;
    if (name->len < WATCH_SHORT_NAME) {
        event = bpf_ringbuf_reserve(&events, sizeof *event + WATCH_SHORT_NAME, 0);
        if (!event) goto dropped;
        copied = bpf_probe_read_kernel_str(event + 1, WATCH_SHORT_NAME, bytes);
    } else {
        event = bpf_ringbuf_reserve(&events, sizeof *event + WATCH_LONG_NAME, 0);
        if (!event) goto dropped;
        copied = bpf_probe_read_kernel_str(event + 1, WATCH_LONG_NAME, bytes);
    }
    if (copied <= 1) {
        bpf_ringbuf_discard(event, 0);
        goto dropped;
    }
    event->inode = directory;
    event->kind = WATCH_NAME;
    /* Without the zero that ends it. */
    event->name_length = copied - 1;
    bpf_ringbuf_submit(event, 0);
    return;
dropped:
    __sync_fetch_and_add(&memory->dropped, 1);
}

#define OF_NAMES (FS_CREATE | FS_DELETE | FS_MOVED_FROM | FS_MOVED_TO)
#define OF_INODES (FS_MODIFY | FS_ATTRIB | FS_DELETE_SELF | FS_MOVE_SELF)

static __always_inline void inode_changed(struct inode *inode, __u32 mask, struct object object) {
    if (!inode) return;
    __u64 number = inode->i_ino;
    struct watch_shared *memory = tracking(inode->i_sb->s_dev, number);
    if (!memory || is_own(memory)) return;
    bool modified = mask & FS_MODIFY;
    if (modified && is_own_passthrough(memory, object)) return;
    report_inode(memory, number, modified ? WATCH_DATA : WATCH_ATTRIBUTES);
}

SEC("fentry/fsnotify")
int BPF_PROG(notified, __u32 mask, void *data, __u32 data_type, struct inode *directory, const struct qstr *name,
             struct inode *inode) {
    if (mask & OF_NAMES) {
        if (!directory || !name) return 0;
        __u64 number = directory->i_ino;
        struct watch_shared *memory = tracking(directory->i_sb->s_dev, number);
        if (memory && !is_own(memory)) report_name(memory, number, name);
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

/* The first store to a page since it was last written out: what is stored after that moves no time. On tmpfs every write comes here too,
 * and the loader's own are known; it stores through no mapping. */
SEC("fexit/file_update_time")
int BPF_PROG(stored, struct file *file) {
    __u64 number = file->f_inode->i_ino;
    struct watch_shared *memory = tracking(file->f_inode->i_sb->s_dev, number);
    if (memory && !is_own(memory)) report_inode(memory, number, WATCH_DATA);
    /* A mapping of a stacking file system's file has the file below in its place. */
    struct inode *above = inode_above(file);
    if (!above) return 0;
    number = BPF_CORE_READ(above, i_ino);
    memory = tracking(BPF_CORE_READ(above, i_sb, s_dev), number);
    if (memory) report_inode(memory, number, WATCH_DATA);
    return 0;
}

/* chattr(1). */
SEC("fexit/vfs_fileattr_set")
int BPF_PROG(flags_set, void *idmap, struct dentry *dentry, void *flags, int result) {
    if (result) return 0;
    __u64 number = dentry->d_inode->i_ino;
    struct watch_shared *memory = tracking(dentry->d_inode->i_sb->s_dev, number);
    if (memory && !is_own(memory)) report_inode(memory, number, WATCH_ATTRIBUTES);
    return 0;
}
