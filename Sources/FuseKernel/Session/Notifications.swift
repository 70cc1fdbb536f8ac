import CLinux
import SystemCalls

/// What the daemon tells the kernel unasked (enum fuse_notify_code).
extension Connection {
    /// INVAL_INODE for attributes alone: the kernel asks for them again when they are next wanted.
    ///
    /// No inode lock is taken, so it may be sent from within any operation. ENOENT, a node that the kernel does not know, is
    /// no error.
    public func invalidateAttributes(nodeid: UInt64) {
        // A negative offset leaves cached pages alone.
        notify(2, fuse_notify_inval_inode_out(ino: nodeid, off: -1, len: 0))
    }

    /// INVAL_INODE for attributes and cached pages, or a directory's kept entries. Waits for pages that are being read or written, so it
    /// must not be sent from within an operation on the node.
    public func invalidateData(nodeid: UInt64) {
        notify(2, fuse_notify_inval_inode_out(ino: nodeid, off: 0, len: 0))
    }

    private func notify<Body: BitwiseCopyable>(_ code: Int32, _ body: Body) {
        let length = MemoryLayout<Notification<Body>>.size
        // A notification has no request: unique is 0, and its code stands where a reply has the error.
        var message = Notification(header: fuse_out_header(len: UInt32(length), error: code, unique: 0), body: body)
        _ = linux_write(descriptor, &message, length)
    }

    private struct Notification<Body: BitwiseCopyable>: BitwiseCopyable {
        var header: fuse_out_header
        var body: Body
    }

    // MARK: backing files (FUSE_PASSTHROUGH, 7.40)

    /// Registers a regular file, O_PATH suffices, that the kernel may read and write in the daemon's stead, with the credentials
    /// of the calling thread. Returns its id for ``fuse_open_out``.
    ///
    /// - Throws: EPERM without CAP_SYS_ADMIN, ELOOP where the file is on a stacking file system, EOPNOTSUPP for what is not a
    ///   regular file.
    public func openBacking(_ file: Int32) throws(Errno) -> Int32 {
        var map = fuse_backing_map(fd: file, flags: 0, padding: 0)
        return Int32(try checked(linux_ioctl(descriptor, FUSE_DEV_IOC_BACKING_OPEN, &map)))
    }

    /// Gives an id back. Files open through it are not affected.
    public func closeBacking(_ id: Int32) {
        var number = UInt32(bitPattern: id)
        _ = linux_ioctl(descriptor, FUSE_DEV_IOC_BACKING_CLOSE, &number)
    }
}
