/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the change watcher's programs (watch.bpf.c) and their loader (Sources/ExtCache/BPF) share. */
#ifndef STACKFS_WATCH_H
#define STACKFS_WATCH_H

#ifdef __bpf__
#include "kernel.h"
#else
#include <linux/types.h>
#endif

/* What has changed. */
enum watch_kind {
    WATCH_ATTRIBUTES = 0, /* an inode's attributes */
    WATCH_DATA = 1,       /* its data, and with them its attributes */
    WATCH_NAME = 2,       /* a name in a directory, and with it the directory's attributes */
};

/* A record of the ring buffer. Those of kind WATCH_NAME go on with the name, WATCH_SHORT_NAME or WATCH_LONG_NAME bytes of which
 * `name_length` count.
 *
 * An inode is named by its number alone, st_ino: the device that stat(2) tells is not the superblock's on btrfs and overlayfs. Who has
 * an inode of that number on another device hears too much, and never too little; so does who has a later inode of the same number. */
struct watch_event {
    __u64 inode;
    __u8 kind;
    __u8 name_length;
    __u16 unused[3];
};

#define WATCH_SHORT_NAME 40
#define WATCH_LONG_NAME 256 /* NAME_MAX + 1: whole words */

#define WATCH_RING_BYTES (1u << 20)
#define WATCH_DEVICES 64
#define WATCH_SLOT_BITS 10
#define WATCH_SLOTS (1u << WATCH_SLOT_BITS)
#define WATCH_FILTER_BITS 21
#define WATCH_FILTER_SIZE (1u << WATCH_FILTER_BITS)

/* Memory that programs and loader both map: the loader says there what it wants to hear of, without a system call. */
struct watch_shared {
    /* The loader's thread group, whose own changes it knows, as its PID namespace has it. */
    __u32 own_process;
    __u32 own_namespace_inode;
    __u64 own_namespace_device;
    /* The device of the loader's FUSE mount, 0 if unknown: the kernel refreshes the attributes of what it writes by passthrough. */
    __u32 own_mount;
    /* The superblocks of the lower tree; of all others nothing is reported. A count beyond the room stands for all of them. */
    __u32 device_count;
    __u32 devices[WATCH_DEVICES];
    /* Records for which the ring buffer had no room. */
    __u64 dropped;
    /* Who is told of already: an inode's number stands here from the record to its reading, and further changes of the same kind add
     * no record meanwhile. The reader clears it before it acts. */
    __u64 pending[WATCH_NAME][WATCH_SLOTS];
    /* How many tracked inodes fall into each bucket; 255 stays. A counting Bloom filter of one hash: who is tracked is always
     * found, who is not seldom; the loader knows. */
    __u8 filter[WATCH_FILTER_SIZE];
};

/* A device number as struct super_block has it. */
static inline __u32 watch_device(__u32 major, __u32 minor) { return major << 20 | minor; }

static inline __u64 watch_hash(__u64 inode) { return inode * 0x9e3779b97f4a7c15ull; }

/* The place of an inode in `filter`, and in each half of `pending`. */
static inline __u32 watch_bucket(__u64 inode) { return watch_hash(inode) >> (64 - WATCH_FILTER_BITS); }
static inline __u32 watch_slot(__u64 inode) { return watch_hash(inode) >> (64 - WATCH_SLOT_BITS); }

/* For Swift, which has no arrays of this length. */
static inline __u32 *watch_devices(struct watch_shared *memory) { return memory->devices; }
static inline __u64 *watch_pending(struct watch_shared *memory, __u8 kind) { return memory->pending[kind]; }
static inline __u8 *watch_filter(struct watch_shared *memory) { return memory->filter; }
static inline const char *watch_name(const struct watch_event *event) { return (const char *)(event + 1); }

#endif
