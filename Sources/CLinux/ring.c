// The proof of ring.h against the system's own header, as far as that of Debian 12 goes (NO_SQARRAY is later).
#include "ring.h"

#include <linux/io_uring.h>

#define SAME(name) _Static_assert((uint64_t)LINUX_##name == (uint64_t)name, #name)

SAME(IORING_SETUP_R_DISABLED);
SAME(IORING_SETUP_SQE128);
SAME(IORING_SETUP_SINGLE_ISSUER);
SAME(IORING_SETUP_DEFER_TASKRUN);
SAME(IORING_OFF_SQES);
SAME(IORING_ENTER_GETEVENTS);
SAME(IORING_ENTER_REGISTERED_RING);
SAME(IORING_REGISTER_FILES);
SAME(IORING_REGISTER_ENABLE_RINGS);
SAME(IORING_REGISTER_RING_FDS);
SAME(IORING_OP_READ);
SAME(IORING_OP_URING_CMD);
SAME(IOSQE_FIXED_FILE);
_Static_assert(sizeof(struct linux_ring_params) == sizeof(struct io_uring_params), "params");
_Static_assert(offsetof(struct linux_ring_params, cq_off) == offsetof(struct io_uring_params, cq_off), "cq_off");
_Static_assert(sizeof(struct linux_ring_cqe) == sizeof(struct io_uring_cqe), "cqe");
_Static_assert(sizeof(struct linux_ring_update) == sizeof(struct io_uring_rsrc_update), "update");
