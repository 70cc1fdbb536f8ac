/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists descriptors on FUSE mounts, of all processes. Reading the iterator runs the program once for each descriptor, in the reader;
 * no mount is asked anything. */
#include "held.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

SEC("iter/task_file")
int held(struct bpf_iter__task_file *context) {
    struct file *file = context->file;
    if (!file) return 0;
    struct inode *inode = file->f_inode;
    struct held_file record = {};
    if (inode && inode->i_sb->s_magic == FUSE_SUPER_MAGIC) {
        struct fuse_inode *node = (void *)inode - bpf_core_field_offset(struct fuse_inode, inode);
        record.node = BPF_CORE_READ(node, nodeid);
        record.device = inode->i_sb->s_dev;
    } else if (context->meta->seq_num % 64) {
        return 0;
    }
    /* Every so often there is a record in any case, as the reader's call ends when its buffer is full. */
    bpf_seq_write(context->meta->seq, &record, sizeof record);
    return 0;
}
