import CAllocationCounter
import CLinux
import FuseMessages
import SystemCalls
import Testing

@testable import FuseKernel

#if DEBUG
    private let isOptimised = false
#else
    private let isOptimised = true
#endif

/// Serving a request allocates nothing: a count of the calling thread's allocations.
@Suite struct AllocationTests {
    /// Answers what is asked most, as a real file system would, from nothing.
    private final class Constant: FileSystem {
        func lookup(_ request: Request, _ name: Name, into reply: inout Reply) throws(Errno) {
            guard name.count > 1 else { throw .enoent }
            try reply.append(fuse_entry_out())
        }
        func getattr(_ request: Request, handle: UInt64?, into reply: inout Reply) throws(Errno) {
            try reply.append(fuse_attr_out())
        }
        func read(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
            let room = reply.room(upTo: Int(arguments.size))
            room.initializeMemory(as: UInt8.self, repeating: 1)
            reply.advance(by: room.count)
        }
        func write(_ request: Request, _ arguments: fuse_write_in, _ data: RawSpan, into reply: inout Reply)
            throws(Errno)
        { try reply.append(fuse_write_out(size: UInt32(data.byteCount), padding: 0)) }
    }

    private static let messages = [
        Message(.getattr, nodeid: 1).with(fuse_getattr_in()),
        Message(.lookup, nodeid: 1).with("entry"),
        Message(.lookup, nodeid: 1).with("x"),
        Message(.lookup, nodeid: 1).with("malformed/name"),
        Message(.read, nodeid: 1).with(
            fuse_read_in(fh: 1, offset: 0, size: 4096, read_flags: 0, lock_owner: 0, flags: 0, padding: 0)),
        Message(.write, nodeid: 1).with(
            fuse_write_in(fh: 1, offset: 0, size: 4, write_flags: 0, lock_owner: 0, flags: 0, padding: 0)
        ).with(data: [1, 2, 3, 4]),
        Message(.mkdir, nodeid: 1).with(fuse_mkdir_in()).with("entry").with(extensionType: 32, words: [1, 2]),
        Message(opcode: 9999),
    ].map(\.bytes)

    @Test func counterCounts() {
        let before = allocation_count()
        let array = [UInt8](repeating: 1, count: Int.random(in: 100...200))
        #expect(array.count >= 100)
        #expect(allocation_count() > before)
    }

    @Test(
        .enabled(if: isOptimised, "only optimised code is held to it: swift test -c release -Xswiftc -enable-testing"))
    func requestsAllocateNothing() {
        let dispatcher = Dispatcher(Constant())
        let statistics = Statistics()
        let capacity = 8192
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        defer { buffer.deallocate() }
        func serve(_ rounds: Int) -> UInt64 {
            let before = allocation_count()
            for _ in 0..<rounds {
                for message in Self.messages {
                    var reply = Reply(unique: 1, start: buffer, capacity: capacity)
                    let error = message.withUnsafeBytes { dispatcher.dispatch($0, into: &reply) }
                    statistics.count(3, failed: error != 0, nanoseconds: 5)
                }
            }
            return allocation_count() - before
        }
        suspend_throw_hooks()
        defer { resume_throw_hooks() }
        // The runtime's caches are filled by the first.
        _ = serve(1)
        #expect(serve(10_000) == 0)
        #expect(Statistics.merge([statistics]).first?.requests == 80_008)
    }
}
