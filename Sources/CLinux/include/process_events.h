// The process connector: a netlink socket on which the kernel tells of every fork (linux/cn_proc.h, linux/connector.h). The
// layouts are asserted against the system's own headers in process_events.c.
#ifndef STACKFS_PROCESS_EVENTS_H
#define STACKFS_PROCESS_EVENTS_H

#include <stdint.h>

#include "syscalls.h"

// One event as it comes: netlink's header, the connector's, and struct proc_event with the fields of a fork. An
// acknowledgement has what == LINUX_PROC_EVENT_NONE and its error number in `parent_pid`.
struct linux_process_event {
    uint32_t length;
    uint16_t type, flags;
    uint32_t sequence, port;
    uint32_t connector_index, connector_value, connector_sequence, connector_ack;
    uint16_t data_length, data_flags;
    uint32_t what, cpu, timestamp[2];
    int32_t parent_pid, parent_tgid, child_pid, child_tgid;
    uint32_t unused[2];
};

static const uint32_t LINUX_PROC_EVENT_NONE = 0;
static const uint32_t LINUX_PROC_EVENT_FORK = 1;
static const uint32_t LINUX_PROC_EVENT_EXIT = 0x80000000;

// Opens such a socket, which never blocks, and asks for events. Returns the descriptor or -errno; whether the process may have
// events is told by the first one, an acknowledgement.
int linux_open_process_events(void);

#endif
