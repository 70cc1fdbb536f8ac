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
    ]

    // MARK: append-only and immutable files

    /// The kernel's FUSE inode carries neither flag, so that what the kernel checks on it comes after other checks, in the daemon, or
    /// not at all.
    private static let order = [
        Deviation(
            reason: "The lower file system refuses what the flags forbid only once the kernel's other checks have passed.",
            limit: "A call that fails for two reasons, one of them",
            accepts: { part, difference, now in
                let results = [difference.native.result, difference.mount.result]
                return part == "result" && results.allSatisfy { $0 < 0 } && results.contains(-Int64(EPERM))
                    && now.namesProtectedFile
            }),
        Deviation(
            reason: "The kernel finds that there is nothing to copy, and asks nobody.",
            limit: "`copy_file_range` to an immutable file",
            accepts: { part, difference, now in
                guard let call = now.step?.call as? CopyRange else { return false }
                return part == "result" && difference.native.result == -Int64(EPERM) && difference.mount.result == 0
                    && now.file(in: call.to)?.isProtected ?? false
            }),
        Deviation(
            reason: "mmap(2) and fcntl(2) look at the FUSE inode alone.",
            limit: "An append-only file that was opened for writing",
            skips: { call, now in
                switch call {
                case let call as MapAndStore: now.file(in: call.slot)?.isAppendOnly ?? false
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
            reason: "The kernel keeps the targets of symlinks and follows them without a request (FUSE_CACHE_SYMLINKS).",
            limit: "The access time of a symbolic link",
            accepts: { part, difference, _ in
                part == "atime"
                    && [difference.native, difference.mount].allSatisfy { outcome in
                        outcome.details.contains {
                            guard $0.name == "mode", case .octal(let mode) = $0.value else { return false }
                            return mode & Linux.typeMask == Linux.symlink
                        }
                    }
            }),
        Deviation(
            reason: "chown(-1, -1) brings the request that a write to the file brings, which must clear the bits.",
            limit: "`chown(-1, -1)` of a set-id file",
            skips: { call, now in
                guard let call = call as? ChangeOwner, call.uid == -1, call.gid == -1,
                    let file = now.file(at: call.place, or: call.slot, call.flags)
                else { return false }
                return file.isRegular && file.hasSetID && now.isOpenForWriting(file)
            }),
    ]

    // MARK: locks

    private static let locks = [
        Deviation(
            reason: "GETLK and SETLK do not say which kind of lock is meant, and the kernel fills in the kind that was asked with.",
            limit: "`F_GETLK` and `F_OFD_GETLK` show",
            accepts: { part, difference, now in
                guard part == "holder", let call = now.step?.call as? LockRange else { return false }
                let shown = call.command == .getOpenFileLock ? "an open file" : "this process"
                return difference.mount.details.contains { $0.name == part && $0.value == .text(shown) }
            })
    ]

    // MARK: passthrough

    private static let passthrough = [
        Deviation(
            reason: "The backing file keeps the flags that the file was opened with, and no request tells of others.",
            limit: "Where data go by passthrough, `fcntl(F_SETFL)`",
            skips: { call, now in
                guard now.dataPath == .kernel else { return false }
                switch call {
                case is SwitchDirect: return true
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
                guard now.dataPath == .kernel, let slot = call.written, let file = now.file(in: slot), file.hasSetID
                else { return false }
                return now.wasOpenedByOthers(file)
            }),
    ]
}
