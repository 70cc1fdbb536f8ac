import CLinux
import Glibc
import SystemCalls

/// The mounts that a lower tree spans, and the table that tells of their change: its own file system, and those mounted below.
final class LowerMounts: @unchecked Sendable {
    /// /proc/self/mountinfo: has POLLPRI after each change of the mounts of this namespace.
    let table: Int32
    private let inotify: Int32
    private let root: Descriptor
    private let rootMount: UInt64

    /// - Parameter root: a descriptor of the lower directory.
    /// - Throws: ENOENT without /proc.
    init(root: Int32) throws(Errno) {
        let copy = fcntl(root, F_DUPFD_CLOEXEC, 0)
        if copy < 0 { throw .last }
        self.root = Descriptor(owning: copy)
        var status = linux_statx()
        try checked(
            linux_statx_at(root, "", LINUX_AT_EMPTY_PATH, LINUX_STATX_BASIC_STATS | LINUX_STATX_MNT_ID, &status))
        rootMount = status.mnt_id
        inotify = inotify_init1(Int32(IN_CLOEXEC))
        if inotify < 0 { throw .last }
        table = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
        if table < 0 {
            let error = Errno.last
            close(inotify)
            throw error
        }
    }

    deinit {
        close(table)
        close(inotify)
    }

    /// The mounts of now. Paths are not unique: one mount can hide another.
    func current() -> [MountInfo] {
        let below = lowerPath.map { $0 == "/" ? "/" : $0 + "/" }
        return MountInfo.all(in: text()).filter { mount in
            mount.id == rootMount || below.map { mount.point.hasPrefix($0) } ?? false
        }
    }

    /// Has the kernel notify of changes on the mount's superblock: it does so only where somebody watches something. The watch is for what
    /// hardly ever happens, and nobody reads it. A file system that goes away takes it along.
    func keepNotified(_ mount: MountInfo) {
        let path = mount.id == rootMount ? "/proc/self/fd/\(root.number)" : mount.point
        _ = inotify_add_watch(inotify, path, UInt32(IN_MOVE_SELF))
    }

    /// The device of the mount that was made last at a path, as the kernel itself has it.
    func device(at path: String) -> UInt32? { MountInfo.all(in: text()).last { $0.point == path }?.device }

    /// The path of the lower directory of now; it may have been renamed.
    private var lowerPath: String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = readlink("/proc/self/fd/\(root.number)", &buffer, buffer.count - 1)
        return length > 0 ? String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    private func text() -> String {
        lseek(table, 0, SEEK_SET)
        return ExtCache.text(reading: table)
    }
}
