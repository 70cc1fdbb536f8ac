import CAllocationCounter
import CLinux
import FuseMessages
import Glibc
import Logging
import SystemCalls
import Testing

@testable import FuseKernel
@testable import StackCore

#if DEBUG
    private let isOptimised = false
#else
    private let isOptimised = true
#endif

/// The mirror serves what is asked most without an allocation, counted in the serving thread.
@Suite struct MirrorAllocationTests {
    /// Messages as the kernel sends them, to a mirror of a directory of a few files.
    private final class Server {
        private let tree: TemporaryTree
        private let dispatcher: Dispatcher<Mirror>
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 4096)

        init(_ options: MirrorOptions) throws {
            tree = try TemporaryTree()
            try tree.makeDirectory("directory")
            for number in 0..<20 { try tree.makeFile("directory/file\(number)") }
            let mirror = try Mirror(
                lower: tree.open(""), options: options,
                logger: Logger(label: "", factory: { _ in SwiftLogNoOpLogHandler() }))
            dispatcher = Dispatcher(fileSystem: mirror, inForce: mirror.wantedFlags, soleUser: nil)
        }

        deinit { buffer.deallocate() }

        /// Has a message answered; nil where the answer is an error.
        func ask(_ message: [UInt8]) -> UnsafeRawBufferPointer? {
            var reply = Reply(unique: 1, start: buffer.baseAddress!, capacity: buffer.count)
            let error = message.withUnsafeBytes { dispatcher.dispatch($0, into: &reply) }
            return error == 0 ? UnsafeRawBufferPointer(rebasing: buffer[..<reply.count]) : nil
        }

        func word(_ message: Message, at offset: Int = 0) throws -> UInt64 {
            try #require(ask(message.bytes)).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
    }

    private static func readIn(_ handle: UInt64, _ size: UInt32) -> fuse_read_in {
        fuse_read_in(fh: handle, offset: 0, size: size, read_flags: 0, lock_owner: 0, flags: 0, padding: 0)
    }

    @Test(
        .enabled(if: isOptimised, "only optimised code is held to it: scripts/test.sh runs it so, as 'allocations'"))
    func requestsAllocateNothing() throws {
        let server = try Server(MirrorOptions())
        let directory = try server.word(Message(.lookup, nodeid: 1).with("directory"))
        let file = try server.word(Message(.lookup, nodeid: directory).with("file3"))
        let opened = try server.word(
            Message(.open, nodeid: file).with(fuse_open_in(flags: UInt32(O_RDWR), open_flags: 0)))
        let listed = try server.word(Message(.opendir, nodeid: directory).with(fuse_open_in(flags: 0, open_flags: 0)))
        var times = fuse_setattr_in()
        times.valid = SetattrFields.mtime.rawValue
        let answered = [
            Message(.getattr, nodeid: file).with(fuse_getattr_in()),
            Message(.lookup, nodeid: directory).with("file3"),
            Message(.forget, nodeid: file).with(UInt64(1)),
            Message(.setattr, nodeid: file).with(times),
            Message(.statfs, nodeid: 1),
            Message(.write, nodeid: file).with(
                fuse_write_in(
                    fh: opened, offset: 0, size: 4, write_flags: 0, lock_owner: 0, flags: UInt32(O_RDWR), padding: 0)
            ).with(data: [1, 2, 3, 4]),
            Message(.read, nodeid: file).with(Self.readIn(opened, 4096)),
            Message(.flush, nodeid: file).with(fuse_flush_in(fh: opened, unused: 0, padding: 0, lock_owner: 7)),
            Message(.readdir, nodeid: directory).with(Self.readIn(listed, 4096)),
            Message(.mkdir, nodeid: directory).with(fuse_mkdir_in(mode: 0o755, umask: 0o22)).with("made"),
            Message(.rename2, nodeid: directory).with(fuse_rename2_in(newdir: directory, flags: 0, padding: 0))
                .with("made").with("moved"),
            Message(.rmdir, nodeid: directory).with("moved"),
        ].map(\.bytes)
        let refused = [
            Message(.lookup, nodeid: directory).with("missing"),
            Message(.getxattr, nodeid: file).with(fuse_getxattr_in(size: 0, padding: 0)).with("security.capability"),
        ].map(\.bytes)
        func serve(_ rounds: Int) throws -> UInt64 {
            var unanswered: Set<Int> = []
            let before = allocation_count()
            for _ in 0..<rounds {
                for index in answered.indices where server.ask(answered[index]) == nil { unanswered.insert(index) }
                for message in refused where server.ask(message) != nil { unanswered.insert(-1) }
            }
            let count = allocation_count() - before
            #expect(unanswered.isEmpty)
            return count
        }
        suspend_throw_hooks()
        defer { resume_throw_hooks() }
        // Buffers of the thread, room in the tables, and the runtime's caches come with the first.
        _ = try serve(3)
        #expect(try serve(500) == 0)
    }
}
