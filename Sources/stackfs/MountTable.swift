import CLinux
import SystemCalls

/// One line of /proc/self/mountinfo, proc(5).
struct MountEntry: Equatable, Sendable {
    let id: UInt64
    /// The file system's device, "8:1".
    let device: String
    /// The directory of the file system that is seen at ``point``; not "/" where a part of it is bound.
    let root: String
    let point: String
    /// The part after "fuse." is the subtype.
    let type: String
    let source: String
    let superOptions: [String]

    /// A line whose fields are missing is nil.
    init?(line: Substring) {
        let halves = line.split(separator: " - ", maxSplits: 1)
        guard halves.count == 2 else { return nil }
        let first = halves[0].split(separator: " ")
        let second = halves[1].split(separator: " ", omittingEmptySubsequences: false)
        guard first.count >= 6, second.count >= 3, let id = UInt64(first[0]) else { return nil }
        self.id = id
        device = String(first[2])
        root = Self.unescaped(first[3])
        point = Self.unescaped(first[4])
        type = Self.unescaped(second[0])
        source = Self.unescaped(second[1])
        superOptions = second[2].split(separator: ",").map(String.init)
    }

    /// Blanks and backslashes stand in the file as three octal digits.
    private static func unescaped(_ field: Substring) -> String {
        guard field.utf8.contains(UInt8(ascii: "\\")) else { return String(field) }
        let bytes = Array(field.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\"), index + 3 < bytes.count,
                let digits = String(validating: bytes[(index + 1)...(index + 3)], as: UTF8.self),
                let value = UInt8(digits, radix: 8)
            {
                result.append(value)
                index += 4
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Mounted through FUSE as a file system of files, by whatever daemon.
    var isFuse: Bool { type == "fuse" || type.hasPrefix("fuse.") || type == "fuseblk" }

    /// The user who mounted it, where the file system says so, as FUSE does.
    var owner: UInt32? {
        superOptions.first { $0.hasPrefix("user_id=") }.flatMap { UInt32($0.dropFirst(8)) }
    }
}

/// The mounts that this process sees, in the order in which they were made.
struct MountTable: Sendable {
    let entries: [MountEntry]

    init(text: String) {
        entries = text.split(separator: "\n").compactMap { MountEntry(line: $0) }
    }

    /// The table of now; empty where /proc is not mounted.
    static func read() -> MountTable { MountTable(text: contents(of: "/proc/self/mountinfo") ?? "") }

    /// The topmost mount at exactly this path.
    func mount(at path: String) -> MountEntry? { entries.last { $0.point == path } }

    /// The FUSE mount that the path lies on, judged by the path alone: no daemon is asked.
    func fuseMount(above path: String) -> MountEntry? {
        entries.filter { $0.isFuse && isInside(path, $0.point) }.max { $0.point.utf8.count < $1.point.utf8.count }
    }

    /// Where a directory lies within its file system, whatever it is bound to: its mount's root and the rest of its path.
    ///
    /// - Parameter path: absolute, without symbolic links.
    /// - Parameter id: the mount's number, of statx(2).
    func place(of path: String, mountID id: UInt64) -> Place? {
        guard let entry = entries.first(where: { $0.id == id }), isInside(path, entry.point) else { return nil }
        let prefix = entry.point == "/" ? 0 : entry.point.utf8.count
        let rest = String(decoding: path.utf8.dropFirst(prefix), as: UTF8.self)
        let base = entry.root == "/" ? "" : entry.root
        let joined = base + (rest == "/" ? "" : rest)
        return Place(device: entry.device, path: joined.isEmpty ? "/" : joined)
    }
}

/// A directory by its path within one file system.
struct Place: Equatable, Sendable {
    let device: String
    let path: String

    /// Whether the directory is `other`, or lies below it.
    func isInside(_ other: Place) -> Bool { device == other.device && stackfs.isInside(path, other.path) }
}

/// Whether one absolute path, without "." and "..", is another or lies below it.
func isInside(_ path: String, _ directory: String) -> Bool {
    directory == "/" || path == directory || path.hasPrefix(directory + "/")
}

/// The text of a small file, nil if it cannot be read.
func contents(of path: String) -> String? {
    let opened = linux_openat(LINUX_AT_FDCWD, path, LINUX_O_CLOEXEC, 0)
    guard opened >= 0 else { return nil }
    let file = Descriptor(owning: Int32(opened))
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let length = chunk.withUnsafeMutableBytes { linux_read(file.number, $0.baseAddress!, $0.count) }
        if length == Int64(-4 /* EINTR */) { continue }
        guard length >= 0 else { return nil }
        if length == 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += chunk[..<Int(length)]
    }
}
