import CLinux
import FuseKernel
import Glibc
import Synchronization
import SystemCalls

/// Has the kernel tell inotify(7) of contents that changed by themselves, as it does of its own cgroup files: IN_MODIFY.
///
/// No message of FUSE does that. But a change of a file's time of modification alone is such an event, so a thread makes one through the
/// mount, which changes nothing (``isOwn(_:)``). A file that somebody watches is in the kernel's cache, and is found there by its handle,
/// without a path; one that is not there is left alone.
final class ModificationEvents: Sendable {
    private struct State {
        /// How often the kernel has been told of a node, less what it forgot.
        var known: [UInt64: UInt64] = [:]
        var changed: Set<UInt64> = []
        var told: Set<UInt64> = []
        var hasBegun = false
    }

    private let state = Mutex(State())
    /// The thread's number, by which its requests are told from others.
    private let thread = Atomic<Int32>(0)
    private let wake: Event
    private let wakePollers: Event

    private let pollers: Pollers

    /// - Throws: what eventfd(2) gives.
    init(_ pollers: Pollers) throws(Errno) {
        self.pollers = pollers
        wake = try Event()
        wakePollers = try Event()
    }

    func lookedUp(_ nodeid: UInt64) { state.withLock { $0.known[nodeid, default: 0] += 1 } }

    func forgotten(_ nodeid: UInt64, _ count: UInt64) {
        state.withLock { state in
            guard let known = state.known[nodeid] else { return }
            state.known[nodeid] = known > count ? known - count : nil
        }
    }

    /// Tells who watches the node, and after that wakes who polls it.
    func changed(_ nodeid: UInt64) {
        let (isKnown, isFirst) = state.withLock { state in
            guard state.hasBegun, state.known[nodeid] != nil else { return (false, false) }
            state.changed.insert(nodeid)
            return (true, state.changed.count == 1)
        }
        if isFirst { wake.signal() }
        if !isKnown { pollers.wake(nodeid) }
    }

    /// Whether a request is this thread's, and is to change nothing.
    func isOwn(_ request: borrowing Request) -> Bool {
        let thread = thread.load(ordering: .relaxed)
        if thread == 0 { return false }
        return request.pid == UInt32(bitPattern: thread)
    }

    /// Starts the threads, for the mount at `path` whose connection has this number. They last as long as the process.
    /// - Throws: EAGAIN.
    func begin(_ path: String, connection: UInt32) throws(Errno) {
        // A thread of its own: the one that tells has no /dev/fuse.
        try Thread.start { [self] in
            while true {
                wakePollers.wait()
                let nodes = state.withLock { state in
                    defer { state.told = [] }
                    return state.told
                }
                for node in nodes { pollers.wake(node) }
            }
        }
        try Thread.start { [self] in
            // It waits for the daemon's other threads. When all are killed, nothing of theirs may stay open because of it.
            guard Thread.leaveDescriptors(but: [wake.descriptor, wakePollers.descriptor]) else { return }
            thread.store(Int32(linux_gettid()), ordering: .relaxed)
            state.withLock { $0.hasBegun = true }
            while true {
                wake.wait()
                let nodes = state.withLock { state in
                    defer { state.changed = [] }
                    return state.changed
                }
                tell(nodes, path, connection)
                state.withLock { $0.told.formUnion(nodes) }
                wakePollers.signal()
            }
        }
    }

    private func tell(_ nodes: Set<UInt64>, _ path: String, _ connection: UInt32) {
        let flags = O_RDONLY | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC
        // Only for now: an open directory keeps a mount busy.
        let number = linux_openat(LINUX_AT_FDCWD, path, flags, 0)
        if number < 0 { return }
        let root = Descriptor(owning: Int32(number))
        var status = linux_statx()
        guard linux_statx_at(root.number, "", LINUX_AT_EMPTY_PATH, 0, &status) == 0,
            status.dev_major == 0, status.dev_minor == connection
        else { return }
        for node in nodes { touch(node, root.number) }
    }

    private func touch(_ node: UInt64, _ root: Int32) {
        var handle = linux_file_handle()
        // FILEID_INO64_GEN as fuse_encode_fh (fs/fuse/inode.c) has it: the node's number in two halves, the higher one first, and its
        // generation, which is 0.
        handle.type = 0x81
        handle.bytes = 12
        handle.data.0 = node >> 32 | node << 32
        guard let file = try? LowerReference.open(&handle, mount: root) else { return }
        let times = [
            linux_timespec(sec: 0, nsec: Int64(LINUX_UTIME_OMIT)), linux_timespec(sec: 0, nsec: Int64(LINUX_UTIME_NOW)),
        ]
        _ = times.withUnsafeBufferPointer { linux_utimensat(file.number, "", $0.baseAddress!, LINUX_AT_EMPTY_PATH) }
    }
}
