#define _GNU_SOURCE
#include "process_events.h"

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT(field, offset) _Static_assert(offsetof(struct linux_process_event, field) == (offset), #field)

_Static_assert(sizeof(struct nlmsghdr) + sizeof(struct cn_msg) + sizeof(struct proc_event) ==
                   sizeof(struct linux_process_event),
               "proc_event");
AT(port, offsetof(struct nlmsghdr, nlmsg_pid));
AT(connector_index, sizeof(struct nlmsghdr));
AT(what, sizeof(struct nlmsghdr) + sizeof(struct cn_msg));
AT(parent_pid, sizeof(struct nlmsghdr) + sizeof(struct cn_msg) + offsetof(struct proc_event, event_data));
AT(child_tgid, sizeof(struct nlmsghdr) + sizeof(struct cn_msg) +
                   offsetof(struct proc_event, event_data.fork.child_tgid));
_Static_assert(PROC_EVENT_FORK == 1 && PROC_EVENT_NONE == 0 && PROC_EVENT_EXIT == 0x80000000, "events");

int linux_open_process_events(void) {
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
    if (fd < 0) return -errno;
    // Room for more than a thousand events between two looks.
    int size = 1 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
    struct {
        struct nlmsghdr header;
        uint32_t index, value, sequence, ack;
        uint16_t length, flags;
        uint32_t operation;
    } request = {
        .header = {.nlmsg_len = sizeof request, .nlmsg_type = NLMSG_DONE},
        .index = CN_IDX_PROC,
        .value = CN_VAL_PROC,
        .length = sizeof request.operation,
        .operation = PROC_CN_MCAST_LISTEN,
    };
    _Static_assert(sizeof request == sizeof(struct nlmsghdr) + sizeof(struct cn_msg) + 4, "request");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || send(fd, &request, sizeof request, 0) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}
