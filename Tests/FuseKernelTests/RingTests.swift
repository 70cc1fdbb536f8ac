import CLinux
import Glibc
import SystemCalls
import Testing

@testable import FuseKernel

@Suite(.timeLimit(.minutes(1))) struct RingTests {
    /// Why there are no rings here, nil if there are.
    private static let missing: String? = {
        do throws(Errno) {
            _ = try Ring(entries: 4)
            return nil
        } catch {
            return "io_uring cannot be had: \(error)"
        }
    }()

    /// A commit leaves its id in the submission entry, where a read that takes the entry next has its attributes.
    @Test(.enabled(if: missing == nil, "\(missing ?? "")"))
    func readsAfterCommandsInTheSameEntries() throws {
        let entries: UInt32 = 4
        let ring = try Ring(entries: entries)
        let event = try Event()
        // Not a FUSE device: it refuses the commands, which is all that is asked of it.
        let other = Descriptor(owning: linux_openat(LINUX_AT_FDCWD, "/dev/null", O_RDWR, 0).descriptor)
        try ring.enable(files: [other.number, event.descriptor])
        let value = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        defer { value.deallocate() }
        for round in 0..<UInt64(3 * entries) {
            var results: [UInt64: Int32] = [:]
            for command in 0..<UInt64(entries) {
                let submission = ring.next(LINUX_IORING_OP_URING_CMD, file: 0, userData: command)
                submission.pointee.cmd_op = FUSE_IO_URING_CMD_COMMIT_AND_FETCH
                submission.pointee.commit_id = round + 77
                submission.pointee.queue = 1
            }
            while results.count < Int(entries) {
                _ = ring.submitAndWait()
                ring.drain { results[$0] = $1 }
            }
            event.signal()
            let submission = ring.next(LINUX_IORING_OP_READ, file: 1, userData: .max)
            submission.pointee.addr = UInt64(UInt(bitPattern: value))
            submission.pointee.len = 8
            while results[.max] == nil {
                _ = ring.submitAndWait()
                ring.drain { results[$0] = $1 }
            }
            #expect(results[.max] == 8, "round \(round)")
        }
    }

    /// More than there is room for, as when many answers to who waited for locks are there at once.
    @Test(.enabled(if: missing == nil, "\(missing ?? "")"))
    func moreCommandsThanEntries() throws {
        let ring = try Ring(entries: 4)
        let other = Descriptor(owning: linux_openat(LINUX_AT_FDCWD, "/dev/null", O_RDWR, 0).descriptor)
        try ring.enable(files: [other.number])
        var answered: [UInt64: Int] = [:]
        for command in 0..<UInt64(100) {
            let submission = ring.next(LINUX_IORING_OP_URING_CMD, file: 0, userData: command)
            submission.pointee.cmd_op = FUSE_IO_URING_CMD_COMMIT_AND_FETCH
        }
        while answered.count < 100 {
            try #require(ring.submitAndWait() >= 0)
            ring.drain { mark, _ in answered[mark, default: 0] += 1 }
        }
        #expect(answered.values.allSatisfy { $0 == 1 })
    }
}

extension Int64 {
    /// The descriptor that a system call has given.
    fileprivate var descriptor: Int32 { Int32(truncatingIfNeeded: self) }
}
