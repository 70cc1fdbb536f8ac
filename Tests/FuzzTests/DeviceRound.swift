import CLinux
import FuseMessages
import Glibc
import Logging
import SystemCalls
import Testing

@testable import FuseKernel

/// A session that serves a plain file system over a socket, one request at a time.
final class DeviceRound {
    private let kernel: Descriptor
    private let session: Session<PlainFileSystem>

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        kernel = Descriptor(owning: ends[0])
        let connection = Connection(owning: Descriptor(owning: ends[1]))
        var offer = fuse_init_in()
        offer.major = 7
        offer.minor = 45
        offer.flags = .max
        offer.flags2 = .max
        let message = Message(.initialize).with(offer).bytes
        try #require(linux_write(ends[0], message, message.count) == Int64(message.count))
        var options = SessionOptions()
        options.threads = 1
        // A reply of 128 KiB still goes through a socket in one piece.
        options.maxWrite = 65_536
        options.wanted = [.setxattrExtended]
        session = try Session(
            connection, PlainFileSystem(), options, Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
        try #require(Self.receive(ends[0]).count == 80)
        try session.begin()
    }

    /// The next reply, empty if none comes in time.
    private static func receive(_ socket: Int32) -> [UInt8] {
        var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 10_000) == 1 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, count in
            count = Int(max(0, linux_read(socket, buffer.baseAddress!, buffer.count)))
        }
    }

    /// Sends a message, and a second that has a reply for certain. Returns what is wrong with the replies.
    func feed(_ message: [UInt8]) -> String? {
        let unique = message.structure(fuse_in_header.self).unique
        let fence = Message(.statfs, nodeid: 1).numbered(unique | 1).bytes
        for bytes in [message, fence] where linux_write(kernel.number, bytes, bytes.count) != Int64(bytes.count) {
            return "nobody reads any more"
        }
        var answers: [[UInt8]] = []
        repeat {
            let reply = Self.receive(kernel.number)
            guard reply.count >= 16 else { return "a reply of \(reply.count) bytes" }
            let header = reply.structure(fuse_out_header.self)
            guard header.len == reply.count else { return "a reply of \(reply.count) bytes that says \(header.len)" }
            if header.unique == unique | 1 { break }
            guard header.unique == unique else { return "a reply to \(header.unique)" }
            answers.append(reply)
        } while answers.count < 3
        guard answers.count <= 1 else { return "\(answers.count) replies" }
        guard let answer = answers.first else {
            return ReplyShape.complaint(
                message, error: 0, body: UnsafeRawBufferPointer(start: nil, count: 0), isDue: false)
        }
        let error = -answer.structure(fuse_out_header.self).error
        return answer.withUnsafeBytes {
            ReplyShape.complaint(message, error: error, body: UnsafeRawBufferPointer(rebasing: $0[16...]), isDue: true)
        }
    }

    /// Hangs up. Returns what was counted.
    func end() -> [OperationStatistics] {
        shutdown(kernel.number, Int32(SHUT_RDWR))
        session.waitForEnd()
        return session.operationStatistics
    }
}
