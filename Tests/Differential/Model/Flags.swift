import CTestCalls
import Glibc

/// A word of flags that prints itself by their names.
protocol NamedFlags: Sendable, CustomStringConvertible {
    associatedtype Word: FixedWidthInteger
    var rawValue: Word { get }
    /// What a word of zero is called.
    static var zero: String { get }
    static var names: [(value: Word, name: String)] { get }
}

extension NamedFlags {
    var description: String {
        var rest = rawValue
        var parts: [String] = []
        for (value, name) in Self.names where value != 0 && rest & value == value {
            parts.append(name)
            rest &= ~value
        }
        if rest != 0 { parts.append("0x" + String(rest, radix: 16)) }
        return parts.isEmpty ? Self.zero : parts.joined(separator: "|")
    }
}

struct OpenFlags: NamedFlags {
    let rawValue: Int32

    static let zero = "O_RDONLY"
    // Those that contain others come first.
    static let names: [(value: Int32, name: String)] = [
        (TC_O_TMPFILE, "O_TMPFILE"), (TC_O_SYNC, "O_SYNC"), (TC_O_DSYNC, "O_DSYNC"), (O_ACCMODE, "O_ACCMODE"),
        (O_RDWR, "O_RDWR"), (O_WRONLY, "O_WRONLY"), (O_CREAT, "O_CREAT"), (O_EXCL, "O_EXCL"), (O_TRUNC, "O_TRUNC"),
        (O_APPEND, "O_APPEND"), (O_NONBLOCK, "O_NONBLOCK"), (TC_O_DIRECTORY, "O_DIRECTORY"),
        (TC_O_NOFOLLOW, "O_NOFOLLOW"), (TC_O_DIRECT, "O_DIRECT"), (TC_O_NOATIME, "O_NOATIME"), (TC_O_PATH, "O_PATH"),
    ]
}

struct RenameFlags: NamedFlags {
    let rawValue: UInt32
    static let zero = "0"
    static let names: [(value: UInt32, name: String)] = [
        (1, "RENAME_NOREPLACE"), (2, "RENAME_EXCHANGE"), (4, "RENAME_WHITEOUT"),
    ]
}

struct AtFlags: NamedFlags {
    let rawValue: Int32
    static let zero = "0"
    static let names: [(value: Int32, name: String)] = [
        (Linux.symlinkNofollow, "AT_SYMLINK_NOFOLLOW"), (Linux.symlinkFollow, "AT_SYMLINK_FOLLOW"),
        (Linux.emptyPath, "AT_EMPTY_PATH"), (Linux.forceSync, "AT_STATX_FORCE_SYNC"),
    ]
}

struct FallocateMode: NamedFlags {
    let rawValue: Int32
    static let zero = "0"
    static let names: [(value: Int32, name: String)] = [
        (0x01, "KEEP_SIZE"), (0x02, "PUNCH_HOLE"), (0x08, "COLLAPSE_RANGE"), (0x10, "ZERO_RANGE"),
        (0x20, "INSERT_RANGE"), (0x40, "UNSHARE_RANGE"), (0x80, "WRITE_ZEROES"),
    ]
}

struct XattrFlags: NamedFlags {
    let rawValue: Int32
    static let zero = "0"
    static let names: [(value: Int32, name: String)] = [(1, "XATTR_CREATE"), (2, "XATTR_REPLACE")]
}

/// FS_IOC_SETFLAGS's inode flags.
struct InodeFlags: NamedFlags {
    let rawValue: UInt32
    static let zero = "0"
    static let names: [(value: UInt32, name: String)] = [
        (0x08, "FS_SYNC_FL"), (0x10, "FS_IMMUTABLE_FL"), (0x20, "FS_APPEND_FL"), (0x40, "FS_NODUMP_FL"),
        (0x80, "FS_NOATIME_FL"), (0x1_0000, "FS_DIRSYNC_FL"),
    ]
}

/// A file mode; prints in octal.
struct Mode: Sendable, CustomStringConvertible {
    let rawValue: UInt32
    init(_ rawValue: UInt32) { self.rawValue = rawValue }
    var description: String { "0" + String(rawValue, radix: 8) }
}

/// Bytes to write: `count` bytes of a pattern that `seed` names.
struct Pattern: Sendable, CustomStringConvertible {
    let seed: UInt8
    let count: Int

    var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            buffer.baseAddress.map { tc_fill($0, count, seed) }
            initialized = count
        }
    }
    var description: String { "\(count) bytes of pattern \(seed)" }

    /// Calls `body` with the address of the bytes, aligned to pages as O_DIRECT wants it.
    func withAligned(_ body: (Int64) -> Int64) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 4096)
        defer { buffer.deallocate() }
        tc_fill(buffer.baseAddress!, count, seed)
        return body(Kernel.address(buffer.baseAddress!))
    }
}
