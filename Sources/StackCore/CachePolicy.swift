import FuseKernel

/// How long the kernel may answer by itself: the one place where timeouts are decided.
public struct CachePolicy: Equatable, Sendable {
    /// What keeps the kernel's caches right.
    public enum Mode: Equatable, Sendable {
        /// Nothing is kept: every lookup and every stat reaches the daemon.
        case none
        /// A change made behind the mount shows after at most so many seconds.
        case timeToLive(seconds: Double)
        /// A ``ChangeSource`` reports changes, and what it sees is kept until it does. What it does not see is kept for a second.
        case watched
    }

    /// How long a name's node, a node's attributes, and a name's absence are kept.
    public struct Timeouts: Equatable, Sendable {
        public var entry: Timeout
        public var attributes: Timeout
        public var negative: Timeout
    }

    public let mode: Mode
    /// Where nothing reports changes.
    public private(set) var unwatched: Timeouts
    /// Where a source reports all changes.
    public private(set) var watched: Timeouts

    /// StackFS's default, one second.
    public static let standard = CachePolicy(mode: .timeToLive(seconds: 1))
    /// Longer than any mount lives.
    static let forEver = 1e9

    /// The policy of a mode, with single timeouts set apart where given (seconds, 0 or more).
    ///
    /// A missing name is not kept unless asked for or watched: a file that appears behind the mount is expected to be found.
    public init(mode: Mode, entry: Double? = nil, attributes: Double? = nil, negative: Double? = nil) {
        self.mode = mode
        let standard: Double
        switch mode {
        case .none: standard = 0
        case .timeToLive(let seconds): standard = seconds
        case .watched: standard = 1
        }
        unwatched = Timeouts(
            entry: Timeout(seconds: entry ?? standard), attributes: Timeout(seconds: attributes ?? standard),
            negative: Timeout(seconds: negative ?? 0))
        watched = unwatched
        guard mode == .watched else { return }
        watched = Timeouts(
            entry: Timeout(seconds: entry ?? Self.forEver), attributes: Timeout(seconds: attributes ?? Self.forEver),
            negative: Timeout(seconds: negative ?? Self.forEver))
    }

    /// Whether attributes are kept for longer than a moment, where a source of this reach watches.
    public func keepsAttributes(_ reach: ChangeReach) -> Bool {
        (reach == .inodes ? watched : unwatched).attributes.seconds > 1
    }

    /// The same for a kernel that cannot be told that all names are to be looked up again (INC_EPOCH, Linux 6.16): should changes be lost,
    /// ten seconds heal names.
    var withoutEpochs: CachePolicy {
        var result = self
        let longest = Timeout(seconds: 10)
        if result.watched.entry.seconds >= longest.seconds { result.watched.entry = longest }
        if result.watched.negative.seconds >= longest.seconds { result.watched.negative = longest }
        return result
    }
}
