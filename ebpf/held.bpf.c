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
    if (!inode || inode->i_sb->s_magic != FUSE_SUPER_MAGIC) return 0;
    struct held_file record = {.device = inode->i_sb->s_dev, .flags = file->f_flags};
    struct fuse_inode *node = (void *)inode - bpf_core_field_offset(struct fuse_inode, inode);
    record.node = BPF_CORE_READ(node, nodeid);
    bpf_seq_write(context->meta->seq, &record, sizeof record);
    return 0;
}
