import CLinux
import FuseKernel
import FuseMessages
import Glibc

/// What a kernel would know of the file system: the nodes and handles that it was given.
struct KnownObjects {
    /// Node ids with the lookups counted on them; the root is always there.
    var lookups: [UInt64: UInt64] = [:]
    /// The latest ones, to choose from.
    var nodes: [UInt64] = [1]
    var files: [UInt64] = []
    var directories: [UInt64] = []

    mutating func learn(node: UInt64) {
        guard node != 0 else { return }
        lookups[node, default: 0] += 1
        nodes.append(node)
        if nodes.count > 64 { nodes.remove(at: 1) }
    }
}

/// Makes well-formed requests of every opcode, on known nodes and handles, with names that are there or not.
struct RequestGenerator {
    private static let opcodes = Opcode.allCases.filter { $0 != .initialize && $0 != .destroy }

    private static let names: [[UInt8]] =
        Sandbox.lowerNames.map { Array($0.utf8) } + [
            Array("new".utf8), Array("other".utf8), Array("missing".utf8), Array("../outside/secret".utf8),
            Array("up/secret".utf8), Array(repeating: 0x61, count: 255),
            Array(repeating: 0x61, count: 256), Array(repeating: 0x61, count: 5000), [0xff, 0xfe], [0x2e, 0x2e, 0x2e],
            [0x0a], [0x25, 0x6e],
        ]

    private static let attributes = [
        "user.a", "user.b", "security.capability", "system.posix_acl_access", "system.posix_acl_default",
        "trusted.overlay.opaque", "user.", "nonsense",
    ]

    private static let ioctls: [UInt32] = [
        LINUX_FS_IOC_GETFLAGS, LINUX_FS_IOC_SETFLAGS, LINUX_FS_IOC_GETVERSION, LINUX_FS_IOC_FSGETXATTR,
        LINUX_FS_IOC_FSSETXATTR, 0x5401, 0,
    ]

    private static let openFlags: [UInt32] = [
        0, 1, 2, UInt32(O_TRUNC) | 2, UInt32(O_APPEND) | 1, UInt32(O_NONBLOCK), UInt32(O_CREAT) | 2, UInt32(O_EXCL) | 1,
        UInt32(LINUX_O_DIRECT), UInt32(LINUX_O_PATH), UInt32(LINUX_O_NOATIME), UInt32(O_SYNC) | 1, 3,
    ]

    private static let userModes: [UInt32] = [0, 0o600, 0o644, 0o755, 0o4755, 0o2755, 0o1777, 0o7777]

    private static let types = [S_IFREG, S_IFDIR, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, S_IFLNK, 0].map { UInt32($0) }

    /// The next request. `unique` numbers it.
    func request(_ random: inout SeededGenerator, _ known: KnownObjects, unique: UInt64) -> Message {
        let opcode = random.pick(Self.opcodes)
        var message = Message(opcode, nodeid: random.chance(20) ? 1 : random.pick(known.nodes)).numbered(unique)
        message.uid = random.pick([0, 0, 0, 1000, 65_534])
        message.gid = random.pick([0, 0, 1000, 65_534])
        message.pid = random.pick([0, 1, UInt32(getpid())])
        return fill(message, opcode, &random, known)
    }

    private func fill(
        _ message: consuming Message, _ opcode: Opcode, _ random: inout SeededGenerator, _ known: KnownObjects
    ) -> Message {
        let name = random.pick(Self.names)
        let node = random.pick(known.nodes)
        let flags = random.pick(Self.openFlags)
        let mode = random.pick(Self.userModes)
        let umask = random.pick([0, 0o022, 0o077] as [UInt32])
        switch opcode {
        case .lookup, .unlink, .rmdir: return message.with(string: random.chance(5) ? [0x2e, 0x2e] : name)
        case .forget: return message.with(UInt64(random.below(3)))
        case .batchForget:
            let count = random.below(4)
            message = message.with(fuse_batch_forget_in(count: UInt32(count), dummy: 0))
            for _ in 0..<count {
                message = message.with(fuse_forget_one(nodeid: random.pick(known.nodes), nlookup: 1))
            }
            return message
        case .symlink:
            return message.with(string: name).with(random.pick(["target", "../outside/secret", "/", "", "."]))
        case .mknod:
            let type = random.pick(Self.types)
            let arguments = fuse_mknod_in(mode: type | mode, rdev: UInt32(random.below(3)), umask: umask, padding: 0)
            return withGroup(message.with(arguments).with(string: name), &random)
        case .mkdir:
            return withGroup(message.with(fuse_mkdir_in(mode: mode, umask: umask)).with(string: name), &random)
        case .rename:
            return message.with(fuse_rename_in(newdir: node)).with(string: name).with(string: random.pick(Self.names))
        case .rename2:
            let arguments = fuse_rename2_in(newdir: node, flags: UInt32(random.below(8)), padding: 0)
            return message.with(arguments).with(string: name).with(string: random.pick(Self.names))
        case .link: return message.with(fuse_link_in(oldnodeid: node)).with(string: name)
        case .create, .tmpfile:
            let arguments = fuse_create_in(
                flags: flags | UInt32(O_CREAT), mode: UInt32(S_IFREG) | mode, umask: umask,
                open_flags: random.chance(20) ? 1 : 0)
            return withGroup(message.with(arguments).with(string: opcode == .create ? name : [0x2f]), &random)
        case .open, .opendir:
            return message.with(fuse_open_in(flags: flags, open_flags: random.chance(20) ? 1 : 0))
        case .setattr: return message.with(setattr(&random, known))
        case .access: return message.with(fuse_access_in(mask: UInt32(random.below(8)), padding: 0))
        case .setxattr:
            let value = [UInt8](repeating: 1, count: random.pick([0, 1, 20, 28, 4096]))
            let arguments = fuse_setxattr_in(
                size: UInt32(value.count), flags: UInt32(random.below(3)), setxattr_flags: UInt32(random.below(2)),
                padding: 0)
            return message.with(arguments).with(random.pick(Self.attributes)).with(data: value)
        case .getxattr:
            return message.with(fuse_getxattr_in(size: random.pick([0, 1, 64, 65_536, .max]), padding: 0))
                .with(random.pick(Self.attributes))
        case .listxattr: return message.with(fuse_getxattr_in(size: random.pick([0, 1, 64, 65_536, .max]), padding: 0))
        case .removexattr: return message.with(random.pick(Self.attributes))
        case .interrupt: return message.with(fuse_interrupt_in(unique: message.unique &- UInt64(random.below(50))))
        case .notifyReply: return message.with(data: Array(repeating: 0, count: 40))
        case .readlink, .statfs, .destroy, .initialize: return message
        case .syncfs: return message.with(fuse_syncfs_in(padding: 0))
        case .setupMapping, .removeMapping: return message.with(data: Array(repeating: 0, count: 40))
        default: return onHandle(message, opcode, &random, known)
        }
    }

    /// The supplementary group of a creating request.
    private func withGroup(_ message: consuming Message, _ random: inout SeededGenerator) -> Message {
        guard random.chance(20) else { return message }
        return message.with(extensionType: 32, words: [1, random.pick([0, 1000, 65_534])])
    }

    private func setattr(_ random: inout SeededGenerator, _ known: KnownObjects) -> fuse_setattr_in {
        fuse_setattr_in(
            valid: UInt32(random.below(1 << 12)), padding: 0, fh: handle(known.files, &random),
            size: random.pick([0, 1, 4096, 1 << 20, 1 << 40, .max]), lock_owner: 1,
            atime: random.pick([0, 1 << 31, .max]),
            mtime: 1 << 30, ctime: 0, atimensec: random.pick([0, 999_999_999, 1_000_000_000, .max]), mtimensec: 5,
            ctimensec: 0, mode: random.pick(Self.userModes), unused4: 0, uid: random.pick([0, 1000, .max]),
            gid: random.pick([0, 1000, .max]), unused5: 0)
    }

    private func handle(_ handles: [UInt64], _ random: inout SeededGenerator) -> UInt64 {
        handles.isEmpty ? 1 : random.pick(handles)
    }

    /// The operations on open files.
    private func onHandle(
        _ message: consuming Message, _ opcode: Opcode, _ random: inout SeededGenerator, _ known: KnownObjects
    ) -> Message {
        let isDirectory = [.readdir, .readdirplus, .releasedir, .fsyncdir].contains(opcode)
        let fh = handle(isDirectory ? known.directories : known.files, &random)
        let offset = random.pick([0, 0, 1, 4096, 1 << 20, 1 << 62, .max] as [UInt64])
        let owner = UInt64(random.below(4))
        switch opcode {
        case .getattr:
            return message.with(fuse_getattr_in(getattr_flags: UInt32(random.below(2)), dummy: 0, fh: fh))
        case .statx:
            return message.with(
                fuse_statx_in(getattr_flags: UInt32(random.below(2)), reserved: 0, fh: fh, sx_flags: 0, sx_mask: 0xfff))
        case .read, .readdir, .readdirplus:
            return message.with(
                fuse_read_in(
                    fh: fh, offset: offset, size: random.pick([0, 1, 200, 4096, 65_536, .max]), read_flags: 0,
                    lock_owner: owner, flags: 0, padding: 0))
        case .write:
            let data = [UInt8](repeating: 0x77, count: random.pick([0, 1, 100, 4096]))
            return message.with(
                fuse_write_in(
                    fh: fh, offset: offset, size: UInt32(data.count), write_flags: UInt32(random.below(8)),
                    lock_owner: owner, flags: 0, padding: 0)
            ).with(data: data)
        case .flush: return message.with(fuse_flush_in(fh: fh, unused: 0, padding: 0, lock_owner: owner))
        case .release, .releasedir:
            return message.with(
                fuse_release_in(fh: fh, flags: 0, release_flags: UInt32(random.below(4)), lock_owner: owner))
        case .fsync, .fsyncdir:
            return message.with(fuse_fsync_in(fh: fh, fsync_flags: UInt32(random.below(2)), padding: 0))
        case .fallocate:
            return message.with(
                fuse_fallocate_in(
                    fh: fh, offset: offset, length: random.pick([0, 1, 4096, .max]),
                    mode: random.pick([0, 1, 3, 8, 16, 32, 64]), padding: 0))
        case .lseek:
            return message.with(fuse_lseek_in(fh: fh, offset: offset, whence: UInt32(random.below(6)), padding: 0))
        case .copyFileRange, .copyFileRange64:
            return message.with(
                fuse_copy_file_range_in(
                    fh_in: fh, off_in: offset, nodeid_out: 1, fh_out: handle(known.files, &random),
                    off_out: random.pick([0, 4096]), len: random.pick([0, 1, 4096, .max]), flags: 0))
        case .ioctl:
            let input = [UInt8](repeating: 0, count: random.pick([0, 4, 8, 28]))
            return message.with(
                fuse_ioctl_in(
                    fh: fh, flags: UInt32(random.below(64)), cmd: random.pick(Self.ioctls), arg: 0,
                    in_size: UInt32(input.count), out_size: random.pick([0, 4, 8, 28, .max]))
            ).with(data: input)
        case .poll: return message.with(fuse_poll_in(fh: fh, kh: 1, flags: 1, events: 5))
        case .bmap: return message.with(fuse_bmap_in(block: 0, blocksize: 4096, padding: 0))
        default:
            return message.with(
                fuse_lk_in(
                    fh: fh, owner: owner,
                    lk: fuse_file_lock(
                        start: random.pick([0, 10]), end: random.pick([0, 10, 1 << 62, UInt64(Int64.max), .max]),
                        type: UInt32(random.below(4)), pid: 1),
                    lk_flags: UInt32(random.below(2)), padding: 0))
        }
    }
}
