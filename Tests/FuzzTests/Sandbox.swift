import CLinux
import Glibc
import SystemCalls
import Testing

/// A temporary directory with two trees: `lower`, for the mirror, and `outside`, which nothing may touch. In `lower` lies all
/// that could lead out of it, or block: symbolic links, FIFOs, sockets, devices.
struct Sandbox {
    /// The names in `lower`.
    static let lowerNames = [
        "file", "other-file", "empty", "sparse", "directory", "directory/inside", "fifo", "socket", "device",
        "absolute",
        "relative", "up", "loop", "root", "hard", "set-id",
    ]

    let path: String
    var lower: String { path + "/lower" }
    private var outside: String { path + "/outside" }

    /// - Parameter base: where to make it, from ``Containment/enter()``: nowhere else may a mirror be fuzzed.
    init(in base: String) throws {
        var template = Array("\(base)/stackfs-fuzz-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }
        path = String(cString: try #require(made))
        try fillOutside()
        try fillLower()
    }

    private func fillOutside() throws {
        try makeDirectory(outside)
        try makeDirectory(outside + "/directory")
        try write("secret", to: outside + "/secret")
        try write("inside", to: outside + "/directory/inside")
        try #require(symlink("secret", outside + "/link") == 0)
        try #require(mkfifo(outside + "/fifo", 0o600) == 0)
    }

    private func fillLower() throws {
        try makeDirectory(lower)
        try makeDirectory(lower + "/directory")
        for (name, text) in [
            ("file", "content"), ("other-file", "more"), ("empty", ""), ("directory/inside", "inside"),
        ] {
            try write(text, to: "\(lower)/\(name)")
        }
        try write("", to: lower + "/sparse")
        try #require(truncate(lower + "/sparse", 1 << 30) == 0)
        try write("#!", to: lower + "/set-id")
        try #require(chmod(lower + "/set-id", 0o6755) == 0)
        try #require(link(lower + "/file", lower + "/hard") == 0)
        try #require(mkfifo(lower + "/fifo", 0o666) == 0)
        let socketType = UInt32(S_IFSOCK)
        try #require(mknod(lower + "/socket", socketType | 0o666, 0) == 0)
        // The number of /dev/null.
        try #require(mknod(lower + "/device", UInt32(S_IFCHR) | 0o666, 0x103) == 0)
        for (name, target) in [
            ("absolute", outside + "/secret"), ("relative", "../outside/secret"), ("up", "../outside"),
            ("loop", "loop"),
            ("root", "/"),
        ] {
            try #require(symlink(target, "\(lower)/\(name)") == 0)
        }
    }

    private func makeDirectory(_ path: String) throws { try #require(mkdir(path, 0o755) == 0) }

    private func write(_ text: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o644)
        try #require(file >= 0)
        _ = Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    // MARK: what lies outside

    /// All there is to know of the sandbox without `lower`: names, attributes, contents.
    func snapshotOfOutside() -> [String] {
        [describe(path, as: ".")] + list(path).map { "./\($0)" } + describeTree(outside, as: "outside")
    }

    private func list(_ directory: String) -> [String] {
        guard let stream = opendir(directory) else { return ["unreadable \(errno)"] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private func describeTree(_ path: String, as name: String) -> [String] {
        var lines = [describe(path, as: name)]
        var status = linux_statx()
        _ = linux_statx_at(LINUX_AT_FDCWD, path, LINUX_AT_SYMLINK_NOFOLLOW, LINUX_STATX_BASIC_STATS, &status)
        if status.mode & 0o170000 == 0o040000 {
            for child in list(path) { lines += describeTree("\(path)/\(child)", as: "\(name)/\(child)") }
        }
        return lines
    }

    /// Everything but the access time, which reading it for this very purpose changes.
    private func describe(_ path: String, as name: String) -> String {
        var status = linux_statx()
        let result = linux_statx_at(LINUX_AT_FDCWD, path, LINUX_AT_SYMLINK_NOFOLLOW, LINUX_STATX_BASIC_STATS, &status)
        guard result == 0 else { return "\(name): error \(result)" }
        var line =
            "\(name): inode \(status.ino) mode \(status.mode) links \(status.nlink) owner \(status.uid) \(status.gid) "
            + "size \(status.size) changed \(status.ctime.sec).\(status.ctime.nsec)"
        if status.mode & 0o170000 == 0o100000 {
            let file = open(path, O_RDONLY)
            var buffer = [UInt8](repeating: 0, count: 4096)
            let length = read(file, &buffer, buffer.count)
            close(file)
            line += " content \(buffer.prefix(max(0, length)))"
        }
        return line
    }

    // MARK: descriptors

    /// This process's descriptors of files in `lower`, also of removed ones.
    func openDescriptors() -> [String] {
        list("/proc/self/fd").compactMap { number in
            var buffer = [UInt8](repeating: 0, count: 4200)
            let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
            let target = String(decoding: buffer.prefix(max(0, length)), as: UTF8.self)
            return target.hasPrefix(lower) ? "\(number) -> \(target)" : nil
        }
    }

    /// Removes everything; also what was made immutable, or has a name that is no text.
    func remove() {
        let top = open(path, O_RDONLY | LINUX_O_DIRECTORY)
        if top >= 0 { removeContents(top) }
        rmdir(path)
    }

    /// Empties a directory and closes it.
    private func removeContents(_ directory: Int32) {
        clearFlags(directory)
        fchmod(directory, 0o700)
        guard let stream = fdopendir(directory) else {
            close(directory)
            return
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    if strcmp(name, ".") != 0, strcmp(name, "..") != 0 { remove(name, in: directory) }
                }
            }
        }
    }

    private func remove(_ name: UnsafePointer<CChar>, in directory: Int32) {
        if unlinkat(directory, name, 0) == 0 { return }
        var status = linux_statx()
        _ = linux_statx_at(directory, name, LINUX_AT_SYMLINK_NOFOLLOW, LINUX_STATX_BASIC_STATS, &status)
        let isDirectory = status.mode & 0o170000 == 0o040000
        if isDirectory || status.mode & 0o170000 == 0o100000 {
            let file = openat(directory, name, O_RDONLY | LINUX_O_NOFOLLOW)
            guard file >= 0 else { return }
            if isDirectory {
                removeContents(file)
            } else {
                clearFlags(file)
                close(file)
            }
        }
        unlinkat(directory, name, isDirectory ? LINUX_AT_REMOVEDIR : 0)
    }

    private func clearFlags(_ file: Int32) {
        var flags: UInt64 = 0
        _ = linux_ioctl(file, LINUX_FS_IOC_SETFLAGS, &flags)
    }
}
