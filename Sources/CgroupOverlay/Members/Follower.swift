import Glibc
import SystemCalls

/// A thread that looks at the machine's processes from time to time, so that watchers of cgroup.events learn of exits and
/// children find their groups while nobody reads; not while all processes are in roots. It also looks at figures and limits, and saves
/// the state.
public final class Follower: Sendable {
    private let tree: CgroupTree
    private let lock = Lock()
    private nonisolated(unsafe) var isEnding = false
    private nonisolated(unsafe) var thread = pthread_t()

    /// The pause between two looks in nanoseconds: so long that looking takes at most a twentieth of a processor, but never so
    /// long that watchers learn of an exit half a second late.
    private static let shortest: UInt64 = 50_000_000
    private static let longest: UInt64 = 400_000_000
    /// Between two looks at figures, where no limit asks for more of them; and how long figures alone wait to be saved.
    private static let betweenLooks: UInt64 = 1_000_000_000
    private static let betweenSaves: UInt64 = 10_000_000_000

    /// Starts the thread, with all signals blocked; after the process has confined itself, which it does while it has one thread.
    /// - Throws: EAGAIN.
    public init(_ tree: CgroupTree) throws(Errno) {
        self.tree = tree
        var everySignal = sigset_t()
        var before = sigset_t()
        sigfillset(&everySignal)
        pthread_sigmask(SIG_SETMASK, &everySignal, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let argument = Unmanaged.passRetained(self).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Follower>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, argument)
        if result != 0 {
            Unmanaged<Follower>.fromOpaque(argument).release()
            throw Errno(rawValue: result)
        }
    }

    /// Ends the thread and waits for it, and saves the state; once only.
    public func stop() {
        lock.lock()
        isEnding = true
        lock.unlock()
        pthread_join(thread, nil)
        if tree.hasMembers { tree.mustSave() }
        try? tree.saveState()
    }

    private var mustEnd: Bool {
        lock.lock()
        defer { lock.unlock() }
        return isEnding
    }

    private func run() {
        var saved = monotonicTime()
        var savedFigures = saved
        var nextLook = saved
        let limits = LimitWatch(tree)
        while !mustEnd {
            let began = threadTime()
            let hasMembers = tree.hasMembers
            if hasMembers { tree.followProcesses() }
            let took = threadTime() - began
            if hasMembers && monotonicTime() >= nextLook {
                let began = threadTime()
                let isUrgent = limits.look()
                let pause = max((threadTime() - began) * 40, isUrgent ? Self.shortest * 2 : Self.betweenLooks)
                nextLook = monotonicTime() + min(pause, Self.betweenLooks * 10)
            }
            sleep(min(max(took * 20, Self.shortest), Self.longest))
            if monotonicTime() - saved > 1_000_000_000 {
                saved = monotonicTime()
                if hasMembers && saved - savedFigures > Self.betweenSaves {
                    savedFigures = saved
                    tree.mustSave()
                }
                try? tree.saveState()
            }
        }
    }

    private func sleep(_ nanoseconds: UInt64) {
        var rest = nanoseconds
        while rest > 0 && !mustEnd {
            let part = min(rest, 100_000_000)
            var time = timespec(tv_sec: 0, tv_nsec: Int(part))
            nanosleep(&time, nil)
            rest -= part
        }
    }
}

extension CgroupTree {
    /// Figures have gone on.
    fileprivate func mustSave() { try? locked { state throws(Errno) in state.needsSaving = true } }

    /// Whether any process is in a group other than a root.
    var hasMembers: Bool {
        (try? locked { state throws(Errno) in
            state.hierarchies.contains { !$0.groupOfProcess.isEmpty || !$0.groupOfThread.isEmpty }
        }) ?? false
    }
}
