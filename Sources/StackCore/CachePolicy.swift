import FuseKernel

/// How long the kernel may answer by itself: the one place where timeouts are decided.
///
/// For now time alone keeps the mount coherent; watchers of the lower directory will be further modes.
public struct CachePolicy: Equatable, Sendable {
    /// What keeps the kernel's caches right.
    public enum Mode: Equatable, Sendable {
        /// Nothing is kept: every lookup and every stat reaches the daemon.
        case none
        /// A change made behind the mount shows after at most so many seconds.
        case timeToLive(seconds: Double)
    }

    public let mode: Mode
    /// How long a name's node, a node's attributes, and a name's absence are kept.
    public let entry: Timeout
    public let attributes: Timeout
    public let negative: Timeout

    /// StackFS's default, one second.
    public static let standard = CachePolicy(mode: .timeToLive(seconds: 1))

    /// The policy of a mode, with single timeouts set apart where given (seconds, 0 or more).
    ///
    /// A missing name is not kept unless asked for: a file that appears behind the mount is expected to be found.
    public init(mode: Mode, entry: Double? = nil, attributes: Double? = nil, negative: Double? = nil) {
        self.mode = mode
        let standard: Double
        switch mode {
        case .none: standard = 0
        case .timeToLive(let seconds): standard = seconds
        }
        self.entry = Timeout(seconds: entry ?? standard)
        self.attributes = Timeout(seconds: attributes ?? standard)
        self.negative = Timeout(seconds: negative ?? 0)
    }
}
