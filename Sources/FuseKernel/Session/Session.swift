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
    /// Threads that serve a processor's ring each, and threads that serve /dev/fuse.
    public let ringWorkers: Int
    public let deviceWorkers: Int
    /// Readable (poll(2)) once the last worker has ended, or one has failed.
    public var endDescriptor: Int32 { end.descriptor }
    private let end: Event
    private let failed = Atomic(false)
    /// A worker ended before the connection did: what the kernel gave it, or would give it, is never answered, and callers wait until the
    /// connection is closed.
    public var hasFailed: Bool { failed.load(ordering: .acquiring) }

    /// Waits for the kernel's INIT and answers it. From then on the mount's users wait for ``begin()``.
    public init(_ connection: Connection, _ fileSystem: F, _ options: SessionOptions, _ logger: Logger)
        throws(SessionError)
    {
        self.connection = connection
        self.fileSystem = fileSystem
        self.options = options
        self.logger = logger
        var asked = options
        if options.rings != nil { asked.wanted.insert(.overIOUring) }
        negotiation = try Negotiation.shakeHands(connection.descriptor, asked)
        ringWorkers = negotiation.inForce.contains(.overIOUring) ? options.rings?.rings.count ?? 0 : 0
        // With rings, one thread stays at the device for what does not go through them.
        deviceWorkers = ringWorkers > 0 ? 1 : max(1, options.threads)
        statistics = (0..<(ringWorkers + deviceWorkers)).map { _ in Statistics() }
        running = Atomic(0)
        do throws(Errno) {
            end = try Event()
        } catch {
            throw .system(error)
        }
    }

    /// Starts the worker threads.
    public func begin() throws(SessionError) {
        let dispatcher = Dispatcher(
            fileSystem: fileSystem, inForce: negotiation.inForce, soleUser: options.soleUser)
        connection.usesRings = ringWorkers > 0
        // All are counted before the first runs: it may end before the second begins.
        running.store(statistics.count, ordering: .relaxed)
        var started = 0
        do throws(Errno) {
            // Beside a reader that polls, another would be woken for each of its requests.
            let readers = options.pollTime > 0 ? 1 : max(1, min(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 4))
            let gate = try WorkerGate(workers: deviceWorkers, least: readers)
            try Thread.start { gate.supervise() }
            let polled = options.pollTime > 0 ? try connection.clone(flags: O_NONBLOCK) : -1
            for index in 0..<deviceWorkers {
                let worker = try DeviceWorker(
                    descriptor: workerDescriptor(), polled: polled, pollTime: options.pollTime, connection: connection,
                    gate: gate, number: index,
                    dispatcher: dispatcher, statistics: statistics[index],
                    maxWrite: Int(negotiation.maxWrite), measuresLatency: options.measuresLatency, logger: logger)
                try start {
                    worker.run()
                    return true
                }
                started += 1
            }
            for (index, ring) in (options.rings?.rings ?? []).prefix(ringWorkers).enumerated() {
                let worker = try RingWorker(
                    queue: UInt16(index), ring: ring, device: connection.descriptor, dispatcher: dispatcher,
                    statistics: statistics[deviceWorkers + index], negotiation: negotiation,
                    parked: connection.parked, measuresLatency: options.measuresLatency, logger: logger)
                try start {
                    stayOnProcessor(index)
                    return worker.run()
                }
                started += 1
            }
        } catch {
            workersEnded(statistics.count - started)
            throw .system(error)
        }
    }

    /// - Parameter run: serves until the connection ends, or fails; false if the worker is not needed.
    private func start(_ run: @escaping @Sendable () -> Bool) throws(Errno) {
        try Thread.start { [self] in
            var isNeeded = true
            do throws(Errno) {
                try fileSystem.threadWillServe()
                isNeeded = run()
            } catch {
                logger.error("a worker thread could not begin: \(error)")
            }
            if isNeeded, !connection.isOver {
                failed.store(true, ordering: .releasing)
                end.signal()
            }
            workersEnded(1)
        }
    }

    private func workerDescriptor() throws(Errno) -> Int32 {
        options.clonesDescriptor ? try connection.clone() : connection.descriptor
    }

    private func workersEnded(_ count: Int) {
        if running.wrappingSubtract(count, ordering: .acquiringAndReleasing).newValue == 0 {
            end.signal()
        }
    }

    /// Returns when the connection has ended, unmounted or aborted, or a worker has failed.
    public func waitForEnd() {
        var waiting = pollfd(fd: endDescriptor, events: Int16(POLLIN), revents: 0)
        while poll(&waiting, 1, -1) < 0 && errno == EINTR {}
    }

    /// Counts, errors and latencies by operation since the session began, merged over the workers.
    public var operationStatistics: [OperationStatistics] { Statistics.merge(statistics) }
}

/// Keeps the calling thread on one processor, if that is there and allowed; a queue of an absent one gets no requests.
private func stayOnProcessor(_ index: Int) {
    var mask = [UInt64](repeating: 0, count: index / 64 + 1)
    mask[index / 64] = 1 << UInt64(index % 64)
    _ = linux_sched_setaffinity(0, &mask, mask.count * 8)
}
