/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the iterator over descriptors (held.bpf.c) writes, and its loader (Sources/ExtCache/BPF) reads. */
#ifndef STACKFS_HELD_H
#define STACKFS_HELD_H

#ifdef __bpf__
#include "kernel.h"
#else
#include <linux/types.h>
#endif

/* A descriptor on a FUSE mount. */
struct held_file {
    /* The inode, as the mount's daemon has numbered it; 0 in a record that only fills the reader's buffer. */
    __u64 node;
    /* The mount's device, as struct super_block has it. */
    __u32 device;
    __u32 unused;
};

#endif
