// The messages of the FUSE kernel protocol, version 7.45, as they lie in memory. The structures carry the names that the
// kernel's own header (include/uapi/linux/fuse.h) and every other implementation use; it is not included, since the one that
// Debian 12 ships ends at 7.38. Sizes and offsets are asserted in Tests/FuseKernelTests/WireLayoutTests.swift.
//
// Operation codes, flag words and notification codes are Swift types: Sources/FuseKernel/Wire.
#ifndef STACKFS_FUSE_WIRE_H
#define STACKFS_FUSE_WIRE_H

#include <stdint.h>

// ---- headers -------------------------------------------------------------------------------------------------------

struct fuse_in_header {
    uint32_t len, opcode;
    uint64_t unique, nodeid;
    uint32_t uid, gid, pid;
    uint16_t total_extlen, padding;  // extensions at the end of the message, in units of 8 bytes (7.38)
};
struct fuse_out_header {
    uint32_t len;
    int32_t error;
    uint64_t unique;
};
struct fuse_ext_header {
    uint32_t size, type;
};

// ---- INIT ----------------------------------------------------------------------------------------------------------

struct fuse_init_in {
    uint32_t major, minor, max_readahead, flags, flags2, unused[11];
};
struct fuse_init_out {
    uint32_t major, minor, max_readahead, flags;
    uint16_t max_background, congestion_threshold;
    uint32_t max_write, time_gran;
    uint16_t max_pages, map_alignment;
    uint32_t flags2, max_stack_depth;
    uint16_t request_timeout, unused[11];
};

// ---- attributes ----------------------------------------------------------------------------------------------------

struct fuse_attr {
    uint64_t ino, size, blocks, atime, mtime, ctime;
    uint32_t atimensec, mtimensec, ctimensec, mode, nlink, uid, gid, rdev, blksize, flags;
};
struct fuse_entry_out {
    uint64_t nodeid, generation, entry_valid, attr_valid;
    uint32_t entry_valid_nsec, attr_valid_nsec;
    struct fuse_attr attr;
};
struct fuse_getattr_in {
    uint32_t getattr_flags, dummy;
    uint64_t fh;
};
struct fuse_attr_out {
    uint64_t attr_valid;
    uint32_t attr_valid_nsec, dummy;
    struct fuse_attr attr;
};
struct fuse_setattr_in {
    uint32_t valid, padding;
    uint64_t fh, size, lock_owner, atime, mtime, ctime;
    uint32_t atimensec, mtimensec, ctimensec, mode, unused4, uid, gid, unused5;
};
struct fuse_sx_time {
    int64_t tv_sec;
    uint32_t tv_nsec;
    int32_t reserved;
};
struct fuse_statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, spare0;
    uint64_t ino, size, blocks, attributes_mask;
    struct fuse_sx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t spare2[14];
};
struct fuse_statx_in {
    uint32_t getattr_flags, reserved;
    uint64_t fh;
    uint32_t sx_flags, sx_mask;
};
struct fuse_statx_out {
    uint64_t attr_valid;
    uint32_t attr_valid_nsec, flags;
    uint64_t spare[2];
    struct fuse_statx stat;
};
struct fuse_access_in {
    uint32_t mask, padding;
};

// ---- names ---------------------------------------------------------------------------------------------------------

struct fuse_forget_in {
    uint64_t nlookup;
};
struct fuse_forget_one {
    uint64_t nodeid, nlookup;
};
struct fuse_batch_forget_in {
    uint32_t count, dummy;
};
struct fuse_mknod_in {
    uint32_t mode, rdev, umask, padding;
};
struct fuse_mkdir_in {
    uint32_t mode, umask;
};
struct fuse_rename_in {
    uint64_t newdir;
};
struct fuse_rename2_in {
    uint64_t newdir;
    uint32_t flags, padding;
};
struct fuse_link_in {
    uint64_t oldnodeid;
};

// ---- files ---------------------------------------------------------------------------------------------------------

struct fuse_open_in {
    uint32_t flags, open_flags;
};
struct fuse_create_in {
    uint32_t flags, mode, umask, open_flags;
};
struct fuse_open_out {
    uint64_t fh;
    uint32_t open_flags;
    int32_t backing_id;
};
struct fuse_release_in {
    uint64_t fh;
    uint32_t flags, release_flags;
    uint64_t lock_owner;
};
struct fuse_flush_in {
    uint64_t fh;
    uint32_t unused, padding;
    uint64_t lock_owner;
};
struct fuse_read_in {
    uint64_t fh, offset;
    uint32_t size, read_flags;
    uint64_t lock_owner;
    uint32_t flags, padding;
};
struct fuse_write_in {
    uint64_t fh, offset;
    uint32_t size, write_flags;
    uint64_t lock_owner;
    uint32_t flags, padding;
};
struct fuse_write_out {
    uint32_t size, padding;
};
struct fuse_fsync_in {
    uint64_t fh;
    uint32_t fsync_flags, padding;
};
struct fuse_fallocate_in {
    uint64_t fh, offset, length;
    uint32_t mode, padding;
};
struct fuse_lseek_in {
    uint64_t fh, offset;
    uint32_t whence, padding;
};
struct fuse_lseek_out {
    uint64_t offset;
};
struct fuse_copy_file_range_in {
    uint64_t fh_in, off_in, nodeid_out, fh_out, off_out, len, flags;
};
struct fuse_copy_file_range_out {
    uint64_t bytes_copied;
};
struct fuse_ioctl_in {
    uint64_t fh;
    uint32_t flags, cmd;
    uint64_t arg;
    uint32_t in_size, out_size;
};
struct fuse_ioctl_out {
    int32_t result;
    uint32_t flags, in_iovs, out_iovs;
};
struct fuse_poll_in {
    uint64_t fh, kh;
    uint32_t flags, events;
};
struct fuse_poll_out {
    uint32_t revents, padding;
};
struct fuse_bmap_in {
    uint64_t block;
    uint32_t blocksize, padding;
};
struct fuse_bmap_out {
    uint64_t block;
};

// ---- locks, interrupts ---------------------------------------------------------------------------------------------

struct fuse_file_lock {
    uint64_t start, end;  // the last byte included
    uint32_t type, pid;
};
struct fuse_lk_in {
    uint64_t fh, owner;
    struct fuse_file_lock lk;
    uint32_t lk_flags, padding;
};
struct fuse_lk_out {
    struct fuse_file_lock lk;
};
struct fuse_interrupt_in {
    uint64_t unique;
};

// ---- directories, file systems -------------------------------------------------------------------------------------

struct fuse_dirent {
    uint64_t ino, off;
    uint32_t namelen, type;  // the name follows, padded with zero bytes to a multiple of 8
};
struct fuse_direntplus {
    struct fuse_entry_out entry_out;
    struct fuse_dirent dirent;
};
struct fuse_kstatfs {
    uint64_t blocks, bfree, bavail, files, ffree;
    uint32_t bsize, namelen, frsize, padding, spare[6];
};
struct fuse_statfs_out {
    struct fuse_kstatfs st;
};
struct fuse_syncfs_in {
    uint64_t padding;
};

// ---- extended attributes -------------------------------------------------------------------------------------------

struct fuse_setxattr_in {
    uint32_t size, flags, setxattr_flags, padding;
};
struct fuse_getxattr_in {
    uint32_t size, padding;
};
struct fuse_getxattr_out {
    uint32_t size, padding;
};

// ---- notifications -------------------------------------------------------------------------------------------------

struct fuse_notify_inval_inode_out {
    uint64_t ino;
    int64_t off, len;
};
struct fuse_notify_inval_entry_out {
    uint64_t parent;
    uint32_t namelen, flags;
};
struct fuse_notify_delete_out {
    uint64_t parent, child;
    uint32_t namelen, padding;
};
struct fuse_notify_poll_wakeup_out {
    uint64_t kh;
};
struct fuse_notify_store_out {
    uint64_t nodeid, offset;
    uint32_t size, padding;
};
struct fuse_notify_retrieve_out {
    uint64_t notify_unique, nodeid, offset;
    uint32_t size, padding;
};
struct fuse_notify_prune_out {
    uint32_t count, padding;
    uint64_t spare;
};

// ---- ioctl(2) on the device ----------------------------------------------------------------------------------------

struct fuse_backing_map {
    int32_t fd;
    uint32_t flags;
    uint64_t padding;
};
static const uint32_t FUSE_DEV_IOC_CLONE = 0x8004e500;
static const uint32_t FUSE_DEV_IOC_BACKING_OPEN = 0x4010e501;
static const uint32_t FUSE_DEV_IOC_BACKING_CLOSE = 0x4004e502;

#endif
