import CTestCalls
import Glibc

/// Something that the mount cannot do as its lower file system does; LIMITS.md says so.
struct Deviation: Sendable {
    /// Why the mount cannot do better.
    let reason: String
    /// How the row in LIMITS.md begins.
    let limit: String
    /// Calls that are not made: those that leave different things behind on the two sides. A test of its own shows each.
    var skips: @Sendable (any Call, Circumstances) -> Bool = { _, _ in false }
    /// Parts of differences that are accepted: "result", or the name of a detail.
    var accepts: @Sendable (_ part: String, Difference, Circumstances) -> Bool = { _, _, _ in false }
}

/// The one list of accepted deviations. A comparison is never loosened anywhere else.
enum Deviations {
    static let all = space + order + attributes + locks + passthrough

    /// Whether a call is not to be made.
    static func skips(_ call: any Call, _ circumstances: Circumstances) -> Bool {
        all.contains { $0.skips(call, circumstances) }
    }

    /// What is left of a difference; nil where all of it is accepted.
    static func removeAccepted(from difference: Difference, _ circumstances: Circumstances) -> Difference? {
        difference.keeping { part in !all.contains { $0.accepts(part, difference, circumstances) } }
    }

    // MARK: what FUSE has no request for

    private static let space = [
        Deviation(
            reason: """
                The FUSE client of the kernel answers fallocate(2) with EOPNOTSUPP for every mode but KEEP_SIZE, PUNCH_HOLE and \
                ZERO_RANGE, and asks nobody (fuse_file_fallocate).
                """,
            limit: "`fallocate` with `FALLOC_FL_COLLAPSE_RANGE`",
            skips: { call, _ in (call as? Allocate).map { $0.mode.rawValue & ~0x13 != 0 } ?? false }),
        Deviation(
            reason: "The kernel seeks in FUSE directories by itself, without knowing the lower file system's offsets.",
            limit: "`lseek` on a directory with `SEEK_END`",
            skips: { call, now in
                guard let call = call as? Seek, [SEEK_END, Linux.seekData, Linux.seekHole].contains(call.whence) else {
                    return false
                }
                return now.file(in: call.slot)?.isDirectory ?? false
            }),
        Deviation(
            reason:
                "Space that is allocated and not written counts as data where it is in the page cache, and FUSE reads ahead.",
            limit: "With `-o passthrough=off`, `SEEK_DATA`",
            skips: { call, now in
                guard now.dataPath == .daemon, let call = call as? Seek,
                    [Linux.seekData, Linux.seekHole].contains(call.whence), let file = now.file(in: call.slot)
                else { return false }
                return now.mayHaveUnwrittenSpace(file)
            }),
        Deviation(
            reason:
                "sendfile(2) stamps the access time even where it moves nothing, and the kernel stamps no time of FUSE inodes.",
            limit: "`sendfile` from a directory",
            skips: { call, now in
                guard let call = call as? SendFile, let file = now.file(in: call.from) else { return false }
                // btrfs stamps nothing itself when a direct read ends at once.
                let direct = now.statusFlags(of: call.from).map { $0 & TC_O_DIRECT != 0 } ?? false
                return file.isDirectory || direct && now.fileSystem == .btrfs
            }),
        Deviation(
            reason: "The offsets of a directory are the file system's own, and some lead beyond what other calls take.",
            limit: "`lseek` on a directory with `SEEK_END`",
            accepts: { part, difference, now in
                guard part == "result", difference.native.result < 0, difference.mount.result < 0 else { return false }
                let slot = (now.step?.call as? Read)?.slot ?? (now.step?.call as? LockRange)?.slot
                return slot.flatMap { now.file(in: $0) }?.isDirectory ?? false
            }),
        Deviation(
            reason: "A READDIR carries no flags, and a directory is opened without a request.",
            limit: "`O_NOATIME` of a directory",
            skips: { call, now in
                if let slot = (call as? List)?.slot ?? (call as? ReadSomeEntries)?.slot {
                    return now.statusFlags(of: slot).map { $0 & TC_O_NOATIME != 0 } ?? false
                }
                guard let call = call as? ChangeStatusFlags, now.file(in: call.slot)?.isDirectory ?? false else {
                    return false
                }
                return now.statusFlags(of: call.slot).map { ($0 ^ call.flags.rawValue) & TC_O_NOATIME != 0 } ?? false
            }),
        Deviation(
            reason:
                "The kernel clears privileges before it asks (fuse_file_fallocate), tmpfs never and btrfs only where something changes.",
            limit: "`fallocate` of a set-id file",
            skips: { call, now in
                guard let call = call as? Allocate, let file = now.file(in: call.slot), file.hasSetID else {
                    return false
                }
                return [.tmpfs, .btrfs].contains(now.fileSystem) && !now.callerKeepsSetID(of: file)
            }),
        Deviation(
            reason:
                "The kernel clears privileges and sets the length back on its own account, where xfs refuses before it does anything.",
            limit: "On xfs, a write that `O_DIRECT`",
            skips: { call, now in now.fileSystem == .xfs && now.isMisaligned(call) }),
        Deviation(
            reason:
                "The kernel refuses inode flags of FUSE files that are neither regular nor directories (fuse_priv_ioctl_prepare).",
            limit: "`FS_IOC_GETFLAGS`",
            skips: { call, now in
                let slot = (call as? ChangeInodeFlags)?.slot ?? (call as? ExtendedInodeFlags)?.slot
                return slot.flatMap { now.file(in: $0) }.map { !$0.isRegular && !$0.isDirectory } ?? false
            }),
        Deviation(
            reason: "A read of no bytes ends in the kernel, where tmpfs and btrfs stamp the access time.",
            limit: "Where data go by passthrough, reading nothing",
            skips: { call, now in
                guard now.dataPath == .kernel else { return false }
                return (call as? Read)?.count == 0 || (call as? ReadAt)?.count == 0
            }),
        Deviation(
            reason:
                "Pages are moved without copying them, and tmpfs keeps what is stored in a mapping behind the end of the file.",
            limit: "With `-o passthrough=off`, `splice`",
            skips: { call, now in
                guard now.dataPath == .daemon else { return false }
                switch call {
                case let call as MapAndStore:
                    let end = UInt64(call.page * 4096 + call.skip + call.data.count)
                    return now.fileSystem == .tmpfs && call.data.count > 0
                        && now.file(in: call.slot).map { end > $0.size } ?? false
                case let call as SendFile: return now.areSame(call.from, call.to)
                case let call as Splice: return now.areSame(call.from, call.to)
                default: return false
                }
            }),
        Deviation(
            reason: "overlayfs counts the attributes that it hides when it compares with the room that the caller has.",
            limit: "On overlayfs, `listxattr`",
            accepts: { part, difference, now in
                part == "result" && now.step?.call is ListXattr && now.fileSystem == .overlay
                    && (difference.native.result == -Int64(ERANGE) || (now.step?.call as? ListXattr)?.room == 0)
                    && difference.mount.result >= 0
            }),
        Deviation(
            reason: "FUSE does not tell the kernel how long a file of the lower file system may be.",
            limit: "`lseek` beyond",
            skips: { call, now in
                if let call = call as? Seek { return now.leadsTooFar(call) }
                return now.writesTooFar(call)
            }),
        Deviation(
            reason:
                "Each READ and WRITE carries the flags of the open file, COPY_FILE_RANGE and the backing file do not.",
            limit: "With passthrough: setting `O_DIRECT`",
            skips: { call, _ in call is SwitchDirect }),
    ]

    // MARK: append-only and immutable files

    /// The kernel's FUSE inode carries neither flag, so that what the kernel checks on it comes after other checks, in the daemon, or
    /// not at all.
    private static let order = [
        Deviation(
            reason:
                "The lower file system refuses what the flags forbid only once the kernel's other checks have passed.",
            limit: "A call that fails for two reasons, one of them",
            accepts: { part, difference, now in
                let results = [difference.native.result, difference.mount.result]
                return part == "result" && results.allSatisfy { $0 < 0 } && results.contains(-Int64(EPERM))
                    && now.namesProtectedFile
            }),
        Deviation(
            reason: "The kernel finds that there is nothing to write, and asks nobody.",
            limit: "Writing nothing to an immutable file",
            accepts: { part, difference, now in
                guard let slot = now.step?.call.written, part == "result" else { return false }
                return difference.native.result == -Int64(EPERM) && difference.mount.result == 0
                    && now.file(in: slot)?.isProtected ?? false
            }),
        Deviation(
            reason: "The kernel takes the error that there is no such list for success.",
            limit: "Removing an ACL",
            accepts: { part, difference, now in
                guard let call = now.step?.call as? RemoveXattr, part == "result" else { return false }
                return call.name.bytes.starts(with: "system.posix_acl".utf8)
                    && difference.native.result == -Int64(EPERM)
                    && difference.mount.result == 0 && now.namesProtectedFile
            }),
        Deviation(
            reason: "The kernel asks the FUSE inode alone whether a file may be written (default_permissions).",
            limit: "`access` with `W_OK`",
            accepts: { part, difference, now in
                guard let call = now.step?.call as? Access, part == "result" else { return false }
                return difference.native.result == -Int64(EPERM) && difference.mount.result == 0 && call.mode & 2 != 0
                    && now.namesProtectedFile
            }),
        Deviation(
            reason: "mmap(2) and fcntl(2) look at the FUSE inode alone.",
            limit: "An append-only file that was opened for writing",
            skips: { call, now in
                switch call {
                // The data of an immutable file is refused by the lower file system's mapping, where there is one.
                case let call as MapAndStore:
                    now.file(in: call.slot).map { $0.isAppendOnly || $0.isImmutable && now.dataPath == .daemon }
                        ?? false
                case let call as ChangeStatusFlags:
                    now.file(in: call.slot)?.isAppendOnly ?? false
                        && now.statusFlags(of: call.slot).map { ($0 ^ call.flags.rawValue) & O_APPEND != 0 } ?? false
                default: false
                }
            }),
    ]

    // MARK: attributes

    private static let attributes = [
        Deviation(
            reason: "The kernel reads and writes a FIFO of a FUSE mount itself, and stamps no time of FUSE inodes.",
            limit: "The times of a FIFO",
            accepts: { part, difference, _ in
                ["mtime", "ctime", "atime"].contains(part) && difference.isOf(Linux.fifo)
                    && difference.native.text(part)?.hasPrefix("epoch") ?? false
            }),
        Deviation(
            reason: "Data that the kernel has, and the end of a file, are read without a request.",
            limit: "With `-o passthrough=off`, the access time",
            accepts: { part, difference, now in
                part == "atime" && now.dataPath == .daemon && difference.isOf(Linux.regular)
                    && difference.native.text(part)?.hasPrefix("epoch") ?? false
            }),
        Deviation(
            reason:
                "The kernel keeps the targets of symlinks and follows them without a request (FUSE_CACHE_SYMLINKS).",
            limit: "The access time of a symbolic link",
            accepts: { part, difference, _ in part == "atime" && difference.isOf(Linux.symlink) }),
        Deviation(
            reason: "What the kernel keeps of a directory is listed without a request (FUSE_NO_OPENDIR_SUPPORT).",
            limit: "The access time of a directory",
            accepts: { part, difference, _ in
                part == "atime" && difference.isOf(Linux.directory)
                    && difference.native.text(part)?.hasPrefix("epoch") ?? false
            }),
        Deviation(
            reason: """
                chown(-1, -1) brings the request that a write to the file brings, which must clear the bits; the capabilities go by a \
                request of their own before it.
                """,
            limit: "`chown(-1, -1)` of a set-id file",
            skips: { call, now in
                guard let call = call as? ChangeOwner, call.uid == -1, call.gid == -1,
                    let file = now.file(at: call.place, or: call.slot, call.flags)
                else { return false }
                return file.isRegular && file.hasSetID
                    && (now.isOpenForWriting(file) || now.hasCapability(at: call.place, or: call.slot, call.flags))
            }),
    ]

    // MARK: locks

    private static let locks = [
        Deviation(
            reason:
                "The daemon cannot open an immutable file for writing once more, so that all owners share one open file.",
            limit: "POSIX locks of several owners",
            skips: { call, now in
                guard let call = call as? LockRange, let file = now.file(in: call.slot), file.isImmutable else {
                    return false
                }
                return now.statusFlags(of: call.slot).map { $0 & O_ACCMODE != O_RDONLY } ?? false
            }),
        Deviation(
            reason:
                "GETLK and SETLK do not say which kind of lock is meant, and the kernel fills in the kind that was asked with.",
            limit: "`F_GETLK` names a process",
            accepts: { part, difference, now in
                guard part == "holder", let call = now.step?.call as? LockRange else { return false }
                let shown = call.command == .getOpenFileLock ? "an open file" : "this process"
                return difference.mount.text(part) == shown
            }),
    ]

    // MARK: passthrough

    private static let passthrough = [
        Deviation(
            reason: "The backing file keeps the flags that the file was opened with, and no request tells of others.",
            limit: "With passthrough: setting `O_DIRECT`",
            skips: { call, now in
                guard now.dataPath == .kernel else { return false }
                switch call {
                case let call as ChangeStatusFlags:
                    guard let flags = now.statusFlags(of: call.slot) else { return false }
                    return flags & ~call.flags.rawValue & O_APPEND != 0
                        || (flags ^ call.flags.rawValue) & TC_O_NOATIME != 0
                default: return false
                }
            }),
        Deviation(
            reason: "All open files of an inode have one backing file, which has the rights of who opened it first.",
            limit: "Where data go by passthrough, a write to a set-id file",
            skips: { call, now in
                guard now.dataPath == .kernel, !(call is CopyRange), let slot = call.written,
                    let file = now.file(in: slot), file.hasSetID
                else { return false }
                return now.wasOpenedByOthers(file) && now.callerKeepsSetID(of: file)
            }),
    ]
}
