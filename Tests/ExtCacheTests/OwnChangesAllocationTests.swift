import CAllocationCounter
import StackCore
import Testing

@testable import ExtCache

#if DEBUG
    private let isOptimised = false
#else
    private let isOptimised = true
#endif

@Suite struct OwnChangesAllocationTests {
    /// What is noted on the way of a request.
    @Test(
        .enabled(if: isOptimised, "only optimised code is held to it: scripts/test.sh runs it so, as 'allocations'"))
    func notesAllocateNothing() {
        let own = OwnChanges()
        let name = Array("a name of some length".utf8)
        func note(_ rounds: UInt64) -> (allocations: UInt64, noted: Int) {
            let before = allocation_count()
            var noted = 0
            for round in 0..<rounds {
                let directory = NodeID(rawValue: 2 + round)
                let place = name.withUnsafeBytes { own.begin(.made, $0, in: directory, inode: 0) }
                if let place {
                    _ = own.end(.made, at: place, succeeded: round % 2 == 0)
                    noted += 1
                }
            }
            return (allocation_count() - before, noted)
        }
        _ = note(3)
        let (allocations, noted) = note(5000)
        #expect(allocations == 0 && noted == 5000)
    }
}
