import CLinux
import Glibc
import Logging
import SystemCalls

/// One thread's loop over /dev/fuse: read a message, have it answered, write the reply; two system calls a request and no
/// allocation.
///
/// Both buffers are laid so that file data lies at a page's beginning: the data of a WRITE, which follow 80 bytes of headers,
/// and those of a READ's reply, which follow 16. A lower file open with O_DIRECT needs that.
struct DeviceWorker<F: FileSystem>: @unchecked Sendable {
    private let descriptor: Int32
    /// A clone that does not block, for looking for the next request a while before sleeping; -1 for none.
    private let polled: Int32
    /// For how long, in nanoseconds.
    private let pollTime: UInt64
    private let connection: Connection?
    private let gate: WorkerGate
    private let number: Int
    private let dispatcher: Dispatcher<F>
    private let statistics: Statistics
    private let measuresLatency: Bool
    private let logger: Logger
    private let message: UnsafeMutableRawPointer
    private let messageCapacity: Int
    private let replyHeader: UnsafeMutableRawPointer
    private let replyCapacity: Int

    private static var pageSize: Int { 4096 }
    /// How much of the message buffer stays in memory after a batch of FORGETs, in bytes: whole pages.
    private static var keptMessage: Int { 1 << 16 }
    private static var writeHeaders: Int { MemoryLayout<fuse_in_header>.size + MemoryLayout<fuse_write_in>.size }

    init(
        descriptor: Int32, polled: Int32 = -1, pollTime: UInt64 = 0, connection: Connection? = nil, gate: WorkerGate,
        number: Int, dispatcher: Dispatcher<F>,
        statistics: Statistics, maxWrite: Int, measuresLatency: Bool, logger: Logger
    ) throws(Errno) {
        self.descriptor = descriptor
        self.polled = polled
        self.pollTime = pollTime
        self.connection = connection
        self.gate = gate
        self.number = number
        self.dispatcher = dispatcher
        self.statistics = statistics
        self.measuresLatency = measuresLatency
        self.logger = logger
        // The kernel refuses a read with less room than max_write and a WRITE's headers (EINVAL), or than 8 KiB.
        let messageData = max(maxWrite, 2 * Self.pageSize) + Self.pageSize
        message = try Self.pages(Self.pageSize + messageData) + Self.pageSize - Self.writeHeaders
        messageCapacity = messageData + Self.writeHeaders
        replyCapacity = max(maxWrite, 1 << 17)
        replyHeader =
            try Self.pages(Self.pageSize + replyCapacity) + Self.pageSize - MemoryLayout<fuse_out_header>.size
    }

    /// Zeroed memory that costs nothing before it is touched. It is never given back: workers live as long as the daemon.
    private static func pages(_ size: Int) throws(Errno) -> UnsafeMutableRawPointer {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED else {
            throw .last
        }
        return memory
    }

    /// Serves until the connection ends, or reading from it fails.
    func run() {
        defer { gate.close() }
        var served = false
        while gate.waitForTurn(number) {
            var source = descriptor
            var length = Int64(-EAGAIN)
            if polled >= 0, served {
                source = polled
                length = poll()
            }
            if length == Int64(-EAGAIN) {
                source = descriptor
                length = linux_read(descriptor, message, messageCapacity)
            }
            served = length >= Int64(MemoryLayout<fuse_in_header>.size)
            if served {
                gate.requestBegan(number)
                serve(UnsafeRawBufferPointer(start: message, count: Int(length)), from: source)
                gate.requestEnded(number)
                continue
            }
            switch length {
            case Int64(-ENOENT), Int64(-EINTR):
                // ENOENT: the caller was killed between the wake-up and this read.
                continue
            case Int64(-EAGAIN):
                // Only of a descriptor that somebody else opened with O_NONBLOCK.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                _ = Glibc.poll(&waiting, 1, -1)
            case Int64(-ENODEV), Int64(-ECONNABORTED), 0:
                // 0: the other end of a socket that stands for the device (`--fuse-fd`) was closed.
                return
            default:
                let reason = length < 0 ? Errno(rawValue: Int32(-length)).description : "a message of \(length) bytes"
                logger.error("reading from the FUSE device: \(reason)")
                return
            }
        }
    }

    /// Looks for the next request until there is one or the time is over (EAGAIN): whoever makes one need not wake this thread.
    private func poll() -> Int64 {
        let end = monotonicNanoseconds() + pollTime
        while true {
            let length = linux_read(polled, message, messageCapacity)
            if length != Int64(-EAGAIN) || monotonicNanoseconds() >= end { return length }
        }
    }

    /// A reply goes to the file that its request was read from.
    private func serve(_ message: UnsafeRawBufferPointer, from source: Int32) {
        let header = message.loadUnaligned(as: fuse_in_header.self)
        let began = measuresLatency ? monotonicNanoseconds() : 0
        var reply = Reply(
            unique: header.unique, start: replyHeader + MemoryLayout<fuse_out_header>.size, capacity: replyCapacity)
        let error = dispatcher.dispatch(message, into: &reply)
        if reply.isDue {
            send(reply, error, to: header, of: source)
        } else if reply.isPostponed {
            connection?.park(header.unique)
        }
        statistics.count(
            header.opcode, failed: error != 0,
            nanoseconds: measuresLatency ? monotonicNanoseconds() &- began : nil)
        if logger.logLevel <= .trace { traceRequest(header, error, reply.count, logger) }
        if header.opcode == Opcode.batchForget.rawValue { giveBack(message) }
    }

    /// A batch of FORGETs fills the buffer, however large it is (fuse_read_batch_forget of fs/fuse/dev.c), and comes when memory is
    /// wanted: its pages would stay with each worker that took one.
    private func giveBack(_ message: UnsafeRawBufferPointer) {
        guard message.count > Self.keptMessage else { return }
        // The message's data begin at a page.
        let kept = Self.keptMessage + Self.writeHeaders
        madvise(self.message + kept, messageCapacity - kept, MADV_DONTNEED)
    }

    private func send(_ reply: borrowing Reply, _ error: Int32, to request: fuse_in_header, of source: Int32) {
        let length = MemoryLayout<fuse_out_header>.size + reply.count
        replyHeader.storeBytes(
            of: fuse_out_header(len: UInt32(truncatingIfNeeded: length), error: -error, unique: request.unique),
            as: fuse_out_header.self)
        let written = linux_write(source, replyHeader, length)
        // ENOENT: the connection was aborted meanwhile; ENODEV: it was unmounted. Nobody waits any more.
        if written < 0, written != Int64(-ENOENT), written != Int64(-ENODEV) {
            let name = Opcode(rawValue: request.opcode)?.name ?? "\(request.opcode)"
            let reason = Errno(rawValue: Int32(-written))
            logger.error("the kernel refused the reply to \(name) (error \(error), \(reply.count) bytes): \(reason)")
        }
    }

}

/// A request and its outcome, for `--tracing`.
func traceRequest(_ header: fuse_in_header, _ error: Int32, _ bytes: Int, _ logger: Logger) {
    let name = Opcode(rawValue: header.opcode)?.name ?? "\(header.opcode)"
    let outcome = error == 0 ? "\(bytes) bytes" : Errno(rawValue: error).description
    logger.trace("\(name) node \(header.nodeid) uid \(header.uid) pid \(header.pid): \(outcome)")
}

/// CLOCK_MONOTONIC in nanoseconds.
public func monotonicNanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
}
