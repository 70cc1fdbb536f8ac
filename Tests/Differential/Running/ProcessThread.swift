import CTestCalls
import Dispatch
import Glibc

/// A process on one side, as the kernel's file system code sees one: a thread with its own descriptor table, working directory,
/// umask and root directory, so that record locks have several owners. Its user changes from call to call.
///
/// Threads and not forked processes, as a Swift program cannot go on after fork(2), and switching is cheaper.
///
/// The root directory is the arena. Calls are random and made as root, and symlinks to "/" and ".." are among the things they
/// make: without the confinement they change the machine's own files. Where it cannot be had, no call is made.
final class ProcessThread: @unchecked Sendable {
    private let side: String
    private let clock: EpochClock
    private let stampsAccesses: Bool
    private var thread: WorkerThread?
    private let wanted = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)
    private var job = Job.end

    private enum Job {
        case perform(Step)
        case examine((Stage) -> Void, asRoot: Bool)
        case end
    }
    private var outcome = Outcome(0)
    private var failure: ConfinementError?

    /// Starts the thread, confined to the directory `side`.
    /// - Throws: ``ConfinementError`` when it cannot be confined.
    init(side: String, clock: EpochClock, stampsAccesses: Bool) throws(ConfinementError) {
        _ = Self.survivesBrokenPipes
        self.side = side
        self.clock = clock
        self.stampsAccesses = stampsAccesses
        thread = WorkerThread { self.serve() }
        done.wait()
        if let failure {
            thread?.join()
            throw failure
        }
    }

    /// A write to a FIFO that nobody reads must give EPIPE, not end the program.
    private static let survivesBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    /// Makes a call and gives what it gave.
    func perform(_ step: Step) -> Outcome {
        run(.perform(step))
        return outcome
    }

    /// Looks at the side, in the thread, whose descriptors mean nothing elsewhere.
    /// - Parameter asRoot: needs the same on the other side: to the kernel the user is another one afterwards, who may not give
    ///   names to files that the one before has opened.
    func examine<T>(asRoot: Bool = false, _ body: (Stage) -> T) -> T {
        var found: T?
        withoutActuallyEscaping({ found = body($0) }) { run(.examine($0, asRoot: asRoot)) }
        return found!
    }

    private func run(_ job: Job) {
        self.job = job
        wanted.signal()
        done.wait()
        self.job = .end
    }

    /// Closes what is open and ends the thread.
    func end() {
        run(.end)
        thread?.join()
        thread = nil
    }

    private func serve() {
        guard let stage = confine() else {
            done.signal()
            return
        }
        _ = Kernel.call(TC_umask, Int64(0o022))
        var user = User.root
        done.signal()
        func become(_ next: User) {
            if next != user { next.assume() }
            user = next
        }
        serving: while true {
            wanted.wait()
            switch job {
            case .perform(let step):
                become(step.user)
                outcome = step.call.run(on: stage)
            case .examine(let look, let asRoot):
                if asRoot { become(.root) }
                look(stage)
            case .end: break serving
            }
            done.signal()
        }
        become(.root)
        stage.closeAll()
        done.signal()
    }

    /// Gives the thread its own tables, closes what it inherited, and makes the arena its root directory.
    private func confine() -> Stage? {
        func attempt(_ what: String, _ result: Int64) -> Bool {
            if result < 0 { failure = ConfinementError(description: "\(what) at \(side): \(errnoName(-result))") }
            return result >= 0
        }
        guard attempt("unshare(2)", Kernel.call(TC_unshare, Linux.cloneFiles | Linux.cloneFS)),
            // Copies of the program's descriptors lead out; those of pipes would keep their readers from seeing the end.
            attempt("close_range(2)", Kernel.call(TC_close_range, Int64(3), Int64(UInt32.max), 0))
        else { return nil }
        // The names of this thread's own descriptors, which cannot be reached once "/" is the arena.
        let descriptors = Kernel.openat(Linux.atFdcwd, Path("/proc/thread-self/fd"), TC_O_DIRECTORY)
        let base = Kernel.openat(Linux.atFdcwd, Path(side), TC_O_DIRECTORY)
        guard attempt("open(2) of /proc/thread-self/fd", descriptors), attempt("open(2)", base),
            attempt("fchdir(2)", Kernel.call(TC_fchdir, Int32(base))),
            attempt("chroot(2)", Path.here.withPointer { Kernel.call(TC_chroot, $0) }), isRoot(Int32(base))
        else { return nil }
        return Stage(
            base: Int32(base), ownDescriptors: Int32(descriptors), clock: clock, stampsAccesses: stampsAccesses)
    }

    /// Makes sure that "/" and "/.." are the arena.
    private func isRoot(_ base: Int32) -> Bool {
        var statuses = [tc_statx(), tc_statx(), tc_statx()]
        let results = [
            Kernel.statx(base, .empty, Linux.emptyPath, Linux.timesMask, &statuses[0]),
            Kernel.statx(Linux.atFdcwd, Path("/"), 0, Linux.timesMask, &statuses[1]),
            Kernel.statx(base, Path("../.."), 0, Linux.timesMask, &statuses[2]),
        ]
        let same = statuses.allSatisfy {
            $0.ino == statuses[0].ino && $0.dev_major == statuses[0].dev_major && $0.dev_minor == statuses[0].dev_minor
        }
        if same, results == [0, 0, 0] { return true }
        failure = ConfinementError(description: "chroot(2) at \(side) has no effect")
        return false
    }
}

/// The calls cannot be kept inside their directory, so none is made.
public struct ConfinementError: Error, CustomStringConvertible {
    public let description: String
}
