import CLinux
import FuseMessages
import Glibc
import Logging
import Synchronization
import SystemCalls
import Testing

@testable import FuseKernel

/// The kernel's end of a connection: a socket that keeps messages apart, as /dev/fuse does.
final class KernelStandIn: Sendable {
    private let socket: Mutex<Int32>
    /// The daemon's end, which closes with its last user.
    let connection: Connection

    init() throws {
        var ends: [Int32] = [0, 0]
        let type = Int32(SOCK_SEQPACKET.rawValue) | socketCloseOnExec
        try #require(socketpair(AF_UNIX, type, 0, &ends) == 0)
        socket = Mutex(ends[0])
        connection = Connection(owning: Descriptor(owning: ends[1]))
    }

    deinit { hangUp() }

    /// Ends the connection.
    func hangUp() {
        socket.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    func send(_ message: [UInt8]) throws {
        let descriptor = socket.withLock { $0 }
        try #require(linux_write(descriptor, message, message.count) == Int64(message.count))
    }

    /// The next reply; nil if none comes in time.
    func receive(milliseconds: Int32 = 10_000) -> [UInt8]? {
        let descriptor = socket.withLock { $0 }
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, milliseconds) == 1 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 1 << 17)
        let length = linux_read(descriptor, &buffer, buffer.count)
        return length > 0 ? Array(buffer.prefix(Int(length))) : nil
    }

    /// Sends the INIT of a kernel; `bytes` of its structure.
    func offer(_ request: fuse_init_in, unique: UInt64 = 1, bytes: Int = 64) throws {
        let whole = Message(.initialize).with(request).numbered(unique).bytes
        try send(whole.truncated(to: 40 + bytes))
    }

    /// A session of `fileSystem`, begun.
    func begin<F: FileSystem>(
        _ fileSystem: F, _ options: SessionOptions = SessionOptions(), logger: Logger = Logger.silent
    ) throws -> Session<F> {
        try offer(NegotiationTests.offer(minor: 45, .init(rawValue: .max)))
        let session = try Session(connection, fileSystem, options, logger)
        _ = try #require(receive())
        try session.begin()
        return session
    }

    /// Sends a request and receives its reply.
    func ask(_ message: Message) throws -> [UInt8] {
        try send(message.bytes)
        return try #require(receive())
    }
}

/// SOCK_CLOEXEC, which Swift's Glibc module shows as an enumeration.
private let socketCloseOnExec: Int32 = 0o2000000

extension Logger {
    static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}

/// Keeps what is logged.
final class LogRecorder: Sendable {
    private let written = Mutex<[String]>([])

    var lines: [String] { written.withLock { $0 } }

    func logger(_ level: Logger.Level) -> Logger {
        var logger = Logger(label: "test") { _ in Handler(recorder: self) }
        logger.logLevel = level
        return logger
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            recorder.written.withLock { $0.append("\(event.level): \(event.message)") }
        }
    }
}
