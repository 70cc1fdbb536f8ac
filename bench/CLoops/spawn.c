#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

static void attach(int descriptor, int standard) {
    if (descriptor < 0) descriptor = open("/dev/null", O_RDWR);
    if (descriptor != standard) dup2(descriptor, standard);
}

int bench_spawn(const char *const *arguments, const char *directory, int input, int output, int error, int64_t user) {
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) return -errno;
    if (child > 0) return child;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    attach(input, 0);
    attach(output, 1);
    attach(error, 2);
    if (user >= 0 && (setgroups(0, NULL) < 0 || setgid((gid_t)user) < 0 || setuid((uid_t)user) < 0)) _exit(127);
    if (directory && chdir(directory) < 0) _exit(127);
    execvp(arguments[0], (char *const *)arguments);
    _exit(127);
}

int bench_private_mounts(void) {
    if (unshare(CLONE_NEWNS) < 0) return -errno;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

int bench_unmount(const char *path, int lazy) {
    return umount2(path, lazy ? MNT_DETACH : 0) < 0 ? -errno : 0;
}
