import FuseKernel
import Glibc
import Logging
import Synchronization
import SystemCalls

/// The thread for what must not hold up a source of changes: cached pages, which may be locked for as long as a read takes; nodes that
/// the kernel does not know yet; and the sweep over all nodes when changes were lost.
final class InodeInvalidations: Sendable {
    private struct State {
        var data: Set<NodeID> = []
        /// Nodes of which the kernel has not been told yet, and until when it is tried, in milliseconds.
        var early: [NodeID: Int] = [:]
        var isSweepDue = false
        var hasEnded = false
    }

    private let state = Mutex(State())
    private let wake: Event
    private let connection: Connection
    private let nodes: NodeTable
    private let files: OpenFileTable
    /// Nil where no data go by passthrough.
    private let backing: BackingFiles?
    private let opensFiles: Bool
    private let logger: Logger

    /// - Parameter opensFiles: the kernel asks for each file that is opened, and drops what it has kept of its data then.
    init(
        _ connection: Connection, _ nodes: NodeTable, _ files: OpenFileTable, _ backing: BackingFiles?,
        opensFiles: Bool, _ logger: Logger
    ) throws(Errno) {
        self.opensFiles = opensFiles
        self.backing = backing
        self.connection = connection
        self.nodes = nodes
        self.files = files
        self.logger = logger
        wake = try Event()
    }

    /// The kernel may have pages of regular files, as not all data go by passthrough.
    var cachesPages: Bool { backing?.cachesPages ?? true }

    func begin() throws(Errno) { try Thread.start { self.run() } }

    func end() { change { $0.hasEnded = true } }

    /// Drops a node's pages and attributes.
    func dropData(_ node: NodeID) { change { $0.data.insert(node) } }

    /// Attributes were to be dropped of a node that the kernel does not know. If it lives, the reply that tells the kernel of it is under
    /// way, with attributes that may be older than the change: it is tried again until the kernel knows it.
    func retry(_ node: NodeID) {
        guard nodes.isLive(node) else { return }
        change { $0.early[node] = Self.now + 10_000 }
    }

    /// Drops what the kernel may keep for long, of all nodes.
    func sweep() { change { $0.isSweepDue = true } }

    private func change(_ body: (inout sending State) -> Void) {
        state.withLock { state in body(&state) }
        wake.signal()
    }

    private static var now: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    private func run() {
        while true {
            var waiting = pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)
            let isIdle = state.withLock { $0.early.isEmpty }
            if poll(&waiting, 1, isIdle ? -1 : 1) > 0 { wake.wait() }
            let work = state.withLock { state in
                let work = state
                state.data = []
                state.early = [:]
                state.isSweepDue = false
                return work
            }
            if work.hasEnded { return }
            if work.isSweepDue { sweepNow() }
            for node in work.data where !connection.invalidateData(nodeid: node.rawValue) { retry(node) }
            let now = Self.now
            for (node, deadline) in work.early where !connection.invalidateAttributes(nodeid: node.rawValue) {
                guard deadline > now, nodes.isLive(node) else { continue }
                state.withLock { $0.early[node] = deadline }
            }
        }
    }

    /// First what is likely to be in use without being looked up again, which all else is once its name has expired: open files, then
    /// directories. Of the rest that is what has a descriptor that is not open (O_PATH), or a file handle.
    private func sweepNow() {
        let start = Self.now
        var count = 0
        let cachesPages = cachesPages
        files.forEachNode { node in
            _ = drop(node, withData: cachesPages)
            count += 1
        }
        if opensFiles {
            for directories in [true, false] {
                nodes.forEachGivenNode(directories: directories) { node, isListed in
                    if !drop(node, withData: isListed) {
                        nodes.note(node, Use.given)
                        retry(node)
                    }
                    count += 1
                }
            }
        } else {
            nodes.forEachLiveNode { node in
                if !drop(node, withData: true) { retry(node) }
                count += 1
            }
        }
        logger.debug(
            "changes were lost: asked the kernel to drop what it kept of \(count) nodes in \(Self.now - start) ms")
    }

    private func drop(_ node: NodeID, withData: Bool) -> Bool {
        withData
            ? connection.invalidateData(nodeid: node.rawValue)
            : connection.invalidateAttributes(nodeid: node.rawValue)
    }
}
