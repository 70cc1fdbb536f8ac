import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension Mirror {
    // MARK: OPENDIR, RELEASEDIR, FSYNCDIR

    /// Where the kernel keeps directories it is told that there is no OPENDIR (FUSE_NO_OPENDIR_SUPPORT), and sends none from then on,
    /// nor a RELEASEDIR.
    public func opendir(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        guard opensDirectories else { throw .enosys }
        let id = NodeID(rawValue: request.nodeid)
        let stream = try openStream(nodes.borrow(id), at: 0)
        // The flags of an open directory say which lower file system its entries' inode numbers belong to.
        let handle = try files.insert(
            descriptor: Descriptor(owning: stream.descriptor), node: id, flags: UInt32(stream.deviceIndex))
        try reply.append(fuse_open_out(fh: handle, open_flags: 0, backing_id: 0))
    }

    public func releasedir(_ request: Request, _ arguments: fuse_release_in) throws(Errno) {
        lockOwners.release(handle: arguments.fh)
        files.remove(arguments.fh)
    }

    public func fsyncdir(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) {
        if handle != 0 || opensDirectories { return try fsync(request, handle: handle, dataOnly: dataOnly) }
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let directory = try LowerReference.openDirectory(node.descriptor)
        try checked(dataOnly ? linux_fdatasync(directory.number) : linux_fsync(directory.number))
    }

    /// Opens a node's lower directory and goes to a place in it.
    private func openStream(_ node: borrowing NodeReference, at position: Int64) throws(Errno) -> DirectoryStream {
        let inode = node.descriptor
        let status = try Lower.status(of: inode)
        guard status.isDirectory else { throw .enotdir }
        let directory = try withRoomForDescriptors { () throws(Errno) in try LowerReference.openDirectory(inode) }
        if position != 0 { try checked(linux_lseek(directory.number, position, SEEK_SET)) }
        return DirectoryStream(
            descriptor: directory.take(), deviceIndex: nodes.deviceIndex(of: status), position: position,
            number: directoryStreams.nextNumber())
    }

    // MARK: READDIR, READDIRPLUS

    public func readdir(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        try list(request, arguments, entryHeaders: MemoryLayout<fuse_dirent>.size, into: &reply) {
            (entry, _, reply) throws(Errno) in
            try reply.append(entry.wire)
        }
    }

    /// READDIRPLUS: each name with a LOOKUP's answer. A name whose lookup fails is listed without: the kernel looks it up when
    /// it is used, and no name is ever lost (EMFILE, a name that goes meanwhile).
    public func readdirplus(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        var arguments = arguments
        // The kernel always begins so, and goes on only if the first entries were asked for (FUSE_READDIRPLUS_AUTO): who reads
        // names alone is to have few looked up in vain.
        if arguments.offset == 0 { arguments.size = min(arguments.size, 4096) }
        try list(request, arguments, entryHeaders: MemoryLayout<fuse_direntplus>.size, into: &reply) {
            (entry, parent, reply) throws(Errno) in
            var plus = fuse_direntplus(entry_out: fuse_entry_out(), dirent: entry.wire)
            if !entry.isDotOrDotDot, let (id, status) = try? self.lookUp(entry.name, in: parent) {
                plus.entry_out = self.entry(id, status, in: parent)
                plus.dirent.ino = plus.entry_out.attr.ino
                plus.dirent.type = status.type >> 12
            }
            try reply.append(plus)
        }
    }

    private typealias Appending = (borrowing LowerEntry, borrowing NodeReference, inout Reply) throws(Errno) -> Void

    /// Lists from an offset, which is the lower directory's own (d_off of getdents64(2)) and so stays valid while the directory
    /// changes, exactly as it does natively.
    private func list(
        _ request: Request, _ arguments: fuse_read_in, entryHeaders: Int, into reply: inout Reply, _ append: Appending
    ) throws(Errno) {
        let wanted = Int64(bitPattern: arguments.offset)
        if arguments.fh == 0, !opensDirectories {
            let parent = try nodes.borrow(NodeID(rawValue: request.nodeid))
            var stream: DirectoryStream
            if let waiting = directoryStreams.take(parent.id, at: wanted) {
                stream = waiting
            } else {
                stream = try openStream(parent, at: wanted)
            }
            do throws(Errno) {
                try list(&stream, parent, Int(arguments.size), entryHeaders, into: &reply, append)
            } catch {
                _ = linux_close(stream.descriptor)
                throw error
            }
            if reply.count == 0 || stream.position == DirectoryStream.nowhere {
                _ = linux_close(stream.descriptor)
            } else {
                directoryStreams.put(parent.id, stream)
            }
            return
        }
        let directory = try files.borrow(arguments.fh)
        let parent = try nodes.borrow(directory.node)
        // rewinddir(3) is no request of its own, and some file systems (btrfs) show what came since only after it.
        if directory.position != wanted || wanted == 0 {
            try checked(linux_lseek(directory.descriptor, wanted, SEEK_SET))
        }
        var stream = DirectoryStream(
            descriptor: directory.descriptor, deviceIndex: UInt16(truncatingIfNeeded: directory.flags),
            position: wanted,
            number: 0)
        defer { directory.position = stream.position }
        try list(&stream, parent, Int(arguments.size), entryHeaders, into: &reply, append)
    }

    /// Fills the reply from where the stream is.
    ///
    /// No more is read from the lower directory than fits, whatever its names: what is read again has to be sought again, for which
    /// ext4 reads and sorts a whole block of a large directory anew. Where reading fails after some entries they are the answer, as the
    /// kernel has to learn of the nodes looked up for it: the next request meets the failure.
    private func list(
        _ stream: inout DirectoryStream, _ parent: borrowing NodeReference, _ size: Int, _ entryHeaders: Int,
        into reply: inout Reply, _ append: Appending
    ) throws(Errno) {
        watch(parent)
        let limit = min(size, reply.capacity)
        let scratch = ListingBuffer.ofThisThread
        // Of names to 4 bytes the reply's entries are largest, as against the lower directory's.
        let largest = (entryHeaders + 4 + 7) & ~7
        while true {
            var capacity = min((limit - reply.count) / largest * LowerEntry.leastLength, ListingBuffer.size)
            if capacity < LowerEntry.greatestLength {
                guard reply.count == 0 else { return }
                capacity = LowerEntry.greatestLength
            }
            let result = linux_getdents64(stream.descriptor, scratch, capacity)
            if result < 0, reply.count > 0 {
                stream.position = DirectoryStream.nowhere
                return
            }
            let length = try checked(result)
            if length == 0 { return }
            var position = 0
            while position < length {
                let entry = LowerEntry(scratch + position, deviceIndex: stream.deviceIndex, self)
                let needed = (entryHeaders + entry.name.count + 7) & ~7
                if reply.count + needed > limit {
                    // A reply without any entry means the end of the directory.
                    if reply.count == 0 { throw .einval }
                    if linux_lseek(stream.descriptor, stream.position, SEEK_SET) < 0 {
                        stream.position = DirectoryStream.nowhere
                    }
                    return
                }
                try append(entry, parent, &reply)
                let padded = needed - entryHeaders
                let room = reply.room(upTo: padded)
                let name = entry.name.bytes
                room.copyMemory(from: name)
                for index in name.count..<padded { room[index] = 0 }
                reply.advance(by: padded)
                stream.position = Int64(bitPattern: entry.wire.off)
                position += entry.recordLength
            }
            // One more read would seldom fill what is left.
            if reply.count > limit / 4 * 3 { return }
        }
    }
}

/// One record of getdents64(2), and what the protocol makes of it.
private struct LowerEntry: ~Escapable {
    /// Of a name to 4 bytes, and of one of NAME_MAX.
    static let leastLength = 24
    static let greatestLength = 280

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
