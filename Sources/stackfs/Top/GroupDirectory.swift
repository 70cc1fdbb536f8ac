import CLinux
import Glibc
import SystemCalls

/// The open directory of a group: what is in it, and what its files say.
struct GroupDirectory: ~Copyable {
    private let descriptor: Descriptor

    /// - Throws: what openat(2) gives: ENOENT and, by the kernel, ENODEV for a group that has gone.
    init(_ path: String) throws(Errno) {
        descriptor = try Self.open(path, in: LINUX_AT_FDCWD, O_RDONLY | LINUX_O_DIRECTORY)
    }

    /// A directory in another one, not by a symbolic link.
    init(_ name: [UInt8], in parent: borrowing GroupDirectory) throws(Errno) {
        let flags = O_RDONLY | LINUX_O_DIRECTORY | LINUX_O_NOFOLLOW | LINUX_O_CLOEXEC
        let parent = parent.descriptor.number
        let opened = (name + [0]).withUnsafeBytes {
            linux_openat(parent, $0.baseAddress!.assumingMemoryBound(to: CChar.self), flags, 0)
        }
        descriptor = Descriptor(owning: Int32(try checked(opened)))
    }

    private static func open(_ path: String, in directory: Int32, _ flags: Int32) throws(Errno) -> Descriptor {
        Descriptor(owning: Int32(try checked(linux_openat(directory, path, flags | LINUX_O_CLOEXEC, 0))))
    }

    /// The names in the directory, and whether each is a directory; symbolic links are none.
    func names(_ buffer: inout [UInt8], _ body: (_ name: UnsafeRawBufferPointer, _ isDirectory: Bool) -> Void)
        throws(Errno)
    {
        let directory = descriptor.number
        while true {
            let length = try checked(
                buffer.withUnsafeMutableBytes { linux_getdents64(directory, $0.baseAddress!, $0.count) })
            if length == 0 { return }
            buffer.withUnsafeBytes { bytes in
                var at = 0
                while at < length {
                    // struct linux_dirent64: inode and offset, the record's length, the type, the name.
                    let record = Int(bytes.loadUnaligned(fromByteOffset: at + 16, as: UInt16.self))
                    let name = UnsafeRawBufferPointer(rebasing: bytes[(at + 19)..<(at + record)])
                    let end = name.firstIndex(of: 0) ?? name.endIndex
                    let isSpecial =
                        name[0] == UInt8(ascii: ".") && (end == 1 || end == 2 && name[1] == UInt8(ascii: "."))
                    // A file system that tells no types has entries of type DT_UNKNOWN, 0: opening will tell.
                    let type = bytes[at + 18]
                    if !isSpecial { body(UnsafeRawBufferPointer(rebasing: name[..<end]), type == DT_DIR || type == 0) }
                    at += record
                }
            }
        }
    }

    /// Reads a file to its end, piece by piece.
    func read(_ name: String, _ buffer: inout [UInt8], _ body: (ArraySlice<UInt8>) -> Void) throws(Errno) {
        // A group has no FIFO; what is looked at may be any directory.
        let file = try Self.open(name, in: descriptor.number, O_RDONLY | O_NONBLOCK | LINUX_O_NOFOLLOW)
        while true {
            let result = buffer.withUnsafeMutableBytes { linux_read(file.number, $0.baseAddress!, $0.count) }
            if result == Int64(-EINTR) { continue }
            let length = try checked(result)
            if length == 0 { return }
            body(buffer[..<length])
        }
    }

    /// Whether there is a file of this name.
    func has(_ name: String) -> Bool { linux_faccessat2(descriptor.number, name, F_OK, LINUX_AT_SYMLINK_NOFOLLOW) == 0 }

    /// The same number for the same directory, wherever it is bound to.
    var identity: [UInt64] {
        var status = linux_statx()
        _ = linux_statx_at(descriptor.number, "", LINUX_AT_EMPTY_PATH, LINUX_STATX_BASIC_STATS, &status)
        return [UInt64(status.dev_major), UInt64(status.dev_minor), status.ino]
    }
}

extension Errno {
    /// A group was removed: ENOENT for its name, ENODEV for what was open.
    var isOfGoneGroup: Bool { self == .enoent || self == .enodev }

    /// There is no use in going on, as this concerns more than one file: a daemon that is dead, or no descriptors or memory left.
    var endsLook: Bool { [.enotconn, .econnaborted, .emfile, .enfile, .enomem].contains(self) }
}
