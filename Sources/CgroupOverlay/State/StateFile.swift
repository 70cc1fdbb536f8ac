import CLinux
import Glibc
import SystemCalls

/// The file that keeps a tree over a restart. It is reached through a descriptor of its directory, as the daemon may have another
/// root by the time it writes, and replaced as a whole.
final class StateFile: Sendable {
    private let directory: Descriptor
    private let name: String

    /// What was found at the beginning.
    enum Found {
        case nothing
        case state(StateRecords)
        /// It stays beside the new one as NAME.damaged.
        case damaged
    }

    /// - Throws: EINVAL for a path without a name, and what opening the directory gives.
    init(_ path: String) throws(Errno) {
        let slash = path.lastIndex(of: "/")
        name = String(slash.map { path[path.index(after: $0)...] } ?? path[...])
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        if name.isEmpty || name == "." || name == ".." || name.utf8.count > 240 { throw .einval }
        let flags = O_RDONLY | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC
        directory = Descriptor(owning: Int32(try checked(linux_openat(LINUX_AT_FDCWD, folder, flags, 0))))
    }

    /// - Throws: what reading gives; a file that is not there is `.nothing`.
    func load() throws(Errno) -> Found {
        let flags = O_RDONLY | LINUX_O_CLOEXEC | LINUX_O_NOFOLLOW | O_NONBLOCK
        let number = linux_openat(directory.number, name, flags, 0)
        if number == -Int64(ENOENT) { return .nothing }
        let file = Descriptor(owning: Int32(try checked(number)))
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = try checked(
                chunk.withUnsafeMutableBytes { linux_read(file.number, $0.baseAddress!, $0.count) })
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        if bytes.isEmpty { return .nothing }
        if let records = StateRecords(bytes) { return .state(records) }
        try checked(linux_renameat2(directory.number, name, directory.number, name + ".damaged", 0))
        return .damaged
    }

    /// Puts new content in place of the old, or fails and leaves the old.
    func save(_ bytes: [UInt8]) throws(Errno) {
        let temporary = name + ".new"
        _ = linux_unlinkat(directory.number, temporary, 0)
        let flags = O_WRONLY | O_CREAT | O_EXCL | LINUX_O_CLOEXEC | LINUX_O_NOFOLLOW
        let file = Descriptor(owning: Int32(try checked(linux_openat(directory.number, temporary, flags, 0o600))))
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try checked(rest.withUnsafeBytes { linux_write(file.number, $0.baseAddress!, $0.count) })
            rest = rest.dropFirst(count)
        }
        try checked(linux_fsync(file.number))
        try checked(linux_renameat2(directory.number, temporary, directory.number, name, 0))
    }
}
