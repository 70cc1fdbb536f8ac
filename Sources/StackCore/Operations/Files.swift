import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension Mirror {
    // MARK: OPEN, RELEASE

    public func open(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        guard opensFiles else { throw .enosys }
        try reply.append(openNode(request, NodeID(rawValue: request.nodeid), arguments))
    }

    /// Opens a regular file, and only that: a FIFO or device opened here would block the daemon, or act.
    func openNode(_ request: Request, _ id: NodeID, _ arguments: fuse_open_in) throws(Errno) -> fuse_open_out {
        if let answer = try openAgain(request, id, arguments.flags) { return answer }
        let node = try nodes.borrow(id)
        let inode = node.descriptor
        let status = try Lower.status(of: inode)
        guard status.isRegular else { throw .enxio }
        var flags = lowerFlags(arguments.flags)
        let truncates = flags & O_TRUNC != 0
        if options.readOnly, truncates || flags & O_ACCMODE != O_RDONLY { throw .erofs }
        // Who may open has been decided by the kernel, but what truncation clears depends on the caller.
        let clearsSetID = truncates && arguments.open_flags & RequestFlags.openKillSetID != 0
        if clearsSetID { flags &= ~O_TRUNC }
        let file = try withRoomForDescriptors { () throws(Errno) in try Lower.reopen(inode, flags) }
        if clearsSetID {
            // open(2) truncates with O_RDONLY too, ftruncate(2) does not.
            let writable = try Lower.reopen(inode, O_WRONLY)
            try truncate(request, writable.number, 0, clearsSetID: true)
        }
        return try enter(request, file, id, inode, status, arguments.flags)
    }

    /// A further open file of a node that the kernel reads by itself: the lower file is opened when something else is asked of it. Nil
    /// where it must be opened now.
    private func openAgain(_ request: Request, _ id: NodeID, _ flags: UInt32) throws(Errno) -> fuse_open_out? {
        // 0x20 is the kernel's FMODE_EXEC.
        let harmless = O_NONBLOCK | LINUX_O_LARGEFILE | LINUX_O_NOFOLLOW | LINUX_O_CLOEXEC | 0x20
        // A node without a handle may not be found any more by then.
        guard let backing, Int32(bitPattern: flags) & ~harmless == O_RDONLY, nodes.hasFileHandle(id),
            let kept = backing.openedAgain(id, request)
        else { return nil }
        do throws(Errno) {
            let handle = try files.insertUnopened(node: id, flags: flags)
            var replyFlags: OpenReplyFlags = [.parallelDirectWrites, .passthrough]
            if kept.closesQuietly, !keepsPosixLocks { replyFlags.insert(.noFlush) }
            return fuse_open_out(fh: handle, open_flags: replyFlags.rawValue, backing_id: kept.id)
        } catch {
            backing.released(id, flags: flags) { () throws(Errno) in try self.nodes.borrow(id) }
            throw error
        }
    }

    /// Whether closing a file gives back POSIX locks that the daemon keeps.
    private var keepsPosixLocks: Bool { options.lowerLocks.contains(.posix) && !options.smallFiles }

    /// Whether closing a lower file tells no error.
    private func closesQuietly(_ status: borrowing linux_statx) -> Bool {
        guard lowerKind.closesQuietly else { return false }
        return nodes.deviceIndex(of: status) == 0
    }

    /// The flags of open(2) that go to the lower file. O_APPEND does: a lower file that grew behind the mount is appended to at
    /// its true end. With the writeback cache it does not, as the kernel then decides where, and reads what it
    /// fills up, also in a file that is open for writing only.
    func lowerFlags(_ flags: UInt32) -> Int32 {
        let passed = O_ACCMODE | O_APPEND | O_TRUNC | O_NONBLOCK | O_SYNC | O_DSYNC | LINUX_O_DIRECT | LINUX_O_NOATIME
        var lower = Int32(bitPattern: flags) & passed | LINUX_O_LARGEFILE
        if options.writebackCache {
            lower &= ~O_APPEND
            if lower & O_ACCMODE == O_WRONLY { lower = lower & ~O_ACCMODE | O_RDWR }
        }
        return lower
    }

    /// Takes an open file in and answers for it: with a backing file, where the kernel may read and write by itself.
    ///
    /// The kernel drops the pages of an earlier open, unless the file is as it was then: what changed behind the mount is seen.
    func enter(
        _ request: Request, _ file: consuming Descriptor, _ node: NodeID, _ inode: Int32,
        _ status: borrowing linux_statx, _ flags: UInt32
    ) throws(Errno) -> fuse_open_out {
        let quiet = closesQuietly(status)
        let number = file.number
        let handle = try files.insert(descriptor: file, node: node, flags: flags, kind: quiet ? 1 : 0)
        var answer = fuse_open_out(fh: handle, open_flags: 0, backing_id: 0)
        var replyFlags = OpenReplyFlags.parallelDirectWrites
        if quiet, !keepsPosixLocks { replyFlags.insert(.noFlush) }
        if let backing {
            let caller = CallerProcess.member(request, of: status)
            let id = backing.opened(node, request, flags: flags, closesQuietly: quiet) { (connection) throws(Errno) in
                try credentials.asCaller(caller) { () throws(Errno) in try connection.openBacking(inode) }
            }
            if let id {
                answer.backing_id = id
                replyFlags.insert(.passthrough)
                // The backing file keeps the flags that it was opened with. dd(1) clears O_DIRECT for a last, shorter block
                // and must not fail: direct reads and writes come here, and only mappings go the short way.
                if Int32(bitPattern: flags) & LINUX_O_DIRECT != 0 { replyFlags.insert(.directIO) }
            }
        }
        if answer.backing_id == 0, keepsPages(node, status, handle: handle, number, flags) {
            replyFlags.insert(.keepCache)
        }
        answer.open_flags = replyFlags.rawValue
        return answer
    }

    /// Whether the kernel's pages of a file that was opened are as the file is.
    private func keepsPages(
        _ node: NodeID, _ status: borrowing linux_statx, handle: UInt64, _ file: Int32, _ flags: UInt32
    ) -> Bool {
        let flags = Int32(bitPattern: flags)
        // Of now: opening may have waited until another, whose lease it broke, had written.
        guard lowerKind.stampsStores, nodes.deviceIndex(of: status) == 0, flags & O_TRUNC == 0,
            let now = try? Lower.status(of: file)
        else { return false }
        return keptPages.opened(node, now, handle: handle, reading: flags & O_ACCMODE == O_RDONLY ? file : nil)
    }

    public func release(_ request: Request, _ arguments: fuse_release_in) throws(Errno) {
        lockOwners.release(handle: arguments.fh)
        keptPages.released(NodeID(rawValue: request.nodeid), handle: arguments.fh)
        guard let backing else {
            files.remove(arguments.fh)
            return
        }
        let file = try files.borrow(arguments.fh)
        let (id, flags) = (file.node, file.flags)
        files.remove(arguments.fh)
        // A lease is given only once the file is closed here too.
        file.end()
        backing.released(id, flags: flags) { () throws(Errno) in try self.nodes.borrow(id) }
    }

    // MARK: READ, WRITE

    public func read(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        let file = try lowerFile(request.nodeid, arguments.fh, flags: lowerFlags(arguments.flags) & ~O_ACCMODE)
        guard let offset = Int64(exactly: arguments.offset) else { throw .einval }
        follow(arguments.flags, file)
        let room = reply.room(upTo: Int(arguments.size))
        guard let start = room.baseAddress else { throw .einval }
        let count = try checked(linux_pread(file.descriptor, start, room.count, offset))
        reply.advance(by: count)
    }

    public func write(_ request: Request, _ arguments: fuse_write_in, _ data: RawSpan, into reply: inout Reply)
        throws(Errno)
    {
        let flags = WriteFlags(rawValue: arguments.write_flags)
        let fromCache = flags.contains(.fromCache)
        let wanted = fromCache ? O_WRONLY : lowerFlags(arguments.flags) & ~O_ACCMODE | O_WRONLY
        let file = try lowerFile(request.nodeid, arguments.fh, flags: wanted)
        guard let offset = Int64(exactly: arguments.offset) else { throw .einval }
        let descriptor = file.descriptor
        let bytes = data.withUnsafeBytes { $0 }
        if !fromCache { follow(arguments.flags, file) }
        let written = try mutate(request) { () throws(Errno) in
            // Without set-id bits to clear the caller has CAP_FSETID, and root's other rights with it.
            try credentials.clearing(flags.contains(.killSetID), in: descriptor, request) { () throws(Errno) in
                fromCache
                    ? try writePages(bytes, to: descriptor, at: offset)
                    : try writeAll(bytes, to: descriptor, at: offset)
            }
        }
        if file.isTemporary, wanted & O_APPEND != 0 { settleAppend(file, end: offset &+ Int64(written)) }
        try reply.append(fuse_write_out(size: UInt32(truncatingIfNeeded: written), padding: 0))
    }

    /// What was appended lies where the lower file ended, which the kernel has not seen if that grew behind the mount: it then has the
    /// bytes at another place, and must drop its pages. They are locked until the reply, so that another thread asks for it.
    private func settleAppend(_ file: borrowing LowerFile, end: Int64) {
        guard let connection, let status = try? Lower.status(of: file.descriptor), status.size != UInt64(end) else {
            return
        }
        let node = file.node.rawValue
        try? Thread.start { connection.invalidateData(nodeid: node) }
    }

    /// Takes over what fcntl(2), F_SETFL, has changed since the open: no request tells of it, but each READ and WRITE carries
    /// the flags as they are (fuse_write_in, flags). What the lower file system refuses stays as it was.
    private func follow(_ flags: UInt32, _ file: borrowing LowerFile) {
        let changeable = UInt32(bitPattern: O_APPEND | LINUX_O_DIRECT | LINUX_O_NOATIME)
        guard let known = file.flags, (flags ^ known) & changeable != 0 else { return }
        _ = linux_fcntl(file.descriptor, F_SETFL, Int(lowerFlags(flags)))
        file.setFlags(known & ~changeable | flags & changeable)
    }

    /// Writes until everything is written or an error comes; what was written before an error counts.
    private func writeAll(_ bytes: UnsafeRawBufferPointer, to file: Int32, at offset: Int64) throws(Errno) -> Int {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return 0 }
        var written = 0
        while written < bytes.count {
            let result = linux_pwrite(file, start + written, bytes.count - written, offset &+ Int64(written))
            if result > 0 {
                written += Int(result)
            } else if written > 0 {
                break
            } else {
                throw result == 0 ? .eio : Errno(rawValue: Int32(-result))
            }
        }
        return written
    }

    /// Writes dirty pages of the kernel's cache, which come through any writable handle: an O_APPEND one would put them at the
    /// end, and the last page's length fits no O_DIRECT one.
    private func writePages(_ bytes: UnsafeRawBufferPointer, to file: Int32, at offset: Int64) throws(Errno) -> Int {
        let flags = Int32(try checked(linux_fcntl(file, F_GETFL, 0)))
        guard flags & (O_APPEND | LINUX_O_DIRECT) != 0 else { return try writeAll(bytes, to: file, at: offset) }
        let plain = try withRoomForDescriptors { () throws(Errno) in try Lower.reopen(file, O_WRONLY) }
        return try writeAll(bytes, to: plain.number, at: offset)
    }

    // MARK: FLUSH, FSYNC

    /// FLUSH, at every close(2): gives back the owner's POSIX locks, and the error that closing a lower file tells (a network
    /// file system's late write, a quota).
    public func flush(_ request: Request, _ arguments: fuse_flush_in) throws(Errno) {
        guard opensFiles else { throw .enosys }
        let file = try files.borrow(arguments.fh)
        lockOwners.flush(owner: arguments.lock_owner, node: file.node)
        if file.kind != 0 || file.descriptor < 0 { return }
        let duplicate = try withRoomForDescriptors { () throws(Errno) in
            try checked(linux_fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0))
        }
        try checked(linux_close(Int32(duplicate)))
    }

    public func fsync(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) {
        let file = try lowerFile(request.nodeid, handle, flags: O_RDONLY)
        try checked(dataOnly ? linux_fdatasync(file.descriptor) : linux_fsync(file.descriptor))
    }
}
