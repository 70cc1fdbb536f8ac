// What each thread has used by the time it exits, as the kernel tells it on a netlink socket (linux/taskstats.h).
#ifndef STACKFS_TASK_EXITS_H
#define STACKFS_TASK_EXITS_H

#include <stdint.h>

// One thread that exited. Times are nanoseconds. `running` is exact; `user` and `system` are counted in ticks of the clock.
struct linux_task_exit {
    int32_t tid, tgid, parent;
    uint64_t running, waiting, user, system;
    uint64_t minor_faults, major_faults;
    // Of its process, bytes: the most that was resident.
    uint64_t most_resident;
    uint64_t read_bytes, written_bytes, read_calls, write_calls;
};

// Opens such a socket, which never blocks, for the processors `list` ("0-3"). Takes CAP_NET_ADMIN in the first user namespace
// and the first pid namespace to begin with, and nothing afterwards. Returns the descriptor or -errno.
int linux_open_task_exits(const char *_Nonnull list);

// Takes the next one: 1 for a thread, 0 for another message, or -errno: EAGAIN where there is none, ENOBUFS where some were lost.
int linux_next_task_exit(int fd, struct linux_task_exit *_Nonnull exit);

#endif
