// The few functions of libfuse 2.9 that stackfs uses, declared here and not taken from <fuse_lowlevel.h>: that header wants
// _FILE_OFFSET_BITS=64, with which struct flock and fd_set differ from those of Swift's Glibc module and the build breaks.
// The parameter and return types are those of libfuse 2.9's fuse_common.h, fuse_lowlevel.h and fuse_opt.h.
#ifndef STACKFS_CFUSE_SHIM_H
#define STACKFS_CFUSE_SHIM_H

struct fuse_chan;

struct fuse_args {
    int argc;
    char **argv;
    int allocated;
};

struct fuse_chan *fuse_mount(const char *mountpoint, struct fuse_args *args);
void fuse_unmount(const char *mountpoint, struct fuse_chan *channel);
int fuse_chan_fd(struct fuse_chan *channel);
int fuse_opt_add_arg(struct fuse_args *args, const char *argument);
void fuse_opt_free_args(struct fuse_args *args);
int fuse_version(void);

#endif
