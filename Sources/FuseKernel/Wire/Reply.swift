import CLinux
import SystemCalls

/// The body of a reply, written where it will be sent from: a worker's own buffer, whose first byte is page-aligned so that
/// a lower file open with O_DIRECT can be read straight into it.
public struct Reply: ~Copyable {
    /// The request that is answered.
    public let unique: UInt64
    /// Where the body begins.
    @usableFromInline let start: UnsafeMutableRawPointer
    /// The most bytes a body may have.
    public let capacity: Int
    /// The bytes written so far.
    public internal(set) var count = 0
    /// False once nothing is to be sent now: FORGET, or a reply that somebody sends later.
    private(set) var isDue = true
    private var isOmitted = false
    /// Somebody sends it later.
    var isPostponed: Bool { !isDue && !isOmitted }

    init(unique: UInt64, start: UnsafeMutableRawPointer, capacity: Int) {
        self.unique = unique
        self.start = start
        self.capacity = capacity
    }

    /// Appends a structure of the protocol.
    ///
    /// - Throws: ERANGE if the buffer is full, which only a malformed request can bring about.
    public mutating func append<T: BitwiseCopyable>(_ value: T) throws(Errno) {
        guard capacity - count >= MemoryLayout<T>.size else { throw .erange }
        (start + count).storeBytes(of: value, as: T.self)
        count += MemoryLayout<T>.size
    }

    /// The free part of the buffer, at most `limit` bytes; ``advance(by:)`` says how many were written.
    public func room(upTo limit: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: start + count, count: max(0, min(limit, capacity - count)))
    }

    /// Counts bytes written into ``room(upTo:)``.
    public mutating func advance(by written: Int) {
        precondition(written >= 0 && written <= capacity - count)
        count += written
    }

    /// What has been written so far, to be changed in place.
    public var written: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: start, count: count) }

    /// Takes back everything written.
    public mutating func clear() { count = 0 }

    /// Sends nothing now. Whoever asks for it owes the caller an answer through ``Connection/answer(_:_:)``; an error
    /// thrown after it is sent all the same.
    public mutating func postpone() { isDue = false }

    /// For requests that have no reply (FORGET, INTERRUPT): not even an error.
    mutating func omit() {
        isDue = false
        isOmitted = true
    }

    /// An error is the answer: nothing that was written counts.
    mutating func fail() {
        clear()
        isDue = !isOmitted
    }
}

extension Errno {
    /// The number as a reply can carry it. The kernel takes 1 to 511 and lets the caller of anything else wait for ever; some
    /// lower file systems give out numbers that are the kernel's own (524, ENOTSUPP, of NFS).
    var numberInReply: Int32 { 1...511 ~= rawValue ? rawValue : Errno.eio.rawValue }
}

/// Timeouts as the protocol carries them.
public struct Timeout: Equatable, Sendable {
    public let seconds: UInt64
    public let nanoseconds: UInt32

    public static let none = Timeout(seconds: 0, nanoseconds: 0)
    /// Longer than any mount lives.
    public static let forEver = Timeout(seconds: 1_000_000_000, nanoseconds: 0)

    public init(seconds: UInt64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// A timeout of fractional seconds, 0 or more; what is beyond 10^9 seconds is taken as that.
    public init(seconds: Double) {
        let bounded = min(max(seconds, 0), 1e9)
        self.seconds = UInt64(bounded)
        nanoseconds = UInt32((bounded - bounded.rounded(.down)) * 1e9)
    }
}
