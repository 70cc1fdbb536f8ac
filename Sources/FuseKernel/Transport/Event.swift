import CLinux
import SystemCalls

/// Something that one thread waits for and others signal: eventfd(2), so that poll(2) and io_uring can wait for it too.
final class Event: Sendable {
    /// Readable, as an 8-byte count, once it was signalled.
    let descriptor: Int32

    /// - Throws: `.emfile`, `.enfile`, `.enomem`.
    init() throws(Errno) { descriptor = Int32(try checked(linux_eventfd(0, LINUX_O_CLOEXEC))) }

    deinit { _ = linux_close(descriptor) }

    func signal() {
        var one: UInt64 = 1
        _ = linux_write(descriptor, &one, 8)
    }

    /// Returns once it has been signalled since the last call, or a signal came.
    func wait() {
        var count: UInt64 = 0
        _ = linux_read(descriptor, &count, 8)
    }
}
