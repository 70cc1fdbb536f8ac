import CLinux
import FuseMessages
import Glibc
import Logging
import SystemCalls
import Testing

@testable import FuseKernel

@Suite struct HandshakeTests {
    private func session(_ kernel: KernelStandIn, _ options: SessionOptions = SessionOptions()) throws
        -> Session<RecordingFileSystem>
    {
        try Session(kernel.connection, RecordingFileSystem(), options, .silent)
    }

    @Test func initIsAnswered() throws {
        let kernel = try KernelStandIn()
        try kernel.offer(NegotiationTests.offer(minor: 41, [.initExtended, .asyncRead, .resend]), unique: 77)
        var options = SessionOptions()
        options.wanted = [.resend, .passthrough]
        let session = try session(kernel, options)
        #expect(session.negotiation.inForce == [.initExtended, .resend])
        let reply = try #require(kernel.receive())
        #expect(reply.count == 16 + 64)
        let header = reply.structure(fuse_out_header.self)
        #expect(header.len == 80)
        #expect(header.error == 0)
        #expect(header.unique == 77)
        let body = reply.structure(fuse_init_out.self, at: 16)
        #expect(body.major == 7)
        #expect(body.minor == 41)
        #expect(body.flags == 1 << 30)
        #expect(body.flags2 == 1 << 7)
        #expect(body.max_write == 1 << 20)
    }

    /// The structure ended after `flags` before 7.36.
    @Test func shortInit() throws {
        let kernel = try KernelStandIn()
        try kernel.offer(NegotiationTests.offer(minor: 34, [.asyncRead, .maxPages]), bytes: 16)
        #expect(try session(kernel).negotiation.offered == [.asyncRead, .maxPages])
        #expect(try #require(kernel.receive()).count == 80)
    }

    @Test(arguments: [0, 8, 15]) func initThatIsCutShort(_ bytes: Int) throws {
        let kernel = try KernelStandIn()
        try kernel.offer(NegotiationTests.offer(minor: 45), bytes: bytes)
        #expect(throws: SessionError.malformedInit) { try session(kernel) }
    }

    @Test func messageThatIsNotInit() throws {
        let kernel = try KernelStandIn()
        try kernel.send(Message(.getattr, nodeid: 1).with(data: Array(repeating: 0, count: 64)).bytes)
        #expect(throws: SessionError.malformedInit) { try session(kernel) }
    }

    @Test func initWhoseLengthLies() throws {
        let kernel = try KernelStandIn()
        var message = Message(.initialize).with(NegotiationTests.offer(minor: 45)).bytes
        message[0] += 1
        try kernel.send(message)
        #expect(throws: SessionError.malformedInit) { try session(kernel) }
    }

    @Test func olderKernelGetsAnError() throws {
        let kernel = try KernelStandIn()
        try kernel.offer(NegotiationTests.offer(minor: 12), unique: 5)
        #expect(throws: SessionError.protocolTooOld(major: 7, minor: 12)) { try session(kernel) }
        let reply = try #require(kernel.receive())
        #expect(reply.count == 16)
        #expect(reply.structure(fuse_out_header.self).error == -EPROTO)
        #expect(reply.structure(fuse_out_header.self).unique == 5)
    }

    @Test func newerMajorVersionIsAskedAgain() throws {
        let kernel = try KernelStandIn()
        var newer = NegotiationTests.offer(minor: 3)
        newer.major = 8
        try kernel.offer(newer, unique: 1)
        try kernel.offer(NegotiationTests.offer(minor: 45, [.asyncRead]), unique: 2)
        #expect(try session(kernel).negotiation.minorVersion == 45)
        let first = try #require(kernel.receive())
        #expect(first.structure(fuse_init_out.self, at: 16).major == 7)
        #expect(first.structure(fuse_init_out.self, at: 16).flags == 0)
        #expect(try #require(kernel.receive()).structure(fuse_out_header.self).unique == 2)
    }

    @Test func connectionThatEndsFirst() throws {
        let kernel = try KernelStandIn()
        kernel.hangUp()
        #expect(throws: SessionError.connectionEnded) { try session(kernel) }
    }

    @Test func descriptorThatDoesNotBlock() async throws {
        let kernel = try KernelStandIn()
        try #require(linux_fcntl(kernel.connection.descriptor, F_SETFL, Int(O_RDWR | O_NONBLOCK)) == 0)
        try Thread.start {
            usleep(20_000)
            try? kernel.offer(NegotiationTests.offer(minor: 45))
        }
        #expect(try session(kernel).negotiation.minorVersion == 45)
    }

    @Test func descriptorIsClosedOnExec() throws {
        let kernel = try KernelStandIn()
        #expect(linux_fcntl(kernel.connection.descriptor, F_GETFD, 0) == Int64(FD_CLOEXEC))
    }
}

@Suite(.timeLimit(.minutes(1))) struct SessionTests {
    private static let readlink = Message(.readlink, nodeid: 7)

    @Test(arguments: [1, 4]) func requestIsAnswered(_ threads: Int) throws {
        let kernel = try KernelStandIn()
        var options = SessionOptions()
        options.threads = threads
        let session = try kernel.begin(RecordingFileSystem(answer: [9, 8, 7]), options)
        for unique in (2 as UInt64)...50 {
            let reply = try kernel.ask(Self.readlink.numbered(unique))
            #expect(reply.count == 19)
            #expect(reply.structure(fuse_out_header.self).len == 19)
            #expect(reply.structure(fuse_out_header.self).error == 0)
            #expect(reply.structure(fuse_out_header.self).unique == unique)
            #expect(Array(reply[16...]) == [9, 8, 7])
        }
        kernel.hangUp()
        session.waitForEnd()
    }

    @Test func errorReplyIsAHeader() throws {
        let kernel = try KernelStandIn()
        let session = try kernel.begin(RecordingFileSystem(error: .enoent, answer: [1]))
        let reply = try kernel.ask(Self.readlink.numbered(1 << 63 | 4))
        #expect(reply.count == 16)
        let header = reply.structure(fuse_out_header.self)
        #expect(header.len == 16)
        #expect(header.error == -ENOENT)
        #expect(header.unique == 0x8000_0000_0000_0004)
        kernel.hangUp()
        session.waitForEnd()
    }

    @Test func requestsWithoutReplyGetNone() throws {
        let kernel = try KernelStandIn()
        var options = SessionOptions()
        options.threads = 1
        let fileSystem = RecordingFileSystem()
        let session = try kernel.begin(fileSystem, options)
        try kernel.send(Message(.forget, nodeid: 7).with(UInt64(1)).bytes)
        try kernel.send(Message(.forget, nodeid: 7).bytes)
        try kernel.send(Message(.interrupt).with(UInt64(5)).bytes)
        #expect(try kernel.ask(Self.readlink.numbered(99)).structure(fuse_out_header.self).unique == 99)
        #expect(fileSystem.takeCalls() == ["7 forget 1", "interrupt 5", "7 readlink"])
        kernel.hangUp()
        session.waitForEnd()
    }

    @Test func postponedReplyIsSentLater() throws {
        let kernel = try KernelStandIn()
        let session = try kernel.begin(RecordingFileSystem(postpones: true))
        try kernel.send(Self.readlink.numbered(10).bytes)
        #expect(kernel.receive(milliseconds: 50) == nil)
        for (unique, error) in [(10, nil), (11, .eintr), (12, Errno(rawValue: 524))] as [(UInt64, Errno?)] {
            session.connection.answer(unique, error)
            let reply = try #require(kernel.receive())
            #expect(reply.count == 16)
            #expect(reply.structure(fuse_out_header.self).unique == unique)
            let expected = error.map { $0 == .eintr ? -EINTR : -EIO } ?? 0
            #expect(reply.structure(fuse_out_header.self).error == expected)
        }
        kernel.hangUp()
        session.waitForEnd()
    }

    @Test func malformedMessageIsAnswered() throws {
        let kernel = try KernelStandIn()
        let session = try kernel.begin(RecordingFileSystem())
        var lying = Self.readlink.numbered(3).bytes
        lying[0] += 1
        try kernel.send(lying)
        #expect(try #require(kernel.receive()).structure(fuse_out_header.self).error == -EINVAL)
        let unknown = try kernel.ask(Message(opcode: 4711).numbered(4))
        #expect(unknown.structure(fuse_out_header.self).error == -ENOSYS)
        kernel.hangUp()
        session.waitForEnd()
    }

    @Test(arguments: [1, 4]) func endOfTheConnectionIsTheEndOfTheSession(_ threads: Int) throws {
        let kernel = try KernelStandIn()
        var options = SessionOptions()
        options.threads = threads
        let log = LogRecorder()
        let session = try kernel.begin(RecordingFileSystem(), options, logger: log.logger(.warning))
        var waiting = pollfd(fd: session.endDescriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&waiting, 1, 50) == 0, "it has not ended yet")
        kernel.hangUp()
        session.waitForEnd()
        #expect(log.lines.isEmpty && !session.hasFailed)
    }

    @Test func threadThatCannotBeginEndsTheSession() throws {
        final class Unfit: FileSystem {
            func threadWillServe() throws(Errno) { throw .eperm }
        }
        let kernel = try KernelStandIn()
        let log = LogRecorder()
        let session = try kernel.begin(Unfit(), logger: log.logger(.warning))
        session.waitForEnd()
        #expect(session.hasFailed)
        // The first that fails ends the session, and the others follow.
        for _ in 0..<5_000 where log.lines.count < session.options.threads { usleep(1000) }
        #expect(log.lines.count == session.options.threads)
        #expect(log.lines.allSatisfy { $0.contains("Operation not permitted") })
    }

    @Test func traceTellsEachRequest() throws {
        let kernel = try KernelStandIn()
        var options = SessionOptions()
        options.threads = 1
        let log = LogRecorder()
        let session = try kernel.begin(RecordingFileSystem(answer: [1, 2]), options, logger: log.logger(.trace))
        _ = try kernel.ask(Self.readlink.from(uid: 3, gid: 4, pid: 5))
        _ = try kernel.ask(Message(opcode: 4711, nodeid: 8))
        kernel.hangUp()
        session.waitForEnd()
        #expect(
            log.lines == [
                "trace: READLINK node 7 uid 3 pid 5: 2 bytes",
                "trace: 4711 node 8 uid 0 pid 0: Function not implemented",
            ])
    }

    @Test func statisticsCount() throws {
        let kernel = try KernelStandIn()
        var options = SessionOptions()
        options.measuresLatency = true
        let session = try kernel.begin(RecordingFileSystem(), options)
        for _ in 0..<5 { _ = try kernel.ask(Self.readlink) }
        for _ in 0..<3 { _ = try kernel.ask(Message(.lookup, nodeid: 7).with("a/b")) }
        for opcode: UInt32 in [54, 9999] { _ = try kernel.ask(Message(opcode: opcode)) }
        kernel.hangUp()
        session.waitForEnd()
        let found = session.operationStatistics
        #expect(found.map(\.name) == ["UNKNOWN", "LOOKUP", "READLINK"])
        #expect(found.map(\.requests) == [2, 3, 5])
        #expect(found.map(\.errors) == [2, 3, 0])
        #expect(found.allSatisfy { $0.latency.reduce(0, +) == $0.requests })
    }
}

@Suite struct StatisticsTests {
    private func latencies(_ nanoseconds: [UInt64]) throws -> OperationStatistics {
        let statistics = Statistics()
        for value in nanoseconds { statistics.count(5, failed: false, nanoseconds: value) }
        return try #require(Statistics.merge([statistics]).first)
    }

    @Test(arguments: [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (1023, 9), (1024, 10), (.max, 39)] as [(UInt64, Int)])
    func bucketOfALatency(_ nanoseconds: UInt64, _ bucket: Int) throws {
        #expect(try latencies([nanoseconds]).latency.firstIndex(of: 1) == bucket)
    }

    @Test func quantiles() throws {
        let found = try latencies(Array(repeating: 100, count: 99) + [1_000_000])
        #expect(found.latency(quantile: 0) == 128)
        #expect(found.latency(quantile: 0.5) == 128)
        #expect(found.latency(quantile: 0.99) == 128)
        #expect(found.latency(quantile: 1) == 1 << 20)
    }

    @Test func latencyThatWasNotMeasured() throws {
        let statistics = Statistics()
        statistics.count(5, failed: true, nanoseconds: nil)
        let found = try #require(Statistics.merge([statistics, Statistics()]).first)
        #expect(found.requests == 1)
        #expect(found.errors == 1)
        #expect(found.latency(quantile: 0.5) == nil)
    }
}
