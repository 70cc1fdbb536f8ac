import CLinux
import Glibc
import Logging
import SystemCalls

/// One processor's queue of FUSE over io_uring (7.42, Linux 6.14), served by a thread that stays on that processor: the
/// caller's request and the daemon's work happen where the caller is, and one system call gives the answer and takes the next.
///
/// FORGET, INTERRUPT and notifications stay on /dev/fuse, which a ``DeviceWorker`` serves beside.
final class RingWorker<F: FileSystem>: @unchecked Sendable {
    /// Requests of one processor that can wait for its thread in the ring; more wait in the kernel.
    static var depth: Int { 8 }
    private static var pageSize: Int { 4096 }
    /// The user data of the mailbox's read; entries count from 0.
    private static var mailboxMark: UInt64 { .max }

    private let queue: UInt16
    private let ring: Ring
    private let device: Int32
    private let dispatcher: Dispatcher<F>
    private let statistics: Statistics
    private let measuresLatency: Bool
    private let logger: Logger
    private let payloadSize: Int
    private let mailbox: RingMailbox
    private let parked: ParkedRequests
    private var entries: [Entry] = []
    /// Entries put aside, by request.
    private var waiting: [UInt64: Int] = [:]
    /// Entries in the kernel's hands beyond ``depth``, from requests that were put aside and answered.
    private var surplus = 0
    /// Entries that the kernel did not take.
    private var refused = 0
    private let eventValue = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)

    /// The memory of one request: the kernel's header page, a page whose end takes the message's front, and the payload.
    private struct Entry {
        let header: UnsafeMutableRawPointer
        let payload: UnsafeMutableRawPointer
        let vectors: UnsafeMutablePointer<linux_iovec>
        /// The kernel has taken it, and has a caller waiting for whoever commits it.
        var isRegistered = false
    }

    init(
        queue: UInt16, ring: Ring, device: Int32, dispatcher: Dispatcher<F>, statistics: Statistics,
        negotiation: Negotiation, parked: ParkedRequests, measuresLatency: Bool, logger: Logger
    ) throws(Errno) {
        self.queue = queue
        self.ring = ring
        self.device = device
        self.dispatcher = dispatcher
        self.statistics = statistics
        self.measuresLatency = measuresLatency
        self.logger = logger
        self.parked = parked
        // What the kernel demands: room for the longest write, and for max_pages, which is the same here.
        payloadSize = max(Int(negotiation.maxWrite), 2 * Self.pageSize)
        mailbox = try RingMailbox()
        for _ in 0..<Self.depth { entries.append(try makeEntry()) }
    }

    private func makeEntry() throws(Errno) -> Entry {
        let size = 2 * Self.pageSize + payloadSize
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED else {
            throw .last
        }
        let payload = memory + 2 * Self.pageSize
        let vectors = UnsafeMutablePointer<linux_iovec>.allocate(capacity: 2)
        vectors[0] = linux_iovec(base: memory, length: MemoryLayout<fuse_uring_req_header>.size)
        vectors[1] = linux_iovec(base: payload, length: payloadSize)
        return Entry(header: memory, payload: payload, vectors: vectors)
    }

    /// Serves until the connection ends, or the ring fails; in the thread that was moved to the queue's processor.
    ///
    /// False if the ring could not be set up: the kernel uses none of them then, and /dev/fuse serves.
    func run() -> Bool {
        do throws(Errno) {
            try ring.enable(files: [device, mailbox.event.descriptor])
        } catch {
            logger.error("the ring of processor \(queue) could not be enabled: \(error); requests come by /dev/fuse")
            return false
        }
        for index in entries.indices { register(index) }
        listen()
        var isOver = false
        while !isOver {
            let result = ring.submitAndWait()
            if result < 0, !Ring.isPassing(result) {
                logger.error("io_uring_enter: \(Errno(rawValue: Int32(-result))), for processor \(queue)")
                return true
            }
            ring.drain { mark, result in
                if mark == Self.mailboxMark {
                    answerLetters()
                    listen()
                } else if result >= 0 {
                    entries[Int(mark)].isRegistered = true
                    serve(Int(mark))
                } else if !canServe(withoutEntry: Int(mark), Errno(rawValue: -result)) {
                    isOver = true
                }
            }
        }
        return refused < entries.count
    }

    /// Whether the other entries can serve on after one has ended.
    private func canServe(withoutEntry index: Int, _ error: Errno) -> Bool {
        // ENOTCONN: unmounted or aborted.
        if error == .enotconn || error == Errno(rawValue: ECANCELED) { return false }
        logger.error("a ring entry of processor \(queue) ended: \(error)")
        if entries[index].isRegistered { return false }
        refused += 1
        return refused < entries.count
    }

    private func command(_ index: Int, _ command: UInt32, commit: UInt64) -> UnsafeMutablePointer<linux_ring_sqe> {
        let submission = ring.next(LINUX_IORING_OP_URING_CMD, file: 0, userData: UInt64(index))
        submission.pointee.cmd_op = command
        submission.pointee.commit_id = commit
        submission.pointee.queue = queue
        return submission
    }

    private func register(_ index: Int) {
        let submission = command(index, FUSE_IO_URING_CMD_REGISTER, commit: 0)
        submission.pointee.addr = UInt64(UInt(bitPattern: entries[index].vectors))
        submission.pointee.len = 2
    }

    private func listen() {
        let submission = ring.next(LINUX_IORING_OP_READ, file: 1, userData: Self.mailboxMark)
        submission.pointee.addr = UInt64(UInt(bitPattern: eventValue))
        submission.pointee.len = 8
    }

    // MARK: requests

    private func serve(_ index: Int) {
        let began = measuresLatency ? monotonicNanoseconds() : 0
        let entry = entries[index]
        let header = entry.header.loadUnaligned(as: fuse_in_header.self)
        var reply = Reply(unique: header.unique, start: entry.payload, capacity: payloadSize)
        let error = dispatcher.dispatch(message(entry, header), into: &reply)
        statistics.count(
            header.opcode, failed: error != 0,
            nanoseconds: measuresLatency ? monotonicNanoseconds() &- began : nil)
        if logger.logLevel <= .trace { traceRequest(header, error, reply.count, logger) }
        if reply.isPostponed {
            park(index, header.unique)
        } else {
            // What has no reply is committed all the same: the kernel waits for it (fuse_force_forget).
            commit(index, header.unique, reply.isDue ? error : 0, reply.count)
        }
    }

    /// The message as /dev/fuse would have given it, in one piece: header and first argument are copied before the payload.
    ///
    /// A reply is written over the payload. Operations take what they need of names and data before they write.
    private func message(_ entry: Entry, _ header: fuse_in_header) -> UnsafeRawBufferPointer {
        let parts = entry.header.assumingMemoryBound(to: fuse_uring_req_header.self)
        let headerSize = MemoryLayout<fuse_in_header>.size
        let payload = min(Int(parts.pointee.payload_sz), payloadSize)
        let operationRoom = MemoryLayout.size(ofValue: parts.pointee.op_in)
        let operation = min(max(0, Int(header.len) - headerSize - payload), operationRoom)
        let start = entry.payload - operation - headerSize
        start.copyMemory(from: entry.header, byteCount: headerSize)
        (start + headerSize).copyMemory(from: entry.header + operationRoom, byteCount: operation)
        return UnsafeRawBufferPointer(start: start, count: headerSize + operation + payload)
    }

    private func commit(_ index: Int, _ unique: UInt64, _ error: Int32, _ count: Int) {
        let parts = entries[index].header.assumingMemoryBound(to: fuse_uring_req_header.self)
        let id = parts.pointee.commit_id
        parts.pointee.payload_sz = UInt32(truncatingIfNeeded: count)
        entries[index].header.storeBytes(
            of: fuse_out_header(
                len: UInt32(truncatingIfNeeded: MemoryLayout<fuse_out_header>.size + count), error: -error,
                unique: unique),
            as: fuse_out_header.self)
        _ = command(index, FUSE_IO_URING_CMD_COMMIT_AND_FETCH, commit: id)
    }

    // MARK: answers that come later

    /// Puts a request aside whose answer another thread will give; a further entry takes its place, as otherwise a few callers
    /// that wait for locks would keep everybody from giving them back.
    private func park(_ index: Int, _ unique: UInt64) {
        if let answer = parked.park(unique, mailbox) {
            commit(index, unique, answer?.numberInReply ?? 0, 0)
            return
        }
        waiting[unique] = index
        if surplus > 0 {
            surplus -= 1
            return
        }
        do throws(Errno) {
            entries.append(try makeEntry())
            register(entries.count - 1)
        } catch {
            logger.warning("no memory for a further ring entry of processor \(queue): \(error)")
        }
    }

    private func answerLetters() {
        for (unique, error) in mailbox.takeAll() {
            guard let index = waiting.removeValue(forKey: unique) else { continue }
            surplus += 1
            commit(index, unique, error?.numberInReply ?? 0, 0)
        }
    }
}
