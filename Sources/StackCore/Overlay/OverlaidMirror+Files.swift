import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension OverlaidMirror {
    // MARK: OPEN, READ, WRITE, RELEASE

    public func open(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        switch try node(request.nodeid) {
        case .lower: try lower().open(request, arguments, into: &reply)
        case .way: throw .eisdir
        case .overlay(let index, let node):
            let handle = try overlays[index].open(node, flags: Int32(bitPattern: arguments.flags), caller(request))
            let flags: OpenReplyFlags = [.directIO, .noFlush]
            try reply.append(fuse_open_out(fh: handle, open_flags: flags.rawValue, backing_id: 0))
        }
    }

    public func read(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        switch try node(request.nodeid) {
        case .lower: try lower().read(request, arguments, into: &reply)
        case .way: throw .eisdir
        case .overlay(let index, _):
            let room = reply.room(upTo: Int(arguments.size))
            reply.advance(by: try overlays[index].read(arguments.fh, at: arguments.offset, into: room))
        }
    }

    public func write(_ request: Request, _ arguments: fuse_write_in, _ data: RawSpan, into reply: inout Reply)
        throws(Errno)
    {
        switch try node(request.nodeid) {
        case .lower: try lower().write(request, arguments, data, into: &reply)
        case .way: throw .eisdir
        case .overlay(let index, let node):
            let bytes = data.withUnsafeBytes { $0 }
            let count = try overlays[index].write(arguments.fh, bytes, caller(request))
            if overlays[index].changesNames(node) { namesChanged() }
            try reply.append(fuse_write_out(size: UInt32(count), padding: 0))
        }
    }

    public func release(_ request: Request, _ arguments: fuse_release_in) throws(Errno) {
        switch try node(request.nodeid) {
        case .lower: try lower().release(request, arguments)
        case .way: return
        case .overlay(let index, _):
            pollers.remove(request.nodeid, handle: arguments.fh)
            overlays[index].release(arguments.fh)
        }
    }

    /// POLL: answered for every file, as ENOSYS for one would end it for all of the connection.
    public func poll(_ request: Request, _ arguments: fuse_poll_in, into reply: inout Reply) throws(Errno) {
        guard case .overlay(let index, _) = try node(request.nodeid) else {
            // DEFAULT_POLLMASK: a regular file never makes its reader wait.
            let always = UInt32(POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)
            return try reply.append(fuse_poll_out(revents: always, padding: 0))
        }
        // Before it is asked: what changes between the two is told.
        let scheduleNotify: UInt32 = 1
        if arguments.flags & scheduleNotify != 0 {
            pollers.add(request.nodeid, handle: arguments.fh, kernelHandle: arguments.kh)
        }
        try reply.append(fuse_poll_out(revents: overlays[index].poll(arguments.fh), padding: 0))
    }

    public func flush(_ request: Request, _ arguments: fuse_flush_in) throws(Errno) {
        if case .lower = try node(request.nodeid) { try lower().flush(request, arguments) }
    }

    /// As on the kernel's tree, where nothing is ever written to a disk.
    public func fsync(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) {
        guard case .lower = try node(request.nodeid) else { throw .einval }
        try lower().fsync(request, handle: handle, dataOnly: dataOnly)
    }

    // MARK: operations that overlays' files do not have: an ENOSYS would end them for all of the connection

    public func fallocate(_ request: Request, _ arguments: fuse_fallocate_in) throws(Errno) {
        try mirrorOnly(request).fallocate(request, arguments)
    }

    public func lseek(_ request: Request, _ arguments: fuse_lseek_in, into reply: inout Reply) throws(Errno) {
        guard case .lower = try node(request.nodeid) else { throw .einval }
        try lower().lseek(request, arguments, into: &reply)
    }

    public func copyFileRange(_ request: Request, _ arguments: fuse_copy_file_range_in, limit: UInt64) throws(Errno)
        -> UInt64
    {
        guard case .lower = try node(arguments.nodeid_out) else { throw .eopnotsupp }
        return try mirrorOnly(request).copyFileRange(request, arguments, limit: limit)
    }

    public func ioctl(_ request: Request, _ arguments: fuse_ioctl_in, _ input: RawSpan, into reply: inout Reply)
        throws(Errno)
    {
        guard case .lower = try node(request.nodeid) else { throw .enotty }
        try lower().ioctl(request, arguments, input, into: &reply)
    }

    public func bmap(_ request: Request, _ arguments: fuse_bmap_in, into reply: inout Reply) throws(Errno) {
        try mirrorOnly(request).bmap(request, arguments, into: &reply)
    }

    public func getlk(_ request: Request, _ arguments: fuse_lk_in, into reply: inout Reply) throws(Errno) {
        try mirrorOnly(request).getlk(request, arguments, into: &reply)
    }

    public func setlk(_ request: Request, _ arguments: fuse_lk_in, wait: Bool, into reply: inout Reply) throws(Errno) {
        try mirrorOnly(request).setlk(request, arguments, wait: wait, into: &reply)
    }

    public func interrupt(unique: UInt64) { mirror?.interrupt(unique: unique) }
    public func destroy() { mirror?.destroy() }

    private func mirrorOnly(_ request: Request) throws(Errno) -> Mirror {
        guard case .lower = try node(request.nodeid) else { throw .eopnotsupp }
        return try lower()
    }
}
