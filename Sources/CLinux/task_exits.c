#define _GNU_SOURCE
#include "task_exits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
    struct nlmsghdr header;
    struct genlmsghdr command;
    char attributes[256];
};

// Sends one command with one attribute of text.
static int send_command(int fd, uint16_t family, uint8_t command, uint16_t type, const char *text) {
    struct message message = {
        .header = {.nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .command = {.cmd = command, .version = 1},
    };
    size_t length = strlen(text) + 1;
    struct nlattr attribute = {.nla_len = NLA_HDRLEN + length, .nla_type = type};
    if (NLA_ALIGN(attribute.nla_len) > sizeof message.attributes) return -E2BIG;
    memcpy(message.attributes, &attribute, sizeof attribute);
    memcpy(message.attributes + NLA_HDRLEN, text, length);
    message.header.nlmsg_len = offsetof(struct message, attributes) + NLA_ALIGN(attribute.nla_len);
    return send(fd, &message, message.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

// Finds an attribute of `type` among `length` bytes; its payload's length, or -1.
static int find(const char *bytes, size_t length, uint16_t type, const char **payload) {
    while (length >= NLA_HDRLEN) {
        struct nlattr attribute;
        memcpy(&attribute, bytes, sizeof attribute);
        if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > length) return -1;
        if ((attribute.nla_type & NLA_TYPE_MASK) == type) {
            *payload = bytes + NLA_HDRLEN;
            return attribute.nla_len - NLA_HDRLEN;
        }
        size_t step = NLA_ALIGN(attribute.nla_len);
        if (step >= length) return -1;
        bytes += step;
        length -= step;
    }
    return -1;
}

// Takes messages until the acknowledgement; 0, or what it says. Replies on the way give the number of the family.
static int acknowledge(int fd, uint16_t *family) {
    char buffer[8192];
    for (;;) {
        ssize_t count = recv(fd, buffer, sizeof buffer, 0);
        if (count < 0) return -errno;
        size_t at = 0;
        while (at + sizeof(struct nlmsghdr) <= (size_t)count) {
            struct nlmsghdr header;
            memcpy(&header, buffer + at, sizeof header);
            if (header.nlmsg_len < sizeof header || header.nlmsg_len > (size_t)count - at) return -EIO;
            if (header.nlmsg_type == NLMSG_ERROR) {
                int error = -EIO;
                if (header.nlmsg_len >= sizeof header + sizeof error) memcpy(&error, buffer + at + sizeof header, sizeof error);
                return error;
            }
            const size_t start = offsetof(struct message, attributes);
            const char *payload;
            if (family && header.nlmsg_type == GENL_ID_CTRL && header.nlmsg_len > start &&
                find(buffer + at + start, header.nlmsg_len - start, CTRL_ATTR_FAMILY_ID, &payload) >= 2)
                memcpy(family, payload, sizeof *family);
            at += NLMSG_ALIGN(header.nlmsg_len);
        }
    }
}

int linux_open_task_exits(const char *list) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    if (fd < 0) return -errno;
    // Room for a few thousand threads between two looks: all of the machine's are told.
    int size = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    uint16_t family = 0;
    // Connected to port 0, it takes what the kernel sends and nothing else.
    int error = connect(fd, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? -errno : 0;
    if (!error) error = send_command(fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME);
    if (!error) error = acknowledge(fd, &family);
    if (!error && !family) error = -ENOENT;
    if (!error) error = send_command(fd, family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, list);
    if (!error) error = acknowledge(fd, NULL);
    if (!error && fcntl(fd, F_SETFL, O_NONBLOCK) < 0) error = -errno;
    if (error) {
        close(fd);
        return error;
    }
    return fd;
}

int linux_next_task_exit(int fd, struct linux_task_exit *out) {
    char buffer[8192];
    // read(2), as a daemon that has confined itself may not call recv(2).
    ssize_t count = read(fd, buffer, sizeof buffer);
    if (count < 0) return -errno;
    const size_t start = offsetof(struct message, attributes);
    if ((size_t)count <= start) return 0;
    const char *task, *number, *statistics;
    int length = find(buffer + start, count - start, TASKSTATS_TYPE_AGGR_PID, &task);
    if (length < 0 || find(task, length, TASKSTATS_TYPE_PID, &number) < 4) return 0;
    length = find(task, length, TASKSTATS_TYPE_STATS, &statistics);
    // ac_tgid came with version 12; an older kernel does not tell whose thread it was.
    if (length < (int)(offsetof(struct taskstats, ac_tgid) + sizeof(uint32_t))) return 0;
    struct taskstats values = {0};
    memcpy(&values, statistics, (size_t)length < sizeof values ? (size_t)length : sizeof values);
    *out = (struct linux_task_exit){
        .tgid = values.ac_tgid,
        .parent = values.ac_ppid,
        .running = values.cpu_run_virtual_total,
        .waiting = values.cpu_delay_total,
        .user = values.ac_utime * 1000,
        .system = values.ac_stime * 1000,
        .minor_faults = values.ac_minflt,
        .major_faults = values.ac_majflt,
        .most_resident = values.hiwater_rss << 10,
        .read_bytes = values.read_bytes,
        .written_bytes = values.write_bytes,
        .read_calls = values.read_syscalls,
        .write_calls = values.write_syscalls,
    };
    memcpy(&out->tid, number, sizeof out->tid);
    return 1;
}
