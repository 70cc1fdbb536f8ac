import CLinux
import FuseKernel
import FuseMessages
import Testing

/// One well-formed message and the call that it is to become; nil where no call is made.
struct DispatchCase: Sendable, CustomTestStringConvertible {
    let message: Message
    let call: String?
    var testDescription: String { Opcode(rawValue: message.opcode)?.name ?? "\(message.opcode)" }

    init(_ message: Message, _ call: String?) {
        self.message = message
        self.call = call
    }
}

/// Each opcode, with a different number in each field, so that none can be taken for another.
enum DispatchTable {
    static let all = names + attributes + files + specials + others

    static let names: [DispatchCase] = [
        DispatchCase(Message(.lookup, nodeid: 7).with("entry"), "7 lookup 'entry'"),
        DispatchCase(Message(.forget, nodeid: 7).with(UInt64(3)), "7 forget 3"),
        DispatchCase(
            Message(.batchForget).with(fuse_batch_forget_in(count: 1, dummy: 0))
                .with(fuse_forget_one(nodeid: 8, nlookup: 4)),
            "8 forget 4"),
        DispatchCase(Message(.symlink, nodeid: 7).with("entry").with("a/target"), "7 symlink 'entry' 'a/target'"),
        DispatchCase(
            Message(.mknod, nodeid: 7).with(fuse_mknod_in(mode: 1, rdev: 2, umask: 3, padding: 0)).with("entry"),
            "7 mknod 'entry' fuse_mknod_in(mode: 1, rdev: 2, umask: 3, padding: 0)"),
        DispatchCase(
            Message(.mkdir, nodeid: 7).with(fuse_mkdir_in(mode: 1, umask: 2)).with("entry"),
            "7 mkdir 'entry' fuse_mkdir_in(mode: 1, umask: 2)"),
        DispatchCase(Message(.unlink, nodeid: 7).with("entry"), "7 unlink 'entry'"),
        DispatchCase(Message(.rmdir, nodeid: 7).with("entry"), "7 rmdir 'entry'"),
        DispatchCase(
            Message(.rename, nodeid: 7).with(fuse_rename_in(newdir: 9)).with("old").with("new"),
            "7 rename 'old' to 9 'new' flags 0"),
        DispatchCase(
            Message(.rename2, nodeid: 7).with(fuse_rename2_in(newdir: 9, flags: 2, padding: 0)).with("old").with("new"),
            "7 rename 'old' to 9 'new' flags 2"),
        DispatchCase(
            Message(.link, nodeid: 7).with(fuse_link_in(oldnodeid: 9)).with("entry"), "7 link 9 as 'entry'"),
        DispatchCase(Message(.readlink, nodeid: 7), "7 readlink"),
    ]

    static let attributes: [DispatchCase] = [
        DispatchCase(
            Message(.getattr, nodeid: 7).with(fuse_getattr_in(getattr_flags: 1, dummy: 0, fh: 9)), "7 getattr handle 9"),
        DispatchCase(
            Message(.getattr, nodeid: 7).with(fuse_getattr_in(getattr_flags: 0, dummy: 0, fh: 9)),
            "7 getattr handle none"),
        DispatchCase(
            Message(.setattr, nodeid: 7).with(
                fuse_setattr_in(
                    valid: 1, padding: 0, fh: 2, size: 3, lock_owner: 4, atime: 5, mtime: 6, ctime: 7, atimensec: 8,
                    mtimensec: 9, ctimensec: 10, mode: 11, unused4: 0, uid: 12, gid: 13, unused5: 0)),
            "7 setattr fuse_setattr_in(valid: 1, padding: 0, fh: 2, size: 3, lock_owner: 4, atime: 5, mtime: 6, "
                + "ctime: 7, atimensec: 8, mtimensec: 9, ctimensec: 10, mode: 11, unused4: 0, uid: 12, gid: 13, unused5: 0)"
        ),
        DispatchCase(
            Message(.statx, nodeid: 7).with(
                fuse_statx_in(getattr_flags: 1, reserved: 0, fh: 2, sx_flags: 3, sx_mask: 4)),
            "7 statx fuse_statx_in(getattr_flags: 1, reserved: 0, fh: 2, sx_flags: 3, sx_mask: 4)"),
        DispatchCase(Message(.access, nodeid: 7).with(fuse_access_in(mask: 5, padding: 0)), "7 access 5"),
        DispatchCase(Message(.statfs, nodeid: 7), "7 statfs"),
        DispatchCase(Message(.syncfs, nodeid: 7).with(fuse_syncfs_in(padding: 0)), "7 syncfs"),
        DispatchCase(
            Message(.setxattr, nodeid: 7)
                .with(fuse_setxattr_in(size: 5, flags: 2, setxattr_flags: 1, padding: 0)).with("user.a/b")
                .with(data: Array("value".utf8)),
            "7 setxattr 'user.a/b' 'value' flags 2 extended 1"),
        DispatchCase(
            Message(.getxattr, nodeid: 7).with(fuse_getxattr_in(size: 5, padding: 0)).with("user.a"),
            "7 getxattr 'user.a' size 5"),
        DispatchCase(
            Message(.listxattr, nodeid: 7).with(fuse_getxattr_in(size: 5, padding: 0)), "7 listxattr size 5"),
        DispatchCase(Message(.removexattr, nodeid: 7).with("user.a"), "7 removexattr 'user.a'"),
    ]

    private static let readArguments = fuse_read_in(
        fh: 1, offset: 2, size: 3, read_flags: 4, lock_owner: 5, flags: 6, padding: 0)
    private static let readText =
        "fuse_read_in(fh: 1, offset: 2, size: 3, read_flags: 4, lock_owner: 5, flags: 6, padding: 0)"
    private static let createArguments = fuse_create_in(flags: 1, mode: 2, umask: 3, open_flags: 4)
    private static let createText = "fuse_create_in(flags: 1, mode: 2, umask: 3, open_flags: 4)"
    private static let releaseArguments = fuse_release_in(fh: 1, flags: 2, release_flags: 3, lock_owner: 4)
    private static let releaseText = "fuse_release_in(fh: 1, flags: 2, release_flags: 3, lock_owner: 4)"

    static let files: [DispatchCase] = [
        DispatchCase(
            Message(.open, nodeid: 7).with(fuse_open_in(flags: 1, open_flags: 2)),
            "7 open fuse_open_in(flags: 1, open_flags: 2)"),
        DispatchCase(Message(.create, nodeid: 7).with(createArguments).with("entry"), "7 create 'entry' \(createText)"),
        DispatchCase(Message(.tmpfile, nodeid: 7).with(createArguments).with("/"), "7 tmpfile \(createText)"),
        DispatchCase(Message(.read, nodeid: 7).with(readArguments), "7 read \(readText)"),
        DispatchCase(
            Message(.write, nodeid: 7).with(
                fuse_write_in(fh: 1, offset: 2, size: 4, write_flags: 3, lock_owner: 5, flags: 6, padding: 0)
            ).with(data: Array("data".utf8)),
            "7 write fuse_write_in(fh: 1, offset: 2, size: 4, write_flags: 3, lock_owner: 5, flags: 6, padding: 0) 'data'"
        ),
        DispatchCase(
            Message(.flush, nodeid: 7).with(fuse_flush_in(fh: 1, unused: 0, padding: 0, lock_owner: 2)),
            "7 flush fuse_flush_in(fh: 1, unused: 0, padding: 0, lock_owner: 2)"),
        DispatchCase(Message(.release, nodeid: 7).with(releaseArguments), "7 release \(releaseText)"),
        DispatchCase(
            Message(.fsync, nodeid: 7).with(fuse_fsync_in(fh: 9, fsync_flags: 1, padding: 0)),
            "7 fsync 9 data only true"),
        DispatchCase(
            Message(.fsync, nodeid: 7).with(fuse_fsync_in(fh: 9, fsync_flags: 0, padding: 0)),
            "7 fsync 9 data only false"),
        DispatchCase(
            Message(.opendir, nodeid: 7).with(fuse_open_in(flags: 1, open_flags: 2)),
            "7 opendir fuse_open_in(flags: 1, open_flags: 2)"),
        DispatchCase(Message(.readdir, nodeid: 7).with(readArguments), "7 readdir \(readText)"),
        DispatchCase(Message(.readdirplus, nodeid: 7).with(readArguments), "7 readdirplus \(readText)"),
        DispatchCase(Message(.releasedir, nodeid: 7).with(releaseArguments), "7 releasedir \(releaseText)"),
        DispatchCase(
            Message(.fsyncdir, nodeid: 7).with(fuse_fsync_in(fh: 9, fsync_flags: 1, padding: 0)),
            "7 fsyncdir 9 data only true"),
    ]

    private static let lockArguments = fuse_lk_in(
        fh: 1, owner: 2, lk: fuse_file_lock(start: 3, end: 4, type: 5, pid: 6), lk_flags: 1, padding: 0)
    private static let lockText =
        "fuse_lk_in(fh: 1, owner: 2, lk: __C.fuse_file_lock(start: 3, end: 4, type: 5, pid: 6), lk_flags: 1, padding: 0)"
    private static let copyArguments = fuse_copy_file_range_in(
        fh_in: 1, off_in: 2, nodeid_out: 3, fh_out: 4, off_out: 5, len: 6, flags: 7)
    private static let copyText =
        "fuse_copy_file_range_in(fh_in: 1, off_in: 2, nodeid_out: 3, fh_out: 4, off_out: 5, len: 6, flags: 7)"

    static let specials: [DispatchCase] = [
        DispatchCase(
            Message(.fallocate, nodeid: 7).with(fuse_fallocate_in(fh: 1, offset: 2, length: 3, mode: 4, padding: 0)),
            "7 fallocate fuse_fallocate_in(fh: 1, offset: 2, length: 3, mode: 4, padding: 0)"),
        DispatchCase(
            Message(.lseek, nodeid: 7).with(fuse_lseek_in(fh: 1, offset: 2, whence: 3, padding: 0)),
            "7 lseek fuse_lseek_in(fh: 1, offset: 2, whence: 3, padding: 0)"),
        DispatchCase(
            Message(.copyFileRange, nodeid: 7).with(copyArguments), "7 copyFileRange \(copyText) limit 4294967295"),
        DispatchCase(
            Message(.copyFileRange64, nodeid: 7).with(copyArguments),
            "7 copyFileRange \(copyText) limit 9223372036854775807"),
        DispatchCase(
            Message(.ioctl, nodeid: 7).with(
                fuse_ioctl_in(fh: 1, flags: 2, cmd: 3, arg: 4, in_size: 5, out_size: 6)
            ).with(data: Array("input".utf8)),
            "7 ioctl fuse_ioctl_in(fh: 1, flags: 2, cmd: 3, arg: 4, in_size: 5, out_size: 6) 'input'"),
        DispatchCase(
            Message(.poll, nodeid: 7).with(fuse_poll_in(fh: 1, kh: 2, flags: 3, events: 4)),
            "7 poll fuse_poll_in(fh: 1, kh: 2, flags: 3, events: 4)"),
        DispatchCase(
            Message(.bmap, nodeid: 7).with(fuse_bmap_in(block: 1, blocksize: 2, padding: 0)),
            "7 bmap fuse_bmap_in(block: 1, blocksize: 2, padding: 0)"),
        DispatchCase(Message(.getlk, nodeid: 7).with(lockArguments), "7 getlk \(lockText)"),
        DispatchCase(Message(.setlk, nodeid: 7).with(lockArguments), "7 setlk \(lockText) wait false"),
        DispatchCase(Message(.setlkw, nodeid: 7).with(lockArguments), "7 setlk \(lockText) wait true"),
    ]

    static let others: [DispatchCase] = [
        DispatchCase(Message(.interrupt).with(fuse_interrupt_in(unique: 9)), "interrupt 9"),
        DispatchCase(Message(.destroy), "destroy"),
        DispatchCase(Message(.notifyReply, nodeid: 7).with(data: Array(repeating: 0, count: 40)), nil),
    ]
}
