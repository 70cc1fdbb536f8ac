import CTestCalls
import Glibc

/// Entries of a directory as getdents64(2) gives them.
struct Listing {
    struct Entry {
        let name: Path
        let inode: UInt64
        let type: UInt8
        /// Where the next entry is found, telldir(3).
        let next: Int64
    }

    /// Reads once into a buffer of `room` bytes.
    static func chunk(_ fd: Int32, room: Int) -> (result: Int64, entries: [Entry]) {
        Kernel.read(room) {
            Kernel.call(TC_getdents64, fd, $0, Int64(room))
        } _: {
            ($0, parse($1))
        }
    }

    /// Reads on from where the descriptor stands to the end.
    static func rest(_ fd: Int32, room: Int = 32768) -> (result: Int64, entries: [Entry]) {
        var all: [Entry] = []
        while true {
            let (result, entries) = chunk(fd, room: room)
            if result <= 0 { return (result, all) }
            all += entries
        }
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> [Entry] {
        var entries: [Entry] = []
        var at = 0
        while at < bytes.count {
            // struct linux_dirent64: ino, off, reclen, type, name.
            let length = Int(bytes.loadUnaligned(fromByteOffset: at + 16, as: UInt16.self))
            let name = bytes[(at + 19)..<(at + length)].prefix { $0 != 0 }
            entries.append(
                Entry(
                    name: Path(Array(name)), inode: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self),
                    type: bytes[at + 18], next: bytes.loadUnaligned(fromByteOffset: at + 8, as: Int64.self)))
            at += length
        }
        return entries
    }
}
