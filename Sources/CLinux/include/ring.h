// io_uring as FUSE uses it: the system calls, the structures that they take, and those of FUSE's commands. <linux/io_uring.h> is
// not included: it brings <linux/fs.h>, whose names collide with Glibc's. ring.c asserts sizes and values against it.
#ifndef STACKFS_RING_H
#define STACKFS_RING_H

#include "syscalls.h"

struct linux_ring_sq_offsets {
    uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, resv1;
    uint64_t user_addr;
};
struct linux_ring_cq_offsets {
    uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1;
    uint64_t user_addr;
};
struct linux_ring_params {
    uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3];
    struct linux_ring_sq_offsets sq_off;
    struct linux_ring_cq_offsets cq_off;
};
struct linux_ring_cqe {
    uint64_t user_data;
    int32_t res;
    uint32_t flags;
};
// struct io_uring_rsrc_update.
struct linux_ring_update {
    uint32_t offset, resv;
    uint64_t data;
};

static const uint32_t LINUX_IORING_SETUP_R_DISABLED = 1u << 6;
static const uint32_t LINUX_IORING_SETUP_SQE128 = 1u << 10;
static const uint32_t LINUX_IORING_SETUP_SINGLE_ISSUER = 1u << 12;
static const uint32_t LINUX_IORING_SETUP_DEFER_TASKRUN = 1u << 13;
static const uint32_t LINUX_IORING_SETUP_NO_SQARRAY = 1u << 16;  // Linux 6.6
static const int64_t LINUX_IORING_OFF_SQES = 0x10000000;
static const uint32_t LINUX_IORING_ENTER_GETEVENTS = 1u << 0;
static const uint32_t LINUX_IORING_ENTER_REGISTERED_RING = 1u << 4;
static const uint32_t LINUX_IORING_REGISTER_FILES = 2;
static const uint32_t LINUX_IORING_REGISTER_ENABLE_RINGS = 12;
static const uint32_t LINUX_IORING_REGISTER_RING_FDS = 20;
static const uint8_t LINUX_IORING_OP_READ = 22;
static const uint8_t LINUX_IORING_OP_URING_CMD = 46;
static const uint8_t LINUX_IOSQE_FIXED_FILE = 1u << 0;

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

LINUX_CALL int64_t linux_io_uring_setup(uint32_t entries, struct linux_ring_params *_Nonnull params) {
    return linux_syscall(__NR_io_uring_setup, entries, (long)params, 0, 0, 0, 0);
}
LINUX_CALL int64_t linux_io_uring_enter(int ring, uint32_t submit, uint32_t wait, uint32_t flags) {
    return linux_syscall(__NR_io_uring_enter, ring, submit, wait, flags, 0, 0);
}
LINUX_CALL int64_t linux_io_uring_register(int ring, uint32_t operation, void *_Nullable argument, uint32_t count) {
    return linux_syscall(__NR_io_uring_register, ring, operation, (long)argument, count, 0, 0);
}
// `mask` has a bit for each processor, 64 a word; thread 0 is the calling one.
LINUX_CALL int64_t linux_sched_setaffinity(int32_t thread, const uint64_t *_Nonnull mask, size_t bytes) {
    return linux_syscall(__NR_sched_setaffinity, thread, (long)bytes, (long)mask, 0, 0, 0);
}

#endif
