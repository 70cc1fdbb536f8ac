/// Something that the mount cannot do as its lower file system does; LIMITS.md says so.
struct Deviation: Sendable {
    /// Why the mount cannot do better.
    let reason: String
    /// The heading of the entry in LIMITS.md.
    let limit: String
    /// Calls that are not made: those that leave different things behind on the two sides. A test of its own shows each.
    var skips: @Sendable (any Call) -> Bool = { _ in false }
    /// Differences that are accepted. The call is nil for a difference of trees.
    var accepts: @Sendable (Difference, (any Call)?) -> Bool = { _, _ in false }
}

/// The one list of accepted deviations. A comparison is never loosened anywhere else.
enum Deviations {
    static let all: [Deviation] = [
        Deviation(
            reason: """
                The FUSE client of the kernel answers fallocate(2) with EOPNOTSUPP for every mode but KEEP_SIZE, PUNCH_HOLE and \
                ZERO_RANGE, and asks nobody (fuse_file_fallocate).
                """,
            limit: "fallocate(2): COLLAPSE_RANGE, INSERT_RANGE, UNSHARE_RANGE, WRITE_ZEROES",
            skips: { ($0 as? Allocate).map { $0.mode.rawValue & ~0x13 != 0 } ?? false }),
        Deviation(
            reason: "FUSE tells the daemon the flags of an open file when it is opened, and not when they change.",
            limit: "O_DIRECT set by fcntl(F_SETFL)",
            skips: { $0 is SwitchDirect }),
    ]

    static func skips(_ call: any Call) -> Bool { all.contains { $0.skips(call) } }

    static func accepts(_ difference: Difference, of call: (any Call)?) -> Bool {
        all.contains { $0.accepts(difference, call) }
    }
}
