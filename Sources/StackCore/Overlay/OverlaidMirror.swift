import CLinux
import FuseKernel
import Glibc
import Synchronization
import SystemCalls

/// A mirror with overlays spliced in, or overlays alone.
///
/// It is a file system in front of the mirror and not a part of it: a mount without overlays pays nothing for them. What a request is
/// for is seen from its node's number; only names that occur in an overlay's place make it ask where a directory is.
///
/// Files of overlays are read and written directly. Their attributes change by requests alone, and their names too, or by writing to files
/// that are known for it (``Overlay/changesNames(_:)``): so the kernel keeps both.
public final class OverlaidMirror: FileSystem {
    /// Nil where there is no lower directory: then the overlay whose place is "/" is everything.
    public let mirror: Mirror?
    let overlays: [any Overlay]
    let places: OverlayPlaces
    /// The overlay at the mount's root, if there is one.
    let rootOverlay: Int?
    let ways = WayTable()
    let pollers: Pollers
    let modifications: ModificationEvents
    let created: Int64
    /// Where all names can be expired at once (INC_EPOCH, 7.44). Set before anything is served.
    nonisolated(unsafe) private var expiring: Connection?

    /// - Parameter overlays: with their places; of several at one place the first one is shown. At most 63.
    /// - Throws: what eventfd(2) gives; EINVAL for too many, or for none at "/" without a mirror.
    public init(_ mirror: Mirror?, _ overlays: [(place: OverlayPattern, overlay: any Overlay)]) throws(Errno) {
        self.mirror = mirror
        self.overlays = overlays.map(\.overlay)
        places = OverlayPlaces(patterns: overlays.map(\.place))
        rootOverlay = overlays.firstIndex { $0.place.components.isEmpty }
        if overlays.count > OverlaidNode.mostOverlays || (mirror == nil && rootOverlay == nil) { throw .einval }
        pollers = Pollers()
        modifications = try ModificationEvents(pollers)
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        created = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
        for (index, overlay) in self.overlays.enumerated() {
            overlay.onChange { [modifications] node in modifications.changed(OverlaidNode.number(index, node)) }
        }
    }

    /// What the mirror wants, with an OPEN and OPENDIR for everything: overlays need them.
    public var wantedFlags: InitFlags {
        let flags =
            mirror?.wantedFlags ?? [.asyncRead, .dontMask, .asyncDirectIO, .parallelDirectoryOperations, .abortError]
        return flags.subtracting([.noOpen, .noOpendir]).union(.atomicTruncate)
    }

    public func attach(_ connection: Connection, _ negotiation: Negotiation) {
        mirror?.attach(connection, negotiation)
        pollers.attach(connection)
        if negotiation.minorVersion >= 44 { expiring = connection }
    }

    /// How long the kernel keeps a name in an overlay.
    var nameTimeout: Timeout { expiring == nil ? .none : .forEver }

    /// How long it keeps the place of one, and the way there, which depend on the lower directory.
    var placeTimeout: Timeout {
        expiring == nil ? .none : mirror?.cache.unwatched.entry ?? .forEver
    }

    /// What names were answered with does not hold any more.
    func namesChanged() { expiring?.expireEntries() }

    /// Has inotify(7) tell of changes in files of overlays from now on, as long as the process lasts; once the daemon serves. It takes
    /// CAP_DAC_READ_SEARCH, without which nothing is told.
    /// - Throws: EAGAIN.
    public func tellModifications(of mount: Mount) throws(Errno) {
        try modifications.begin(mount.path, connection: mount.connectionNumber)
    }

    public func threadWillServe() throws(Errno) { try mirror?.threadWillServe() }

    /// The node that a request is on.
    func node(_ nodeid: UInt64) throws(Errno) -> OverlaidNode {
        if nodeid == NodeID.root.rawValue, let rootOverlay { return .overlay(rootOverlay, overlays[rootOverlay].root) }
        let node = OverlaidNode(nodeid)
        if case .overlay(let index, _) = node, !overlays.indices.contains(index) { throw .estale }
        return node
    }

    /// The mirror, for what is its own.
    func lower() throws(Errno) -> Mirror {
        guard let mirror else { throw .estale }
        return mirror
    }

    /// What stands at a name of one of the mirror's directories; the path is asked for only where the name may matter.
    func place(of name: String, in directory: UInt64) throws(Errno) -> (OverlayPlace, path: [String]) {
        guard places.mayMatter(name), let path = try lower().path(of: directory) else { return (.lower, []) }
        return (places.place(of: name, in: path), path)
    }
}

/// Who waits in poll(2) for a change of an overlay's file.
final class Pollers: Sendable {
    private struct State {
        var connection: Connection?
        /// The kernel's handles of waiting files, by node, then by our handle.
        var waiting: [UInt64: [UInt64: UInt64]] = [:]
    }
    private let state = Mutex(State())

    func attach(_ connection: Connection) { state.withLock { $0.connection = connection } }

    func add(_ nodeid: UInt64, handle: UInt64, kernelHandle: UInt64) {
        state.withLock { $0.waiting[nodeid, default: [:]][handle] = kernelHandle }
    }

    func remove(_ nodeid: UInt64, handle: UInt64) {
        state.withLock { state in
            state.waiting[nodeid]?[handle] = nil
            if state.waiting[nodeid]?.isEmpty ?? false { state.waiting[nodeid] = nil }
        }
    }

    /// FUSE_NOTIFY_POLL to all who wait for the node, once: they ask again.
    func wake(_ nodeid: UInt64) {
        let (connection, handles) = state.withLock { ($0.connection, $0.waiting.removeValue(forKey: nodeid) ?? [:]) }
        for handle in handles.values { connection?.wakePoll(kernelHandle: handle) }
    }
}
