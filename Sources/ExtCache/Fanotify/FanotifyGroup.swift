import CLinux
import Glibc
import StackCore
import SystemCalls

/// A notification group of fanotify(7) that reports names in directories, and by whom they were changed.
struct FanotifyGroup: ~Copyable, Sendable {
    let descriptor: Descriptor
    /// Of root: as many directories as wanted can be marked.
    let isPrivileged: Bool

    /// What is reported of a marked directory and of what its names lead to.
    private static let events =
        LINUX_FAN_MODIFY | LINUX_FAN_ATTRIB | LINUX_FAN_MOVED_FROM | LINUX_FAN_MOVED_TO | LINUX_FAN_CREATE
        | LINUX_FAN_DELETE | LINUX_FAN_EVENT_ON_CHILD | LINUX_FAN_ONDIR

    /// - Throws: why fanotify cannot be had.
    init() throws(ChangeSourceError) {
        let names =
            LINUX_FAN_CLOEXEC | LINUX_FAN_NONBLOCK | LINUX_FAN_REPORT_FID | LINUX_FAN_REPORT_DIR_FID
            | LINUX_FAN_REPORT_NAME
        // The inode that a removed name led to: Linux 5.17. Ordinary users: Linux 5.13, of limited number.
        let attempts = [
            (names | LINUX_FAN_REPORT_TARGET_FID | LINUX_FAN_UNLIMITED_MARKS, true),
            (names | LINUX_FAN_UNLIMITED_MARKS, true),
            (names | LINUX_FAN_REPORT_TARGET_FID, false), (names, false),
        ]
        var error = Errno.enosys
        for (flags, isPrivileged) in attempts {
            let result = linux_fanotify_init(flags, UInt32(O_RDONLY | LINUX_O_LARGEFILE | LINUX_O_CLOEXEC))
            if result >= 0 {
                descriptor = Descriptor(owning: Int32(result))
                self.isPrivileged = isPrivileged
                return
            }
            error = Errno(rawValue: Int32(-result))
            // Only these tell that less may do.
            guard error == .einval || error == .eperm else { break }
        }
        switch error {
        case .enosys: throw ChangeSourceError("this kernel has no fanotify (CONFIG_FANOTIFY)")
        case .eperm:
            throw ChangeSourceError(
                "fanotify is refused: it needs Linux 5.13, and a container's system call filter that lets it pass")
        case .emfile:
            throw ChangeSourceError(
                "this user has too many notification groups: raise fs.fanotify.max_user_groups (sysctl)")
        default: throw ChangeSourceError("fanotify is refused: \(error)")
        }
    }

    /// Has changes in a directory reported (an O_PATH descriptor will do).
    ///
    /// - Throws: ENOSPC when the user has no marks left (fs.fanotify.max_user_marks), ENODEV, EXDEV or EOPNOTSUPP where the file system
    ///   does not tell itself or its files apart.
    borrowing func add(_ directory: Int32) throws(Errno) {
        let flags = LINUX_FAN_MARK_ADD | LINUX_FAN_MARK_ONLYDIR
        try checked(linux_fanotify_mark(descriptor.number, flags, Self.events, directory, "."))
    }

    borrowing func remove(_ directory: Int32) {
        _ = linux_fanotify_mark(descriptor.number, LINUX_FAN_MARK_REMOVE, Self.events, directory, ".")
    }
}

/// How events name a file: file system, and file handle.
struct FileIdentifier: Hashable {
    private let bytes: [UInt8]

    init(fsid: (Int32, Int32), type: Int32, handle: UnsafeRawBufferPointer) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(12 + handle.count)
        for word in [fsid.0, fsid.1, type] { withUnsafeBytes(of: word) { bytes += $0 } }
        bytes += handle
        self.bytes = bytes
    }

    init(fsid: (Int32, Int32), _ handle: linux_file_handle) {
        self = withUnsafeBytes(of: handle.data) { data in
            FileIdentifier(
                fsid: fsid, type: handle.type, handle: UnsafeRawBufferPointer(rebasing: data[..<Int(handle.bytes)]))
        }
    }
}
