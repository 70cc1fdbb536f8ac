import CLinux
import Glibc
import Synchronization
import SystemCalls

/// One io_uring with entries of 128 bytes, used by one thread: submission and completion in shared memory, one system call
/// for both (io_uring(7), io_uring_setup(2)).
///
/// It is made disabled by the main thread, before the daemon confines itself, and enabled by the thread that will use it.
final class Ring: @unchecked Sendable {
    private let descriptor: Int32
    private let submissionTail: UnsafeMutablePointer<UInt32>
    private let completionHead: UnsafeMutablePointer<UInt32>
    private let completionTail: UnsafeMutablePointer<UInt32>
    private let submissionMask: UInt32
    private let completionMask: UInt32
    private let submissions: UnsafeMutablePointer<linux_ring_sqe>
    private let completions: UnsafeMutablePointer<linux_ring_cqe>
    private let shared: UnsafeMutableRawPointer
    private let sharedSize: Int
    private let submissionsSize: Int
    /// The descriptor for io_uring_enter(2): the ring's own number in its thread's table, which saves a look-up.
    private var enterDescriptor: Int32
    private var enterFlags: UInt32 = 0
    private var tail: UInt32 = 0
    private var head: UInt32 = 0
    private var unsubmitted: UInt32 = 0

    /// - Throws: ENOSYS, EPERM where io_uring is switched off (sysctl kernel.io_uring_disabled, a filter), EINVAL before Linux 6.6.
    init(entries: UInt32) throws(Errno) {
        var parameters = linux_ring_params()
        parameters.flags =
            LINUX_IORING_SETUP_SQE128 | LINUX_IORING_SETUP_SINGLE_ISSUER | LINUX_IORING_SETUP_DEFER_TASKRUN
            | LINUX_IORING_SETUP_R_DISABLED | LINUX_IORING_SETUP_NO_SQARRAY
        descriptor = Int32(try checked(linux_io_uring_setup(entries, &parameters)))
        enterDescriptor = descriptor
        sharedSize = Int(parameters.cq_off.cqes) + Int(parameters.cq_entries) * MemoryLayout<linux_ring_cqe>.size
        submissionsSize = Int(parameters.sq_entries) * MemoryLayout<linux_ring_sqe>.size
        do throws(Errno) {
            shared = try Self.map(descriptor, sharedSize, offset: 0)
            submissions = try Self.map(descriptor, submissionsSize, offset: Int(LINUX_IORING_OFF_SQES))
                .assumingMemoryBound(to: linux_ring_sqe.self)
        } catch {
            _ = linux_close(descriptor)
            throw error
        }
        let shared = shared
        func word(_ offset: UInt32) -> UnsafeMutablePointer<UInt32> {
            (shared + Int(offset)).assumingMemoryBound(to: UInt32.self)
        }
        submissionTail = word(parameters.sq_off.tail)
        completionHead = word(parameters.cq_off.head)
        completionTail = word(parameters.cq_off.tail)
        submissionMask = word(parameters.sq_off.ring_mask).pointee
        completionMask = word(parameters.cq_off.ring_mask).pointee
        completions = (shared + Int(parameters.cq_off.cqes)).assumingMemoryBound(to: linux_ring_cqe.self)
    }

    deinit {
        munmap(shared, sharedSize)
        munmap(submissions, submissionsSize)
        _ = linux_close(descriptor)
    }

    private static func map(_ descriptor: Int32, _ size: Int, offset: Int) throws(Errno) -> UnsafeMutableRawPointer {
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | Int32(MAP_POPULATE), descriptor, offset)
        guard let memory, memory != MAP_FAILED else { throw .last }
        return memory
    }

    /// Makes the calling thread the one that uses the ring, with `files` as its registered descriptors.
    func enable(files: [Int32]) throws(Errno) {
        try checked(linux_io_uring_register(descriptor, LINUX_IORING_REGISTER_ENABLE_RINGS, nil, 0))
        var files = files
        try checked(
            linux_io_uring_register(
                descriptor, LINUX_IORING_REGISTER_FILES, &files, UInt32(files.count)))
        var update = linux_ring_update(offset: .max, resv: 0, data: UInt64(descriptor))
        if linux_io_uring_register(descriptor, LINUX_IORING_REGISTER_RING_FDS, &update, 1) == 1 {
            enterDescriptor = Int32(update.offset)
            enterFlags = LINUX_IORING_ENTER_REGISTERED_RING
        }
    }

    /// The next free submission entry, zero but for what every command of ours has; the others are the caller's. What an earlier command
    /// left would be read by another kind: a commit's id lies where a read has its attributes (Linux 6.13).
    func next(_ operation: UInt8, file: Int32, userData: UInt64) -> UnsafeMutablePointer<linux_ring_sqe> {
        if unsubmitted > submissionMask { makeRoom() }
        let entry = submissions + Int(tail & submissionMask)
        tail &+= 1
        unsubmitted += 1
        entry.pointee = linux_ring_sqe()
        entry.pointee.opcode = operation
        entry.pointee.flags = LINUX_IOSQE_FIXED_FILE
        entry.pointee.fd = file
        entry.pointee.user_data = userData
        return entry
    }

    /// Submits what was filled in, as there is no entry left that is free.
    private func makeRoom() {
        atomic(submissionTail).pointee.store(tail, ordering: .releasing)
        while unsubmitted > submissionMask {
            let result = linux_io_uring_enter(enterDescriptor, unsubmitted, 0, enterFlags)
            if result > 0 {
                unsubmitted -= min(unsubmitted, UInt32(truncatingIfNeeded: result))
            } else if !Self.isPassing(result) {
                // submitAndWait() will meet it too, and end.
                return
            }
        }
    }

    /// Whether a result of io_uring_enter(2) is an error that goes by: a signal, no memory at the moment, too many completions.
    static func isPassing(_ result: Int64) -> Bool {
        [-EINTR, -EAGAIN, -EBUSY].contains(Int32(truncatingIfNeeded: result))
    }

    /// Submits what was filled in and waits for a completion; the result of io_uring_enter(2).
    func submitAndWait() -> Int64 {
        atomic(submissionTail).pointee.store(tail, ordering: .releasing)
        let result = linux_io_uring_enter(enterDescriptor, unsubmitted, 1, enterFlags | LINUX_IORING_ENTER_GETEVENTS)
        // An entry that the kernel refuses ends the submission with it; the rest goes with the next call.
        if result > 0 { unsubmitted -= min(unsubmitted, UInt32(truncatingIfNeeded: result)) }
        return result
    }

    /// Calls `body` with the user data and result of each completion that is there.
    func drain(_ body: (UInt64, Int32) -> Void) {
        let end = atomic(completionTail).pointee.load(ordering: .acquiring)
        while head != end {
            let completion = completions[Int(head & completionMask)]
            head &+= 1
            body(completion.user_data, completion.res)
        }
        atomic(completionHead).pointee.store(head, ordering: .releasing)
    }

    private func atomic(_ word: UnsafeMutablePointer<UInt32>) -> UnsafePointer<Atomic<UInt32>> {
        UnsafePointer(UnsafeMutableRawPointer(word).assumingMemoryBound(to: Atomic<UInt32>.self))
    }
}
