import CLinux

/// The capability sets of one thread that capset(2) changes, a bit for each capability.
struct CapabilitySets: Equatable {
    var effective: UInt64
    var permitted: UInt64
    var inheritable: UInt64

    static func bit(_ capability: UInt32) -> UInt64 { 1 << UInt64(capability) }

    /// Those of the calling thread.
    static var ofThisThread: CapabilitySets {
        var header = linux_cap_header(version: LINUX_CAP_VERSION_3, pid: 0)
        // Two structures of three words each: low halves, then high halves.
        var words: InlineArray<6, UInt32> = InlineArray(repeating: 0)
        _ = withUnsafeMutableBytes(of: &words) { linux_capget(&header, $0.baseAddress!) }
        return CapabilitySets(
            effective: UInt64(words[0]) | UInt64(words[3]) << 32,
            permitted: UInt64(words[1]) | UInt64(words[4]) << 32,
            inheritable: UInt64(words[2]) | UInt64(words[5]) << 32)
    }

    /// Gives the calling thread these sets; the result is that of capset(2).
    func apply() -> Int64 {
        var header = linux_cap_header(version: LINUX_CAP_VERSION_3, pid: 0)
        var words: InlineArray<6, UInt32> = InlineArray(repeating: 0)
        words[0] = UInt32(truncatingIfNeeded: effective)
        words[1] = UInt32(truncatingIfNeeded: permitted)
        words[2] = UInt32(truncatingIfNeeded: inheritable)
        words[3] = UInt32(truncatingIfNeeded: effective >> 32)
        words[4] = UInt32(truncatingIfNeeded: permitted >> 32)
        words[5] = UInt32(truncatingIfNeeded: inheritable >> 32)
        return withUnsafeMutableBytes(of: &words) { linux_capset(&header, $0.baseAddress!) }
    }
}
