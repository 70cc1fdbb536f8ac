import CLinux
import Glibc
import Synchronization
import SystemCalls

/// The daemon's end of one FUSE connection: an open /dev/fuse that a mount has been made with.
public final class Connection: Sendable {
    /// The descriptor; open as long as the connection object lives.
    public let descriptor: Int32

    /// Takes over a descriptor of /dev/fuse, from ``Mount`` or from somebody else (`--fuse-fd`). It is made close-on-exec:
    /// a child that inherited it would keep a dead mount alive.
    public init(owning descriptor: consuming Descriptor) {
        let number = descriptor.take()
        let closeOnExec = 1  // FD_CLOEXEC
        _ = linux_fcntl(number, 2 /* F_SETFD */, closeOnExec)
        self.descriptor = number
    }

    deinit {
        for clone in clones.withLock({ $0 }) { _ = linux_close(clone) }
        _ = linux_close(descriptor)
    }

    /// Further open files of the connection, from which requests are read as well.
    private let clones = Mutex<[Int32]>([])

    /// Whether the file system was unmounted, or the connection aborted (fuse_dev_poll of fs/fuse/dev.c).
    var isOver: Bool {
        var state = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&state, 1, 0) > 0 && Int32(state.revents) & (POLLERR | POLLHUP) != 0
    }

    /// Another open file of the same connection (FUSE_DEV_IOC_CLONE), as long as this object lives. The reply to a request goes to the
    /// file that it was read from.
    ///
    /// - Parameter flags: further flags of open(2).
    /// - Throws: what opening /dev/fuse gives, ENOENT or EACCES in many containers.
    func clone(flags: Int32 = 0) throws(Errno) -> Int32 {
        let all = O_RDWR | LINUX_O_CLOEXEC | flags
        let clone = Descriptor(owning: Int32(try checked(linux_openat(LINUX_AT_FDCWD, "/dev/fuse", all, 0))))
        var source = UInt32(bitPattern: descriptor)
        try checked(linux_ioctl(clone.number, FUSE_DEV_IOC_CLONE, &source))
        let number = clone.take()
        clones.withLock { $0.append(number) }
        return number
    }

    /// Requests that came by a ring and are answered later.
    let parked = ParkedRequests()
    /// Set before any thread serves.
    nonisolated(unsafe) var usesRings = false

    /// Sends the reply that an operation postponed (``Reply/postpone()``): success, or an error.
    public func answer(_ unique: UInt64, _ error: Errno?) {
        if usesRings, !parked.answer(unique, error) { return }
        send(unique, error)
    }

    /// A request that came by /dev/fuse is answered later.
    func park(_ unique: UInt64) {
        if usesRings, let answer = parked.park(unique, nil) { send(unique, answer) }
    }

    private func send(_ unique: UInt64, _ error: Errno?) {
        var header = fuse_out_header(
            len: UInt32(MemoryLayout<fuse_out_header>.size), error: -(error?.numberInReply ?? 0), unique: unique)
        // ENOENT: it was read from another file; of all of them, the caller is gone, and nobody waits for the answer.
        for file in [descriptor] + clones.withLock({ $0 })
        where linux_write(file, &header, MemoryLayout<fuse_out_header>.size) != Int64(-ENOENT) { return }
    }

    /// The kernel's number of this connection under /sys/fs/fuse/connections, of a mount that is reached through `path`.
    public static func number(ofMountAt path: String) throws(Errno) -> UInt32 {
        var status = linux_statx()
        // Attributes are not asked for: a dead daemon could not give them.
        let dontSync: Int32 = 0x4000
        try checked(linux_statx_at(LINUX_AT_FDCWD, path, LINUX_AT_NO_AUTOMOUNT | dontSync, 0, &status))
        return status.dev_minor
    }
}
