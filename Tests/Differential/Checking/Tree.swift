import CTestCalls
import Glibc

/// Everything there is to know of a tree of files, in order of names.
struct Tree {
    struct Entry {
        let path: Path
        /// What the file there is, comparable with another side.
        var facts: Outcome
        /// What only the mount and the directory behind it have in common: times and inode number as they are.
        var raw: [Detail] = []
    }

    private(set) var entries: [Entry] = []
    private var firstNames: [UInt64: Path] = [:]
    private let clock: EpochClock
    private let root: String
    private let stampsAccesses: Bool

    /// Reads a tree, but for the targets of symlinks.
    ///
    /// Attributes are read before contents, of each inode once: reading changes access times where O_NOATIME does nothing.
    init(_ root: String, clock: EpochClock, stampsAccesses: Bool) {
        self.root = root
        self.clock = clock
        self.stampsAccesses = stampsAccesses
        let fd = Kernel.openat(Linux.atFdcwd, Path(root), TC_O_DIRECTORY | TC_O_NOATIME)
        guard fd >= 0 else {
            entries = [Entry(path: .here, facts: Outcome(fd))]
            return
        }
        walk(Int32(fd), .here)
        Kernel.close(Int32(fd))
    }

    private mutating func walk(_ directory: Int32, _ path: Path) {
        let (result, found) = Listing.rest(directory)
        if result < 0 { entries.append(Entry(path: path, facts: Outcome(result))) }
        for entry in found.sorted(by: { $0.name.bytes.lexicographicallyPrecedes($1.name.bytes) })
        where entry.name != .here && entry.name != Path("..") {
            read(entry, in: directory, at: path.appending(entry.name))
        }
    }

    private mutating func read(_ found: Listing.Entry, in directory: Int32, at path: Path) {
        var status = tc_statx()
        var facts = Outcome(Kernel.statx(directory, found.name, Linux.symlinkNofollow, Linux.timesMask, &status))
        let position = entries.count
        entries.append(Entry(path: path, facts: facts))
        guard facts.succeeded else { return }
        let type = UInt32(status.mode) & Linux.typeMask
        facts.add("listed type", found.type)
        facts.add("listed inode", found.inode == status.ino ? 1 : 0)
        entries[position].raw = raw(status)
        let first = type == Linux.directory ? nil : firstNames.updateValue(path, forKey: status.ino)
        if let first {
            firstNames[status.ino] = first
            facts.add("same file as", .text(first.description))
            entries[position].facts = facts
            return
        }
        Attributes.add(status, to: &facts, clock: clock, accesses: stampsAccesses)
        facts.add("xattrs", .text(xattrs(of: found.name, in: directory)))
        guard type == Linux.regular || type == Linux.directory else {
            entries[position].facts = facts
            return
        }
        let opened = Kernel.openat(directory, found.name, O_NONBLOCK | TC_O_NOFOLLOW | TC_O_NOATIME)
        facts.add("open", min(opened, 0))
        if opened >= 0 {
            let fd = Int32(opened)
            facts.add("flags", .text(inodeFlags(fd)))
            if type == Linux.regular { facts.add("content", .text(Content.describe(fd))) } else { walk(fd, path) }
            Kernel.close(fd)
        }
        entries[position].facts = facts
    }

    /// Reads the targets of all symlinks. Apart from the rest, as it changes access times, which O_NOATIME cannot prevent.
    mutating func readTargets() {
        let directory = Int32(truncatingIfNeeded: Kernel.openat(Linux.atFdcwd, Path(root), TC_O_DIRECTORY))
        for index in entries.indices {
            guard case .octal(let mode)? = entries[index].facts.details.first(where: { $0.name == "mode" })?.value,
                mode & Linux.typeMask == Linux.symlink
            else { continue }
            let target = Kernel.outcome("target", 5000) { buffer in
                entries[index].path.withPointer { Kernel.call(TC_readlinkat, directory, $0, buffer, 5000) }
            }
            entries[index].facts.add("readlink", target.result)
            entries[index].facts.details += target.details
        }
        Kernel.close(directory)
    }

    private func raw(_ status: tc_statx) -> [Detail] {
        let times = [
            ("mtime", status.mtime), ("ctime", status.ctime), ("atime", status.atime), ("btime", status.btime),
        ]
        return times.filter { stampsAccesses || $0.0 != "atime" }.map {
            Detail(name: $0.0, value: .text("\($0.1.sec).\($0.1.nsec)"))
        } + [
            Detail(name: "inode", value: .text("\(status.ino)")),
            // How many there are changes by itself, when the lower file system writes back what it had put off.
            Detail(name: "has blocks", value: .number(status.blocks == 0 ? 0 : 1)),
        ]
    }

    private func inodeFlags(_ fd: Int32) -> String {
        var flags: UInt32 = 0
        let result = withUnsafeMutablePointer(to: &flags) {
            Kernel.call(TC_ioctl, fd, Linux.getFlags, Kernel.address($0))
        }
        return result < 0 ? errnoName(-result) : "0x" + String(flags, radix: 16)
    }

    /// Names and values, by a path: no call reaches the attributes of symlinks and devices by descriptors alone.
    private func xattrs(of name: Path, in directory: Int32) -> String {
        let place = Path("/proc/self/fd/\(directory)").appending(name)
        return place.withPointer { path in
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
