import CTestCalls
import Dispatch
import Glibc

/// A process as the kernel's file system code sees one: a thread with its own descriptor table, working directory and umask,
/// so that record locks have several owners. Its user changes from call to call.
///
/// Threads and not forked processes, as a Swift program cannot go on after fork(2), and switching is cheaper.
final class ProcessThread: @unchecked Sendable {
    private let sides: [String]
    private let clock: EpochClock
    private let stampsAccesses: Bool
    private var thread: WorkerThread?
    private let wanted = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)
    private var step: Step?
    private var outcomes: [Outcome] = []

    /// Starts the thread.
    /// - Parameter sides: the directories that calls are made in; each call is made in one after the other.
    init(sides: [String], clock: EpochClock, stampsAccesses: Bool) {
        self.sides = sides
        self.clock = clock
        self.stampsAccesses = stampsAccesses
        thread = WorkerThread { self.serve() }
        done.wait()
    }

    /// Makes a call in each of the directories and gives what it gave in each.
    func perform(_ step: Step) -> [Outcome] {
        self.step = step
        wanted.signal()
        done.wait()
        return outcomes
    }

    /// Closes what is open and ends the thread.
    func end() {
        step = nil
        wanted.signal()
        done.wait()
        thread?.join()
        thread = nil
    }

    private func serve() {
        let unshared = Kernel.call(TC_unshare, Linux.cloneFiles)
        precondition(unshared == 0, "unshare(2): \(errnoName(-unshared))")
        // Copies of the whole program's descriptors; those of pipes would keep their readers from seeing the end.
        _ = Kernel.call(TC_close_range, Int64(3), Int64(UInt32.max), 0)
        _ = Kernel.call(TC_umask, Int64(0o022))
        let stages = sides.map { side in
            // When the directory cannot be opened every call says EBADF, and that is a difference.
            Stage(
                base: Int32(truncatingIfNeeded: Kernel.openat(Linux.atFdcwd, Path(side), TC_O_DIRECTORY)), clock: clock,
                stampsAccesses: stampsAccesses)
        }
        var user = User.root
        done.signal()
        while true {
            wanted.wait()
            guard let step else { break }
            if step.user != user {
                user = step.user
                user.assume()
            }
            outcomes = stages.map { step.call.run(on: $0) }
            done.signal()
        }
        if user != .root { User.root.assume() }
        for stage in stages { stage.closeAll() }
        done.signal()
    }
}
