/// A difference that is accepted: the mount cannot do better, and LIMITS.md says so.
struct Deviation: Sendable {
    /// Which step or tree it is about.
    let matches: @Sendable (Difference, (any Call)?) -> Bool
    /// Why the mount cannot behave as the lower file system does.
    let reason: String
    /// The heading of the entry in LIMITS.md.
    let limit: String
}

/// The one list of accepted differences. A comparison is never loosened anywhere else.
enum Deviations {
    static let all: [Deviation] = []

    static func accepts(_ difference: Difference, of call: (any Call)?) -> Bool {
        all.contains { $0.matches(difference, call) }
    }
}
