import MountSupport
import Testing

/// Tests of what the mount does for real programs, as the lower directory would.
@Suite("Programs", .serialized, .enabled(if: Requirements.met, "mount tests need root and /dev/fuse")) enum Programs {}

/// Tests that the mount shows what the lower directory holds, in each respect.
@Suite("Faithfulness", .serialized, .enabled(if: Requirements.met, "mount tests need root and /dev/fuse"))
enum Faithfulness {}

/// One test for each line of LIMITS.md: a deviation that goes away, or grows, is noticed.
@Suite("Limits", .serialized, .enabled(if: Requirements.met, "mount tests need root and /dev/fuse")) struct Limits {}

/// Tests of what becomes of the mount and its users when something goes wrong.
@Suite("Faults", .serialized, .enabled(if: Requirements.met, "mount tests need root and /dev/fuse")) enum Faults {}
@Suite("Coherence", .serialized, .enabled(if: Requirements.met, "mount tests need root and /dev/fuse")) enum Coherence {
}
