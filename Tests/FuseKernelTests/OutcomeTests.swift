import CLinux
import FuseMessages
import Glibc
import SystemCalls
import Testing

@testable import FuseKernel

/// What becomes of the file system's answers and errors.
@Suite struct OutcomeTests {
    private static let readlink = Message(.readlink, nodeid: 7).bytes

    @Test func answerIsTheBody() {
        let answer = Dispatcher(RecordingFileSystem(answer: [1, 2, 3])).answer(Self.readlink)
        #expect(answer == Answer(error: 0, body: [1, 2, 3], isDue: true))
    }

    @Test(arguments: [Errno.enoent, .enosys, .estale, Errno(rawValue: 1), Errno(rawValue: 511)])
    func errorIsTheNumber(_ error: Errno) {
        let answer = Dispatcher(RecordingFileSystem(error: error)).answer(Self.readlink)
        #expect(answer == Answer(error: error.rawValue, body: [], isDue: true))
    }

    /// The kernel would refuse such a reply, and its caller wait for ever (fuse_dev_do_write).
    @Test(arguments: [0, -1, 512, 524, 4095, .min, .max] as [Int32]) func numberThatTheKernelRefusesIsEIO(
        _ number: Int32
    ) {
        let answer = Dispatcher(RecordingFileSystem(error: Errno(rawValue: number))).answer(Self.readlink)
        #expect(answer == Answer(error: EIO, body: [], isDue: true))
    }

    @Test func errorTakesBackWhatWasWritten() {
        final class Halfway: FileSystem {
            func readlink(_ request: Request, into reply: inout Reply) throws(Errno) {
                try reply.append(UInt64(1))
                throw .eio
            }
        }
        #expect(Dispatcher(Halfway()).answer(Self.readlink) == Answer(error: EIO, body: [], isDue: true))
    }

    @Test func answerLongerThanTheBufferIsERANGE() {
        let dispatcher = Dispatcher(RecordingFileSystem(answer: [1, 2, 3, 4]))
        #expect(dispatcher.answer(Self.readlink, capacity: 4).error == 0)
        #expect(dispatcher.answer(Self.readlink, capacity: 3) == Answer(error: ERANGE, body: [], isDue: true))
    }

    @Test func postponedReplyIsNotDue() {
        let dispatcher = Dispatcher(RecordingFileSystem(postpones: true))
        #expect(dispatcher.answer(Self.readlink) == Answer(error: 0, body: [], isDue: false))
    }

    @Test func errorAfterPostponingIsSent() {
        let dispatcher = Dispatcher(RecordingFileSystem(error: .edeadlk, postpones: true))
        #expect(dispatcher.answer(Self.readlink) == Answer(error: EDEADLK, body: [], isDue: true))
    }

    /// 32 bits in a fuse_write_out, 64 in a fuse_copy_file_range_out.
    @Test func copiedBytes() {
        let huge: UInt64 = 5 << 32
        let arguments = fuse_copy_file_range_in(
            fh_in: 1, off_in: 0, nodeid_out: 2, fh_out: 3, off_out: 0, len: huge, flags: 0)
        let dispatcher = Dispatcher(RecordingFileSystem())
        let short = dispatcher.answer(Message(.copyFileRange, nodeid: 7).with(arguments).bytes)
        #expect(short.body == [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
        let long = dispatcher.answer(Message(.copyFileRange64, nodeid: 7).with(arguments).bytes)
        #expect(long.body == [0, 0, 0, 0, 5, 0, 0, 0])
    }

    // allow_root

    /// What libfuse 2.9 lets through, whoever asks: what follows an open, and what has no caller.
    private static let letThrough: Set<Opcode> = [
        .read, .write, .flush, .release, .fsync, .readdir, .readdirplus, .releasedir, .fsyncdir, .forget, .batchForget,
        .interrupt, .destroy, .notifyReply,
    ]

    @Test(arguments: DispatchTable.all) func othersThanOwnerAndRootAreRefused(_ example: DispatchCase) throws {
        let opcode = try #require(Opcode(rawValue: example.message.opcode))
        let fileSystem = RecordingFileSystem()
        let dispatcher = Dispatcher(fileSystem, soleUser: 1000)
        for uid: UInt32 in [0, 1000] {
            #expect(dispatcher.answer(example.message.from(uid: uid, gid: 9, pid: 9).bytes).error == 0)
            #expect(fileSystem.takeCalls() == [example.call].compactMap { $0 })
        }
        let other = dispatcher.answer(example.message.from(uid: 1001, gid: 0, pid: 9).bytes)
        #expect(other.error == (Self.letThrough.contains(opcode) ? 0 : EACCES))
        #expect(fileSystem.takeCalls().isEmpty == (other.error != 0 || example.call == nil))
    }
}

@Suite struct ReplyTests {
    private func withReply<R>(_ capacity: Int, _ body: (inout Reply) throws -> R) rethrows -> R {
        try withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 8) { buffer in
            var reply = Reply(unique: 1, start: buffer.baseAddress!, capacity: capacity)
            return try body(&reply)
        }
    }

    @Test func roomIsWhatIsFree() throws {
        try withReply(16) { reply in
            #expect(reply.room(upTo: 100).count == 16)
            #expect(reply.room(upTo: 3).count == 3)
            #expect(reply.room(upTo: -1).count == 0)
            try reply.append(UInt64(1))
            #expect(reply.room(upTo: .max).count == 8)
            reply.advance(by: 8)
            #expect(reply.count == 16)
            #expect(reply.room(upTo: 1).count == 0)
            reply.clear()
            #expect(reply.room(upTo: 100).count == 16)
        }
    }

    @Test func timeouts() {
        #expect(Timeout(seconds: 1.5) == Timeout(seconds: 1, nanoseconds: 500_000_000))
        #expect(Timeout(seconds: 0) == .none)
        #expect(Timeout(seconds: -1) == .none)
        #expect(Timeout(seconds: 1e300) == Timeout(seconds: 1_000_000_000, nanoseconds: 0))
        #expect(Timeout(seconds: .infinity) == Timeout(seconds: 1_000_000_000, nanoseconds: 0))
        for thousandths in 0..<2000 {
            #expect(Timeout(seconds: Double(thousandths) / 1000).nanoseconds < 1_000_000_000)
        }
    }
}
