import CLinux
import Glibc
import SystemCalls

/// What INIT settled between kernel and daemon.
public struct Negotiation: Sendable {
    /// The protocol that both speak.
    public let minorVersion: UInt32
    /// The bits that the kernel offered, those that the daemon asked for, and those both: in force.
    public let offered: InitFlags
    public let wanted: InitFlags
    public var inForce: InitFlags { offered.intersection(wanted) }
    public let maxWrite: UInt32
    public let maxReadahead: UInt32
}

extension Negotiation {
    static let protocolMajor: UInt32 = 7
    /// The newest minor version whose messages ``Wire`` knows.
    static let newestMinor: UInt32 = 45
    /// Linux 5.15.
    static let oldestMinor: UInt32 = 34
    /// The kernel's bound for requests in the background, and for when it holds writers back.
    private static let maxBackground: UInt16 = 64
    private static let congestionThreshold: UInt16 = 48

    /// Settles what `request` offers with what `options` want.
    static func settle(
        _ request: fuse_init_in, _ options: SessionOptions, pageSize: Int = sysconf(Int32(_SC_PAGESIZE))
    ) throws(SessionError) -> (Negotiation, fuse_init_out) {
        guard request.major == protocolMajor, request.minor >= oldestMinor else {
            throw .protocolTooOld(major: request.major, minor: request.minor)
        }
        var offered = InitFlags(rawValue: UInt64(request.flags))
        if offered.contains(.initExtended) {
            offered.formUnion(InitFlags(rawValue: UInt64(request.flags2) << 32))
        }
        var wanted = options.wanted.union([.initExtended, .maxPages, .bigWrites])
        // The kernel does not do both, and keeps the former.
        if offered.intersection(wanted).contains(.writebackCache) { wanted.remove(.passthrough) }
        let negotiation = Negotiation(
            minorVersion: min(request.minor, newestMinor),
            offered: offered,
            wanted: wanted,
            maxWrite: UInt32(options.maxWrite),
            maxReadahead: min(request.max_readahead, options.maxReadahead ?? .max))
        var answer = fuse_init_out()
        answer.major = protocolMajor
        answer.minor = negotiation.minorVersion
        answer.max_readahead = negotiation.maxReadahead
        answer.flags = negotiation.inForce.low
        answer.flags2 = negotiation.inForce.high
        answer.max_background = maxBackground
        answer.congestion_threshold = congestionThreshold
        answer.max_write = negotiation.maxWrite
        // In the kernel's pages, of 4 to 64 KiB: it also bounds a READ, whose reply must fit a worker's buffer.
        answer.max_pages = UInt16(clamping: max(1, options.maxWrite / pageSize))
        answer.time_gran = 1
        // Without a depth the kernel would not pass anything through.
        if negotiation.inForce.contains(.passthrough) { answer.max_stack_depth = options.stackDepth }
        return (negotiation, answer)
    }
}
