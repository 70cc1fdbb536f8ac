import CLinux
import Glibc
import SystemCalls

/// What the daemon tells the kernel unasked (enum fuse_notify_code).
extension Connection {
    /// INVAL_INODE for attributes alone: the kernel asks for them again when they are next wanted.
    ///
    /// No inode lock is taken, so it may be sent from within any operation. False if the kernel does not know the node: not any more, or
    /// not yet, while the reply that tells of it is under way.
    @discardableResult
    public func invalidateAttributes(nodeid: UInt64) -> Bool {
        // A negative offset leaves cached pages alone.
        notify(2, fuse_notify_inval_inode_out(ino: nodeid, off: -1, len: 0))
    }

    /// INVAL_INODE for attributes and cached pages, or a directory's kept entries. Waits for pages that are being read or written, so it
    /// must not be sent from within an operation on the node. False if the kernel does not know the node.
    @discardableResult
    public func invalidateData(nodeid: UInt64) -> Bool {
        notify(2, fuse_notify_inval_inode_out(ino: nodeid, off: 0, len: 0))
    }

    /// INVAL_ENTRY: a name leads elsewhere, or a missing one does not miss any more. Waits for the directory's lock, and with it for
    /// every lookup in it that is under way, whose answer it so outdates: it must not be sent from within an operation.
    ///
    /// ENOENT, a name that the kernel has not kept, leaves the directory's attributes as they are.
    /// - Parameters:
    ///   - name: 1 to 255 bytes.
    ///   - expiring: FUSE_EXPIRE_ONLY (7.38): the name stays in use, and is looked up before it is used again. Older kernels drop it.
    public func invalidateEntry(_ name: UnsafeRawBufferPointer, parent: UInt64, expiring: Bool = false) {
        let fixed = MemoryLayout<Notification<fuse_notify_inval_entry_out>>.size
        guard 1...255 ~= name.count else { return }
        withUnsafeTemporaryAllocation(byteCount: fixed + 256, alignment: 8) { message in
            // The name ends with a zero, which does not count.
            let length = fixed + name.count + 1
            message.storeBytes(
                of: Notification(
                    header: fuse_out_header(len: UInt32(length), error: 3, unique: 0),
                    body: fuse_notify_inval_entry_out(
                        parent: parent, namelen: UInt32(name.count), flags: expiring ? 1 : 0)),
                as: Notification<fuse_notify_inval_entry_out>.self)
            UnsafeMutableRawBufferPointer(rebasing: message[fixed...]).copyMemory(from: name)
            message[fixed + name.count] = 0
            _ = linux_write(descriptor, message.baseAddress!, length)
        }
    }

    /// INC_EPOCH (7.44): every name that the kernel has kept is looked up again before it is used. Takes no lock. Attributes of what is in
    /// use stay.
    public func expireEntries() {
        var header = fuse_out_header(len: UInt32(MemoryLayout<fuse_out_header>.size), error: 8, unique: 0)
        _ = linux_write(descriptor, &header, MemoryLayout<fuse_out_header>.size)
    }

    /// POLL: who waits for the open file of this kernel handle (fuse_poll_in) asks again. Takes no lock that a request holds.
    public func wakePoll(kernelHandle: UInt64) { _ = notify(1, fuse_notify_poll_wakeup_out(kh: kernelHandle)) }

    private func notify<Body: BitwiseCopyable>(_ code: Int32, _ body: Body) -> Bool {
        let length = MemoryLayout<Notification<Body>>.size
        // A notification has no request: unique is 0, and its code stands where a reply has the error.
        var message = Notification(header: fuse_out_header(len: UInt32(length), error: code, unique: 0), body: body)
        return linux_write(descriptor, &message, length) != Int64(-ENOENT)
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
