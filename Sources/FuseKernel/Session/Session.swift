import CLinux
import Glibc
import Logging
import Synchronization
import SystemCalls

/// One mounted file system being served: INIT, then worker threads until the connection ends.
///
///     let session = try Session(connection, fileSystem, options, logger)
///     try session.begin()          // the mount answers from here on
///     session.waitForEnd()         // unmounted, or aborted
public final class Session<F: FileSystem>: @unchecked Sendable {
    public let connection: Connection
    public let fileSystem: F
    public let options: SessionOptions
    /// What the kernel and the daemon agreed upon.
    public let negotiation: Negotiation
    let logger: Logger
    private let statistics: [Statistics]
    private let running: Atomic<Int>
    /// Readable (poll(2)) once the last worker has ended.
    public let endDescriptor: Int32

    /// Waits for the kernel's INIT and answers it. From then on the mount's users wait for ``begin()``.
    public init(_ connection: Connection, _ fileSystem: F, _ options: SessionOptions, _ logger: Logger)
        throws(SessionError)
    {
        self.connection = connection
        self.fileSystem = fileSystem
        self.options = options
        self.logger = logger
        negotiation = try Self.shakeHands(connection.descriptor, options)
        statistics = (0..<max(1, options.threads)).map { _ in Statistics() }
        running = Atomic(0)
        let event = linux_eventfd(0, LINUX_O_CLOEXEC)
        guard event >= 0 else { throw .system(Errno(rawValue: Int32(-event))) }
        endDescriptor = Int32(event)
    }

    deinit { _ = linux_close(endDescriptor) }

    private static func shakeHands(_ descriptor: Int32, _ options: SessionOptions) throws(SessionError) -> Negotiation {
        // Any buffer must have room for the largest write before the kernel gives out a message.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: (1 << 20) + 4096, alignment: 8)
        defer { buffer.deallocate() }
        var length: Int64
        while true {
            length = linux_read(descriptor, buffer.baseAddress!, buffer.count)
            if length == Int64(-EAGAIN) {
                // Only of a descriptor that somebody else opened with O_NONBLOCK.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                _ = poll(&waiting, 1, -1)
            } else if length != Int64(-EINTR) {
                break
            }
        }
        if length < 0 { throw length == Int64(-ENODEV) ? .connectionEnded : .system(Errno(rawValue: Int32(-length))) }
        let headerSize = MemoryLayout<fuse_in_header>.size
        // Before 7.36 the message ends after `flags`.
        let shortest = headerSize + 16
        guard length >= Int64(shortest) else { throw .malformedInit }
        let header = buffer.loadUnaligned(as: fuse_in_header.self)
        guard header.opcode == Opcode.initialize.rawValue else { throw .malformedInit }
        var request = fuse_init_in()
        withUnsafeMutableBytes(of: &request) { bytes in
            bytes.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: buffer[headerSize..<min(Int(length), headerSize + bytes.count)]))
        }
        let (negotiation, answer) = try Negotiation.settle(request, options)
        var reply = InitReply(header: fuse_out_header(), body: answer)
        reply.header.len = UInt32(MemoryLayout<InitReply>.size)
        reply.header.unique = header.unique
        let written = linux_write(descriptor, &reply, MemoryLayout<InitReply>.size)
        if written < 0 { throw .system(Errno(rawValue: Int32(-written))) }
        return negotiation
    }

    private struct InitReply {
        var header: fuse_out_header
        var body: fuse_init_out
    }

    /// Starts the worker threads.
    public func begin() throws(SessionError) {
        let dispatcher = Dispatcher(
            fileSystem: fileSystem, inForce: negotiation.inForce, soleUser: options.soleUser)
        do throws(Errno) {
            for statistics in statistics {
                let worker = try DeviceWorker(
                    descriptor: workerDescriptor(), dispatcher: dispatcher, statistics: statistics,
                    maxWrite: Int(negotiation.maxWrite), measuresLatency: options.measuresLatency, logger: logger)
                running.wrappingAdd(1, ordering: .relaxed)
                try Thread.start { [self] in
                    do throws(Errno) {
                        try fileSystem.threadWillServe()
                        worker.run()
                    } catch {
                        logger.error("a worker thread could not begin: \(error)")
                    }
                    workerEnded()
                }
            }
        } catch {
            throw .system(error)
        }
    }

    private func workerDescriptor() throws(Errno) -> Int32 {
        guard options.clonesDescriptor else { return connection.descriptor }
        let clone = Descriptor(
            owning: Int32(try checked(linux_openat(LINUX_AT_FDCWD, "/dev/fuse", O_RDWR | LINUX_O_CLOEXEC, 0))))
        var source = UInt32(bitPattern: connection.descriptor)
        try checked(linux_ioctl(clone.number, FUSE_DEV_IOC_CLONE, &source))
        return clone.take()
    }

    private func workerEnded() {
        if running.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            var one: UInt64 = 1
            _ = linux_write(endDescriptor, &one, 8)
        }
    }

    /// Returns when the connection has ended: unmounted, or aborted.
    public func waitForEnd() {
        var waiting = pollfd(fd: endDescriptor, events: Int16(POLLIN), revents: 0)
        while poll(&waiting, 1, -1) < 0 && errno == EINTR {}
    }

    /// Counts, errors and latencies by operation since the session began, merged over the workers.
    public var operationStatistics: [OperationStatistics] { Statistics.merge(statistics) }
}
