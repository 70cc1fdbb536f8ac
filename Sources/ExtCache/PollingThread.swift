import FuseKernel
import Glibc
import SystemCalls

/// A thread that waits for one descriptor, and ends when it is told to.
final class PollingThread: Sendable {
    /// Whose other end is closed to end the thread, and the one that the thread closes when it has.
    private let stop: Int32
    private let done: Int32

    /// Starts a thread that calls `ready` whenever `descriptor` has one of `events` (poll(2)), and `idle` after each second without.
    ///
    /// - Throws: EAGAIN without room for a thread, EMFILE.
    init(
        _ descriptor: Int32, _ events: Int32, idle: (@Sendable () -> Void)? = nil,
        _ ready: @escaping @Sendable () -> Void
    ) throws(Errno) {
        let (stopped, stop) = try Self.pipe()
        let (done, ended) = try Self.pipe()
        (self.stop, self.done) = (stop, done)
        try Thread.start {
            Thread.askForShortSlices()
            var waited = [
                pollfd(fd: descriptor, events: Int16(events), revents: 0), pollfd(fd: stopped, events: 0, revents: 0),
            ]
            while true {
                let count = poll(&waited, 2, idle == nil ? -1 : 1000)
                if count < 0, errno != EINTR { break }
                if count == 0 { idle?() }
                if count <= 0 { continue }
                if waited[1].revents != 0 { break }
                if waited[0].revents != 0 { ready() }
            }
            close(stopped)
            close(ended)
        }
    }

    /// Ends the thread and waits for it; once.
    func end() {
        close(stop)
        var byte: UInt8 = 0
        while read(done, &byte, 1) < 0, errno == EINTR {}
        close(done)
    }

    private static func pipe() throws(Errno) -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw .last }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}
