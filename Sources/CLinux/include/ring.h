// io_uring as FUSE uses it: the system calls, and the two structures that <linux/io_uring.h> has as unions or not at all.
#ifndef STACKFS_RING_H
#define STACKFS_RING_H

#include <linux/io_uring.h>

#include "syscalls.h"

// A submission entry of 128 bytes (IORING_SETUP_SQE128) with the command area of FUSE in it: struct fuse_uring_cmd_req of
// include/uapi/linux/fuse.h, which lies at byte 48.
struct linux_ring_sqe {
    uint8_t opcode, flags;
    uint16_t ioprio;
    int32_t fd;
    uint32_t cmd_op, pad1;
    uint64_t addr;
    uint32_t len, rw_flags;
    uint64_t user_data;
    uint16_t buf_index, personality;
    uint32_t splice_fd_in;
    uint64_t cmd_flags, commit_id;
    uint16_t queue;
    uint8_t padding[6];
    uint8_t rest[56];
};
_Static_assert(sizeof(struct linux_ring_sqe) == 128, "sqe");
_Static_assert(offsetof(struct linux_ring_sqe, user_data) == 32, "user_data");
_Static_assert(offsetof(struct linux_ring_sqe, cmd_flags) == 48, "cmd");

// struct fuse_uring_req_header (7.42): the request's header, the operation's first argument, and where the rest is.
struct fuse_uring_req_header {
    uint8_t in_out[128];
    uint8_t op_in[128];
    uint64_t flags, commit_id;
    uint32_t payload_sz, padding;
    uint64_t reserved;
};
_Static_assert(sizeof(struct fuse_uring_req_header) == 288, "ring header");

static const uint32_t FUSE_IO_URING_CMD_REGISTER = 1;
static const uint32_t FUSE_IO_URING_CMD_COMMIT_AND_FETCH = 2;

LINUX_CALL int64_t linux_io_uring_setup(uint32_t entries, struct io_uring_params *_Nonnull params) {
    return linux_syscall(__NR_io_uring_setup, entries, (long)params, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_io_uring_enter(int ring, uint32_t submit, uint32_t wait, uint32_t flags) {
    return linux_syscall(__NR_io_uring_enter, ring, submit, wait, flags, 0, 0);
}
LINUX_CALL int64_t linux_io_uring_register(int ring, uint32_t operation, void *_Nullable argument, uint32_t count) {
    return linux_syscall(__NR_io_uring_register, ring, operation, (long)argument, count, 0, 0);
}
// `mask` has a bit for each processor, 64 a word; the calling thread alone is meant.
LINUX_CALL int64_t linux_sched_setaffinity(const uint64_t *_Nonnull mask, size_t bytes) {
    return linux_syscall(__NR_sched_setaffinity, 0, (long)bytes, (long)mask, 0, 0, 0);
}

#endif
