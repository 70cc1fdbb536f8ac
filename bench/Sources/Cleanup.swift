import Foundation
import Synchronization

/// What has to be undone, last first, however the benchmark ends: at the end, at an error, at SIGINT, SIGTERM and SIGHUP.
final class Cleanup: Sendable {
    static let shared = Cleanup()

    private struct State {
        var actions: [(id: Int, run: @Sendable () -> Void)] = []
        var next = 0
        var stopping = false
    }

    private let state = Mutex(State())

    /// Does something and notes how it is undone, with no signal in between.
    ///
    /// Once a signal has come this never returns: the process is about to end.
    /// - Returns: what the action returned, and a number for ``undo(_:)``.
    func perform<Value: Sendable>(
        _ action: @Sendable () throws -> Value, undo: @escaping @Sendable (Value) -> Void
    ) throws -> (Value, Int) {
        let result: (Value, Int)? = try state.withLock { state in
            if state.stopping { return nil }
            let value = try action()
            state.next += 1
            state.actions.append((state.next, { undo(value) }))
            return (value, state.next)
        }
        guard let result else { Self.waitForTheEnd() }
        return result
    }

    /// Undoes one action now.
    func undo(_ id: Int) {
        let action = state.withLock { state in
            state.actions.firstIndex { $0.id == id }.map { state.actions.remove(at: $0) }
        }
        action?.run()
    }

    /// Undoes all that is left.
    func undoAll(stopping: Bool = false) {
        let others = state.withLock { state in
            defer { if stopping { state.stopping = true } }
            return state.stopping
        }
        if others { Self.waitForTheEnd() }
        while let action = state.withLock({ $0.actions.popLast() }) { action.run() }
    }

    /// For the main thread, while the watching thread cleans up and exits.
    private static func waitForTheEnd() -> Never {
        while true { pause() }
    }

    /// From here on the signals that end a process clean up first.
    func watchSignals() {
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
        // Before any thread is there, so that all inherit the mask.
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let watched = signals
        Thread.detachNewThread {
            var watched = watched
            var signal: Int32 = 0
            sigwait(&watched, &signal)
            FileHandle.standardError.write(Data("\nstackfs-bench: interrupted, cleaning up\n".utf8))
            self.undoAll(stopping: true)
            _exit(128 + signal)
        }
    }
}
