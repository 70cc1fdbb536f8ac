import CLinux
import Testing

/// How one structure lies in memory, measured, and how the protocol wants it.
struct Layout: Sendable, CustomTestStringConvertible {
    let name: String
    let size: (found: Int, wanted: Int)
    let alignment: (found: Int, wanted: Int)
    let offsets: [(found: Int?, wanted: Int)]
    let fieldCount: Int

    init<T>(_ value: T, size: Int, alignment: Int, _ fields: [(PartialKeyPath<T>, Int)]) {
        name = "\(T.self)"
        self.size = (MemoryLayout<T>.size, size)
        self.alignment = (MemoryLayout<T>.alignment, alignment)
        offsets = fields.map { (MemoryLayout<T>.offset(of: $0.0), $0.1) }
        fieldCount = Mirror(reflecting: value).children.count
    }

    var testDescription: String { name }
}

/// Every structure of fuse_wire.h and syscalls.h, field by field. The numbers are those of include/uapi/linux/fuse.h (7.45) and
/// of the kernel's other headers, written out: a change of the C structures cannot change them.
@Suite struct WireLayoutTests {
    @Test(arguments: LayoutTable.all) func layout(_ layout: Layout) {
        #expect(layout.size.found == layout.size.wanted)
        #expect(layout.alignment.found == layout.alignment.wanted)
        for (index, offset) in layout.offsets.enumerated() {
            #expect(offset.found == offset.wanted, "field \(index)")
        }
        #expect(layout.offsets.count == layout.fieldCount, "every field has its line in the table")
    }

    @Test func ioctlNumbers() {
        #expect(FUSE_DEV_IOC_CLONE == 0x8004_e500)
        #expect(FUSE_DEV_IOC_BACKING_OPEN == 0x4010_e501)
        #expect(FUSE_DEV_IOC_BACKING_CLOSE == 0x4004_e502)
    }
}

/// The table, a family of messages each.
enum LayoutTable {
    static let all = [headers, attributes, names, files, locksAndDirectories, notifications, systemCalls].flatMap { $0 }

    static let headers: [Layout] = [
        Layout(
            fuse_in_header(), size: 40, alignment: 8,
            [
                (\.len, 0), (\.opcode, 4), (\.unique, 8), (\.nodeid, 16), (\.uid, 24), (\.gid, 28), (\.pid, 32),
                (\.total_extlen, 36), (\.padding, 38),
            ]),
        Layout(fuse_out_header(), size: 16, alignment: 8, [(\.len, 0), (\.error, 4), (\.unique, 8)]),
        Layout(fuse_ext_header(), size: 8, alignment: 4, [(\.size, 0), (\.type, 4)]),
        Layout(
            fuse_init_in(), size: 64, alignment: 4,
            [
                (\.major, 0), (\.minor, 4), (\.max_readahead, 8), (\.flags, 12), (\.flags2, 16), (\.unused, 20),
            ]),
        Layout(
            fuse_init_out(), size: 64, alignment: 4,
            [
                (\.major, 0), (\.minor, 4), (\.max_readahead, 8), (\.flags, 12), (\.max_background, 16),
                (\.congestion_threshold, 18), (\.max_write, 20), (\.time_gran, 24), (\.max_pages, 28),
                (\.map_alignment, 30), (\.flags2, 32), (\.max_stack_depth, 36), (\.request_timeout, 40), (\.unused, 42),
            ]),
        Layout(fuse_interrupt_in(), size: 8, alignment: 8, [(\.unique, 0)]),
    ]

    static let attributes: [Layout] = [
        Layout(
            fuse_attr(), size: 88, alignment: 8,
            [
                (\.ino, 0), (\.size, 8), (\.blocks, 16), (\.atime, 24), (\.mtime, 32), (\.ctime, 40), (\.atimensec, 48),
                (\.mtimensec, 52), (\.ctimensec, 56), (\.mode, 60), (\.nlink, 64), (\.uid, 68), (\.gid, 72),
                (\.rdev, 76), (\.blksize, 80), (\.flags, 84),
            ]),
        Layout(
            fuse_entry_out(), size: 128, alignment: 8,
            [
                (\.nodeid, 0), (\.generation, 8), (\.entry_valid, 16), (\.attr_valid, 24), (\.entry_valid_nsec, 32),
                (\.attr_valid_nsec, 36), (\.attr, 40),
            ]),
        Layout(fuse_getattr_in(), size: 16, alignment: 8, [(\.getattr_flags, 0), (\.dummy, 4), (\.fh, 8)]),
        Layout(
            fuse_attr_out(), size: 104, alignment: 8,
            [
                (\.attr_valid, 0), (\.attr_valid_nsec, 8), (\.dummy, 12), (\.attr, 16),
            ]),
        Layout(
            fuse_setattr_in(), size: 88, alignment: 8,
            [
                (\.valid, 0), (\.padding, 4), (\.fh, 8), (\.size, 16), (\.lock_owner, 24), (\.atime, 32), (\.mtime, 40),
                (\.ctime, 48), (\.atimensec, 56), (\.mtimensec, 60), (\.ctimensec, 64), (\.mode, 68), (\.unused4, 72),
                (\.uid, 76), (\.gid, 80), (\.unused5, 84),
            ]),
        Layout(fuse_sx_time(), size: 16, alignment: 8, [(\.tv_sec, 0), (\.tv_nsec, 8), (\.reserved, 12)]),
        Layout(
            fuse_statx(), size: 256, alignment: 8,
            [
                (\.mask, 0), (\.blksize, 4), (\.attributes, 8), (\.nlink, 16), (\.uid, 20), (\.gid, 24), (\.mode, 28),
                (\.spare0, 30), (\.ino, 32), (\.size, 40), (\.blocks, 48), (\.attributes_mask, 56), (\.atime, 64),
                (\.btime, 80), (\.ctime, 96), (\.mtime, 112), (\.rdev_major, 128), (\.rdev_minor, 132),
                (\.dev_major, 136), (\.dev_minor, 140), (\.spare2, 144),
            ]),
        Layout(
            fuse_statx_in(), size: 24, alignment: 8,
            [
                (\.getattr_flags, 0), (\.reserved, 4), (\.fh, 8), (\.sx_flags, 16), (\.sx_mask, 20),
            ]),
        Layout(
            fuse_statx_out(), size: 288, alignment: 8,
            [
                (\.attr_valid, 0), (\.attr_valid_nsec, 8), (\.flags, 12), (\.spare, 16), (\.stat, 32),
            ]),
        Layout(fuse_access_in(), size: 8, alignment: 4, [(\.mask, 0), (\.padding, 4)]),
    ]

    static let names: [Layout] = [
        Layout(fuse_forget_in(), size: 8, alignment: 8, [(\.nlookup, 0)]),
        Layout(fuse_forget_one(), size: 16, alignment: 8, [(\.nodeid, 0), (\.nlookup, 8)]),
        Layout(fuse_batch_forget_in(), size: 8, alignment: 4, [(\.count, 0), (\.dummy, 4)]),
        Layout(fuse_mknod_in(), size: 16, alignment: 4, [(\.mode, 0), (\.rdev, 4), (\.umask, 8), (\.padding, 12)]),
        Layout(fuse_mkdir_in(), size: 8, alignment: 4, [(\.mode, 0), (\.umask, 4)]),
        Layout(fuse_rename_in(), size: 8, alignment: 8, [(\.newdir, 0)]),
        Layout(fuse_rename2_in(), size: 16, alignment: 8, [(\.newdir, 0), (\.flags, 8), (\.padding, 12)]),
        Layout(fuse_link_in(), size: 8, alignment: 8, [(\.oldnodeid, 0)]),
    ]

    static let files: [Layout] = [
        Layout(fuse_open_in(), size: 8, alignment: 4, [(\.flags, 0), (\.open_flags, 4)]),
        Layout(
            fuse_create_in(), size: 16, alignment: 4, [(\.flags, 0), (\.mode, 4), (\.umask, 8), (\.open_flags, 12)]),
        Layout(fuse_open_out(), size: 16, alignment: 8, [(\.fh, 0), (\.open_flags, 8), (\.backing_id, 12)]),
        Layout(
            fuse_release_in(), size: 24, alignment: 8,
            [
                (\.fh, 0), (\.flags, 8), (\.release_flags, 12), (\.lock_owner, 16),
            ]),
        Layout(
            fuse_flush_in(), size: 24, alignment: 8,
            [
                (\.fh, 0), (\.unused, 8), (\.padding, 12), (\.lock_owner, 16),
            ]),
        Layout(
            fuse_read_in(), size: 40, alignment: 8,
            [
                (\.fh, 0), (\.offset, 8), (\.size, 16), (\.read_flags, 20), (\.lock_owner, 24), (\.flags, 32),
                (\.padding, 36),
            ]),
        Layout(
            fuse_write_in(), size: 40, alignment: 8,
            [
                (\.fh, 0), (\.offset, 8), (\.size, 16), (\.write_flags, 20), (\.lock_owner, 24), (\.flags, 32),
                (\.padding, 36),
            ]),
        Layout(fuse_write_out(), size: 8, alignment: 4, [(\.size, 0), (\.padding, 4)]),
        Layout(fuse_fsync_in(), size: 16, alignment: 8, [(\.fh, 0), (\.fsync_flags, 8), (\.padding, 12)]),
        Layout(
            fuse_fallocate_in(), size: 32, alignment: 8,
            [
                (\.fh, 0), (\.offset, 8), (\.length, 16), (\.mode, 24), (\.padding, 28),
            ]),
        Layout(fuse_lseek_in(), size: 24, alignment: 8, [(\.fh, 0), (\.offset, 8), (\.whence, 16), (\.padding, 20)]),
        Layout(fuse_lseek_out(), size: 8, alignment: 8, [(\.offset, 0)]),
        Layout(
            fuse_copy_file_range_in(), size: 56, alignment: 8,
            [
                (\.fh_in, 0), (\.off_in, 8), (\.nodeid_out, 16), (\.fh_out, 24), (\.off_out, 32), (\.len, 40),
                (\.flags, 48),
            ]),
        Layout(fuse_copy_file_range_out(), size: 8, alignment: 8, [(\.bytes_copied, 0)]),
        Layout(
            fuse_ioctl_in(), size: 32, alignment: 8,
            [
                (\.fh, 0), (\.flags, 8), (\.cmd, 12), (\.arg, 16), (\.in_size, 24), (\.out_size, 28),
            ]),
        Layout(
            fuse_ioctl_out(), size: 16, alignment: 4,
            [
                (\.result, 0), (\.flags, 4), (\.in_iovs, 8), (\.out_iovs, 12),
            ]),
        Layout(fuse_poll_in(), size: 24, alignment: 8, [(\.fh, 0), (\.kh, 8), (\.flags, 16), (\.events, 20)]),
        Layout(fuse_poll_out(), size: 8, alignment: 4, [(\.revents, 0), (\.padding, 4)]),
        Layout(fuse_bmap_in(), size: 16, alignment: 8, [(\.block, 0), (\.blocksize, 8), (\.padding, 12)]),
        Layout(fuse_bmap_out(), size: 8, alignment: 8, [(\.block, 0)]),
    ]

    static let locksAndDirectories: [Layout] = [
        Layout(fuse_file_lock(), size: 24, alignment: 8, [(\.start, 0), (\.end, 8), (\.type, 16), (\.pid, 20)]),
        Layout(
            fuse_lk_in(), size: 48, alignment: 8,
            [
                (\.fh, 0), (\.owner, 8), (\.lk, 16), (\.lk_flags, 40), (\.padding, 44),
            ]),
        Layout(fuse_lk_out(), size: 24, alignment: 8, [(\.lk, 0)]),
        Layout(fuse_dirent(), size: 24, alignment: 8, [(\.ino, 0), (\.off, 8), (\.namelen, 16), (\.type, 20)]),
        Layout(fuse_direntplus(), size: 152, alignment: 8, [(\.entry_out, 0), (\.dirent, 128)]),
        Layout(
            fuse_kstatfs(), size: 80, alignment: 8,
            [
                (\.blocks, 0), (\.bfree, 8), (\.bavail, 16), (\.files, 24), (\.ffree, 32), (\.bsize, 40),
                (\.namelen, 44), (\.frsize, 48), (\.padding, 52), (\.spare, 56),
            ]),
        Layout(fuse_statfs_out(), size: 80, alignment: 8, [(\.st, 0)]),
        Layout(fuse_syncfs_in(), size: 8, alignment: 8, [(\.padding, 0)]),
        Layout(
            fuse_setxattr_in(), size: 16, alignment: 4,
            [
                (\.size, 0), (\.flags, 4), (\.setxattr_flags, 8), (\.padding, 12),
            ]),
        Layout(fuse_getxattr_in(), size: 8, alignment: 4, [(\.size, 0), (\.padding, 4)]),
        Layout(fuse_getxattr_out(), size: 8, alignment: 4, [(\.size, 0), (\.padding, 4)]),
    ]

    static let notifications: [Layout] = [
        Layout(fuse_notify_inval_inode_out(), size: 24, alignment: 8, [(\.ino, 0), (\.off, 8), (\.len, 16)]),
        Layout(fuse_notify_inval_entry_out(), size: 16, alignment: 8, [(\.parent, 0), (\.namelen, 8), (\.flags, 12)]),
        Layout(
            fuse_notify_delete_out(), size: 24, alignment: 8,
            [
                (\.parent, 0), (\.child, 8), (\.namelen, 16), (\.padding, 20),
            ]),
        Layout(fuse_notify_poll_wakeup_out(), size: 8, alignment: 8, [(\.kh, 0)]),
        Layout(
            fuse_notify_store_out(), size: 24, alignment: 8,
            [
                (\.nodeid, 0), (\.offset, 8), (\.size, 16), (\.padding, 20),
            ]),
        Layout(
            fuse_notify_retrieve_out(), size: 32, alignment: 8,
            [
                (\.notify_unique, 0), (\.nodeid, 8), (\.offset, 16), (\.size, 24), (\.padding, 28),
            ]),
        Layout(fuse_notify_prune_out(), size: 16, alignment: 8, [(\.count, 0), (\.padding, 4), (\.spare, 8)]),
        Layout(fuse_backing_map(), size: 16, alignment: 8, [(\.fd, 0), (\.flags, 4), (\.padding, 8)]),
    ]

    static let systemCalls: [Layout] = [
        Layout(linux_statx_time(), size: 16, alignment: 8, [(\.sec, 0), (\.nsec, 8), (\.reserved, 12)]),
        Layout(
            linux_statx(), size: 256, alignment: 8,
            [
                (\.mask, 0), (\.blksize, 4), (\.attributes, 8), (\.nlink, 16), (\.uid, 20), (\.gid, 24), (\.mode, 28),
                (\.spare0, 30), (\.ino, 32), (\.size, 40), (\.blocks, 48), (\.attributes_mask, 56), (\.atime, 64),
                (\.btime, 80), (\.ctime, 96), (\.mtime, 112), (\.rdev_major, 128), (\.rdev_minor, 132),
                (\.dev_major, 136), (\.dev_minor, 140), (\.mnt_id, 144), (\.dio_mem_align, 152),
                (\.dio_offset_align, 156), (\.spare3, 160),
            ]),
        // MAX_HANDLE_SZ, 128 bytes, after the two words.
        Layout(linux_file_handle(), size: 136, alignment: 8, [(\.bytes, 0), (\.type, 4), (\.data, 8)]),
        Layout(
            linux_statfs(), size: 120, alignment: 8,
            [
                (\.type, 0), (\.bsize, 8), (\.blocks, 16), (\.bfree, 24), (\.bavail, 32), (\.files, 40), (\.ffree, 48),
                (\.fsid, 56), (\.namelen, 64), (\.frsize, 72), (\.flags, 80), (\.spare, 88),
            ]),
        Layout(
            linux_flock(), size: 32, alignment: 8,
            [
                (\.type, 0), (\.whence, 2), (\.start, 8), (\.len, 16), (\.pid, 24),
            ]),
        Layout(linux_timespec(), size: 16, alignment: 8, [(\.sec, 0), (\.nsec, 8)]),
        Layout(linux_iovec(), size: 16, alignment: 8, [(\.base, 0), (\.length, 8)]),
        // The name begins right after the type, at 19.
        Layout(linux_dirent64(), size: 24, alignment: 8, [(\.ino, 0), (\.off, 8), (\.reclen, 16), (\.type, 18)]),
        Layout(linux_cap_header(), size: 8, alignment: 4, [(\.version, 0), (\.pid, 4)]),
        Layout(
            linux_cap_data(), size: 24, alignment: 4,
            [
                (\.effective_low, 0), (\.permitted_low, 4), (\.inheritable_low, 8), (\.effective_high, 12),
                (\.permitted_high, 16), (\.inheritable_high, 20),
            ]),
    ]
}
