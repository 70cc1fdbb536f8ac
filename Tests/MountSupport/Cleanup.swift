import Glibc
import Synchronization

/// What must be undone when the program ends, however the tests ended.
///
/// Owners undo things themselves; this list is for tests that leave without doing so (exit in the middle). Against a
/// program that is killed, ``Scratch/sweep()`` clears at the next start.
enum Cleanup {
    private static let actions = Mutex<(next: Int, list: [Int: @Sendable () -> Void])>((0, [:]))
    private static let registered: Void = {
        _ = atexit { Cleanup.runAll() }
    }()

    /// Remembers an action; the last one remembered runs first.
    /// - Returns: what ``forget(_:)`` takes back.
    static func remember(_ action: @escaping @Sendable () -> Void) -> Int {
        _ = registered
        return actions.withLock { state in
            state.next += 1
            state.list[state.next] = action
            return state.next
        }
    }

    static func forget(_ token: Int) { _ = actions.withLock { $0.list.removeValue(forKey: token) } }

    private static func runAll() {
        let left = actions.withLock { $0.list }
        for (_, action) in left.sorted(by: { $0.key > $1.key }) { action() }
    }
}
