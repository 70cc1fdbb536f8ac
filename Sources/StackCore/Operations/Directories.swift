import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension Mirror {
    // MARK: OPENDIR, RELEASEDIR, FSYNCDIR

    public func opendir(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        let id = NodeID(rawValue: request.nodeid)
        let node = try nodes.borrow(id)
        let inode = node.descriptor
        let status = try Lower.status(of: inode)
        let directory = try withRoomForDescriptors { () throws(Errno) in
            try Lower.reopen(inode, O_RDONLY | LINUX_O_DIRECTORY)
        }
        // The flags of an open directory say which lower file system its entries' inode numbers belong to.
        let handle = try files.insert(
            descriptor: directory, node: id, flags: UInt32(nodes.deviceIndex(of: status)))
        try reply.append(fuse_open_out(fh: handle, open_flags: 0, backing_id: 0))
    }

    public func releasedir(_ request: Request, _ arguments: fuse_release_in) throws(Errno) {
        lockOwners.release(handle: arguments.fh)
        files.remove(arguments.fh)
    }

    public func fsyncdir(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) {
        try fsync(request, handle: handle, dataOnly: dataOnly)
    }

    // MARK: READDIR, READDIRPLUS

    public func readdir(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        try list(arguments, entryHeaders: MemoryLayout<fuse_dirent>.size, into: &reply) {
            (entry, _, reply) throws(Errno) in
            try reply.append(entry.wire)
        }
    }

    /// READDIRPLUS: each name with a LOOKUP's answer. A name whose lookup fails is listed without: the kernel looks it up when
    /// it is used, and no name is ever lost (EMFILE, a name that goes meanwhile).
    public func readdirplus(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        try list(arguments, entryHeaders: MemoryLayout<fuse_direntplus>.size, into: &reply) {
            (entry, parent, reply) throws(Errno) in
            var plus = fuse_direntplus(entry_out: fuse_entry_out(), dirent: entry.wire)
            if !entry.isDotOrDotDot, let (id, status) = try? self.lookUp(entry.name, in: parent) {
                plus.entry_out = self.entry(id, status)
                plus.dirent.ino = plus.entry_out.attr.ino
                plus.dirent.type = status.type >> 12
            }
            try reply.append(plus)
        }
    }

    /// Lists from an offset, which is the lower directory's own (d_off of getdents64(2)) and so stays valid while the directory
    /// changes, exactly as it does natively. What was read from the lower directory and does not fit is read again.
    private func list(
        _ arguments: fuse_read_in, entryHeaders: Int, into reply: inout Reply,
        _ append: (borrowing LowerEntry, borrowing NodeReference, inout Reply) throws(Errno) -> Void
    ) throws(Errno) {
        let directory = try files.borrow(arguments.fh)
        let parent = try nodes.borrow(directory.node)
        let wanted = Int64(bitPattern: arguments.offset)
        // rewinddir(3) is no request of its own, and some file systems (btrfs) show what came since only after it.
        if directory.position != wanted || wanted == 0 {
            try checked(linux_lseek(directory.descriptor, wanted, SEEK_SET))
            directory.position = wanted
        }
        let limit = min(Int(arguments.size), reply.capacity)
        let scratch = ListingBuffer.ofThisThread
        let typical = 32  // a getdents64 record of a short name
        let capacity = min(max(limit / (entryHeaders + 8) * typical, 1024), ListingBuffer.size)
        while true {
            let length = try checked(linux_getdents64(directory.descriptor, scratch, capacity))
            if length == 0 { return }
            var position = 0
            while position < length {
                let entry = LowerEntry(
                    scratch + position, deviceIndex: UInt16(truncatingIfNeeded: directory.flags), self)
                let needed = (entryHeaders + entry.name.count + 7) & ~7
                if reply.count + needed > limit {
                    // A reply without any entry means the end of the directory.
                    if reply.count == 0 { throw .einval }
                    try checked(linux_lseek(directory.descriptor, directory.position, SEEK_SET))
                    return
                }
                try append(entry, parent, &reply)
                let padded = needed - entryHeaders
                let room = reply.room(upTo: padded)
                let name = UnsafeRawBufferPointer(start: entry.name.pointer, count: entry.name.count)
                room.copyMemory(from: name)
                for index in name.count..<padded { room[index] = 0 }
                reply.advance(by: padded)
                directory.position = Int64(bitPattern: entry.wire.off)
                position += entry.recordLength
            }
            // One more read would seldom fill what is left.
            if reply.count > limit / 2 { return }
        }
    }
}

/// One record of getdents64(2), and what the protocol makes of it.
private struct LowerEntry: ~Escapable {
    let name: Name
    let recordLength: Int
    let wire: fuse_dirent

    @_lifetime(borrow record)
    init(_ record: UnsafeMutableRawPointer, deviceIndex: UInt16, _ mirror: Mirror) {
        let header = record.loadUnaligned(as: linux_dirent64.self)
        // ino 8, off 8, reclen 2, type 1, then the name.
        let nameOffset = 19
        let start = UnsafePointer((record + nameOffset).assumingMemoryBound(to: CChar.self))
        name = _overrideLifetime(Name(unsafe: start, count: strlen(start)), borrowing: record)
        recordLength = Int(header.reclen)
        wire = fuse_dirent(
            ino: mirror.inodeNumber(header.ino, deviceIndex: deviceIndex), off: UInt64(bitPattern: header.off),
            namelen: UInt32(strlen(start)), type: UInt32(header.type))
    }

    var isDotOrDotDot: Bool { name.isDot || name.isDotDot }
}

/// A buffer for getdents64(2), one a thread, kept as long as the thread lives.
private enum ListingBuffer {
    static let size = 64 << 10

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key) { free($0) }
        return key
    }()

    static var ofThisThread: UnsafeMutableRawPointer {
        if let buffer = pthread_getspecific(key) { return buffer }
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
        pthread_setspecific(key, buffer)
        return buffer
    }
}
