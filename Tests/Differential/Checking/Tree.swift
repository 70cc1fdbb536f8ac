import CTestCalls
import Glibc

/// Everything there is to know of a tree of files, in order of names.
struct Tree {
    /// Path, and what the file there is.
    private(set) var entries: [(path: Path, facts: Outcome)] = []
    private var firstNames: [UInt64: Path] = [:]
    private let clock: EpochClock?
    private let stampsAccesses: Bool

    /// Reads a tree.
    ///
    /// Attributes are read before contents, of each inode once: reading changes access times where O_NOATIME does nothing.
    /// - Parameter clock: makes times comparable with another side's; nil to keep times, inode numbers and blocks as they
    ///   are, for the comparison of a mount with what lies behind it.
    init(_ root: String, clock: EpochClock?, stampsAccesses: Bool) {
        self.clock = clock
        self.stampsAccesses = stampsAccesses
        let fd = Kernel.openat(Linux.atFdcwd, Path(root), TC_O_DIRECTORY | TC_O_NOATIME)
        guard fd >= 0 else {
            entries = [(.here, Outcome(fd))]
            return
        }
        walk(Int32(fd), .here)
        Kernel.close(Int32(fd))
    }

    private mutating func walk(_ directory: Int32, _ path: Path) {
        let (result, found) = Listing.rest(directory)
        if result < 0 { entries.append((path, Outcome(result))) }
        for entry in found.sorted(by: { $0.name.bytes.lexicographicallyPrecedes($1.name.bytes) })
        where entry.name != .here && entry.name != Path("..") {
            read(entry, in: directory, at: path.appending(entry.name))
        }
    }

    private mutating func read(_ entry: Listing.Entry, in directory: Int32, at path: Path) {
        var status = tc_statx()
        var facts = Outcome(Kernel.statx(directory, entry.name, Linux.symlinkNofollow, Linux.timesMask, &status))
        guard facts.succeeded else {
            entries.append((path, facts))
            return
        }
        let mode = UInt32(status.mode)
        let type = mode & Linux.typeMask
        facts.add("listed type", entry.type)
        facts.add("listed inode", entry.inode == status.ino ? 1 : 0)
        if let first = firstNames[status.ino], type != Linux.directory {
            facts.add("same file as", .text(first.description))
            entries.append((path, facts))
            return
        }
        firstNames[status.ino] = path
        addAttributes(status, to: &facts)
        facts.add("xattrs", .text(xattrs(of: entry.name, in: directory)))
        if type == Linux.symlink {
            facts.details += Kernel.outcome("target", 5000) { buffer in
                entry.name.withPointer { Kernel.call(TC_readlinkat, directory, $0, buffer, 5000) }
            }.details
        }
        guard type == Linux.regular || type == Linux.directory else {
            entries.append((path, facts))
            return
        }
        let opened = Kernel.openat(directory, entry.name, O_NONBLOCK | TC_O_NOFOLLOW | TC_O_NOATIME)
        facts.add("open", min(opened, 0))
        let fd = Int32(truncatingIfNeeded: opened)
        if fd >= 0 {
            facts.add("flags", .text(inodeFlags(fd)))
            if type == Linux.regular { facts.add("content", .text(Content.describe(fd))) }
        }
        entries.append((path, facts))
        if fd >= 0 {
            if type == Linux.directory { walk(fd, path) }
            Kernel.close(fd)
        }
    }

    private func addAttributes(_ status: tc_statx, to facts: inout Outcome) {
        facts.add("mode", .octal(UInt32(status.mode)))
        facts.add("nlink", status.nlink)
        facts.add("uid", status.uid)
        facts.add("gid", status.gid)
        facts.add("size", Int64(bitPattern: status.size))
        facts.add("rdev", UInt64(status.rdev_major) << 32 | UInt64(status.rdev_minor))
        var times = [("mtime", status.mtime), ("ctime", status.ctime)]
        if stampsAccesses { times.append(("atime", status.atime)) }
        if status.mask & 0x800 != 0 { times.append(("btime", status.btime)) }
        for (name, time) in times { facts.add(name, clock?.canonical(time) ?? .text("\(time.sec).\(time.nsec)")) }
        if clock == nil {
            facts.add("inode", .text("\(status.ino)"))
            facts.add("blocks", status.blocks)
        }
    }

    private func inodeFlags(_ fd: Int32) -> String {
        var flags: UInt32 = 0
        let result = withUnsafeMutablePointer(to: &flags) { Kernel.call(TC_ioctl, fd, Linux.getFlags, Kernel.address($0)) }
        return result < 0 ? errnoName(-result) : "0x" + String(flags, radix: 16)
    }

    /// Names and values, through the working directory: nothing else reaches the attributes of symlinks and devices.
    private func xattrs(of name: Path, in directory: Int32) -> String {
        _ = Kernel.call(TC_fchdir, directory)
        return name.withPointer { path in
            Kernel.read(65536) {
                Kernel.call(TC_llistxattr, path, $0, 65536)
            } _: { result, list in
                if result < 0 { return errnoName(-result) }
                let names = list.split(separator: 0).map { Path(Array($0)) }
                return names.map { name in
                    let value = Kernel.outcome("value", 65536) { buffer in
                        name.withPointer { Kernel.call(TC_lgetxattr, path, $0, buffer, 65536) }
                    }
                    return "\(name)=\(value)"
                }.sorted().joined(separator: "; ")
            }
        }
    }
}

/// The content of a file, without regard to where it has holes.
enum Content {
    static func describe(_ fd: Int32) -> String {
        let size = Kernel.call(TC_lseek, fd, 0, Int64(SEEK_END))
        var sum: UInt64 = 0
        var at: Int64 = 0
        while at < size {
            let data = Kernel.call(TC_lseek, fd, at, Int64(Linux.seekData))
            if data == -Int64(ENXIO) { break }
            let start = max(data, at)
            let hole = Kernel.call(TC_lseek, fd, start, Int64(Linux.seekHole))
            let end = hole > start ? hole : size
            at = start
            while at < end {
                let count = min(end - at, 131_072)
                let read = Kernel.read(Int(count)) {
                    Kernel.call(TC_pread64, fd, $0, count, at)
                } _: { result, bytes in
                    fold(bytes, at: at, into: &sum)
                    return result
                }
                if read <= 0 { return "\(size) bytes, at \(at) \(read == 0 ? "the end too early" : errnoName(-read))" }
                at += read
            }
        }
        return "\(size) bytes of checksum \(String(sum, radix: 16))"
    }

    private static func fold(_ bytes: UnsafeRawBufferPointer, at offset: Int64, into sum: inout UInt64) {
        for start in stride(from: 0, to: bytes.count, by: 4096) {
            let block = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 4096, bytes.count)])
            if tc_is_zero(block.baseAddress!, block.count) != 0 { continue }
            sum = tc_checksum(block.baseAddress!, block.count, sum ^ UInt64(offset + Int64(start)))
        }
    }
}
