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
    private let heldFiles: (any HeldFileSource)?
    private let isLooking = Atomic(false)
    private let logger: Logger

    /// - Parameters:
    ///   - opensFiles: the kernel asks for each file that is opened, and drops what it has kept of its data then.
    ///   - heldFiles: tells what is in use beside; nil where that cannot be known.
    init(
        _ connection: Connection, _ nodes: NodeTable, _ files: OpenFileTable, _ backing: BackingFiles?,
        opensFiles: Bool, heldFiles: (any HeldFileSource)?, _ logger: Logger
    ) throws(Errno) {
        self.opensFiles = opensFiles
        self.heldFiles = heldFiles
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

    private static var now: Int { Int(monotonicNanoseconds() / 1_000_000) }

    private func run() {
        while true {
            var waiting = pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)
            let isIdle = state.withLock { $0.early.isEmpty }
            if poll(&waiting, 1, isIdle ? -1 : 1) > 0 { wake.wait() }
            let work = take()
            if work.hasEnded { return }
            act(on: work)
            if work.isSweepDue { sweepNow() }
        }
    }

    private func take() -> State {
        state.withLock { state in
            let work = state
            state.data = []
            state.early = [:]
            state.isSweepDue = false
            return work
        }
    }

    private func act(on work: State) {
        for node in work.data where !connection.invalidateData(nodeid: node.rawValue) { retry(node) }
        let now = Self.now
        for (node, deadline) in work.early where !connection.invalidateAttributes(nodeid: node.rawValue) {
            guard deadline > now, nodes.isLive(node) else { continue }
            state.withLock { $0.early[node] = deadline }
        }
    }

    /// First what may be in use without being looked up again, as all else is once its name has expired; then the rest, of which that is
    /// what somebody has come to hold meanwhile, or what the kernel holds for itself: below an overlay, for instance.
    ///
    /// A million nodes take seconds, so other work is done in between. If more is lost by then, what is in use comes first again, but
    /// for half of the time at most: the rest comes to an end.
    private func sweepNow() {
        let start = Self.now
        var count = dropInUse()
        var (pauseEnd, isUseDue, isRestDue) = (2 * Self.now - start, false, true)
        while isRestDue {
            isRestDue = false
            forEachOther { node, withData in
                if !drop(node, withData: withData) { retryGiven(node) }
                count += 1
                guard count % 256 == 0 else { return }
                let work = take()
                if work.isSweepDue { (isUseDue, isRestDue) = (true, true) }
                act(on: work)
                let now = Self.now
                if isUseDue, now >= pauseEnd {
                    isUseDue = false
                    count += dropInUse()
                    pauseEnd = 2 * Self.now - now
                }
            }
            if isUseDue { count += dropInUse() }
            isUseDue = false
        }
        logger.debug(
            "changes were lost: asked the kernel \(count) times to drop what it kept of a node, in \(Self.now - start) ms"
        )
    }

    /// Open files, what else is held by descriptors, and directories, which may be somebody's current one. Returns how many there were.
    private func dropInUse() -> Int {
        let start = Self.now
        var count = 0
        let cachesPages = cachesPages
        files.forEachNode { node in
            _ = drop(node, withData: cachesPages)
            count += 1
        }
        let look = beginLook()
        if opensFiles {
            nodes.forEachGivenNode(directories: true) { node, isListed in
                if !drop(node, withData: isListed) { retryGiven(node) }
                count += 1
            }
        }
        if let look {
            var waiting = pollfd(fd: look.descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&waiting, 1, Self.longestWait)
        }
        logger.debug(
            "changes were lost: \(count) files and directories in use were dropped in \(Self.now - start) ms")
        return count
    }

    /// Calls `body` for what ``dropInUse()`` leaves out, and more.
    private func forEachOther(_ body: (_ node: NodeID, _ withData: Bool) -> Void) {
        if opensFiles {
            nodes.forEachGivenNode(directories: false, body)
        } else {
            nodes.forEachLiveNode { body($0, true) }
        }
    }

    private func retryGiven(_ node: NodeID) {
        nodes.note(node, Use.given)
        retry(node)
    }

    /// So many nodes are gone through in less time than it may take to see who holds what.
    private static let few = 10_000
    /// For how long it is looked who holds what, in nanoseconds of the looking thread's: programs hold as many descriptors as they like.
    private static let patience: UInt64 = 100_000_000
    /// For how long the rest waits for that, in milliseconds.
    private static let longestWait: Int32 = 200

    /// Begins to drop what programs hold by descriptors of which the daemon may have heard nothing; nil where nobody looks, else it is signalled
    /// at the end. It stays marked as the kernel's, and its turn comes again.
    ///
    /// In a thread of its own, one at a time: what is closed by others just as it is looked at is closed by who looks, for as long as that
    /// takes (a socket that lingers, a server that is away).
    private func beginLook() -> Event? {
        guard let heldFiles, nodes.count > Self.few, !isLooking.exchange(true, ordering: .acquiringAndReleasing) else {
            return nil
        }
        do throws(Errno) {
            let ended = try Event()
            try Thread.start { [self] in
                dropHeld(heldFiles)
                isLooking.store(false, ordering: .releasing)
                ended.signal()
            }
            return ended
        } catch {
            isLooking.store(false, ordering: .releasing)
            return nil
        }
    }

    private func dropHeld(_ heldFiles: any HeldFileSource) {
        let start = Self.now
        var count = 0
        // A child has its parent's descriptors: whose node is here was met lately.
        let places = 1 << 12
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: places) { recent in
            recent.initialize(repeating: 0)
            heldFiles.forEach(within: Self.patience) { file in
                let node = NodeID(rawValue: file.node)
                let place = Int(node.slot) & (places - 1)
                guard recent[place] != node.rawValue, nodes.isLive(node) else { return }
                recent[place] = node.rawValue
                // Of directories all have their turn beside this; and what is held on other mounts is mostly their root, whose id is ours too.
                if opensFiles, nodes.marks(node) & Use.directory != 0 { return }
                _ = drop(node, withData: !opensFiles)
                count += 1
            }
        }
        logger.debug(
            "changes were lost: in \(Self.now - start) ms it was seen who holds what, and \(count) by descriptors alone were dropped"
        )
    }

    private func drop(_ node: NodeID, withData: Bool) -> Bool {
        withData
            ? connection.invalidateData(nodeid: node.rawValue)
            : connection.invalidateAttributes(nodeid: node.rawValue)
    }
}
