import FuseKernel
import Glibc
import Synchronization
import SystemCalls

/// `stackfs cgroup top` on a terminal: looks, keys and signals, until it is told to end.
final class LiveTop {
    private var screen: TopScreen
    /// Looks after the first one, which has no rates; nil for no end.
    private let iterations: Int?
    private let terminal: Terminal
    private let signals: SignalWatch
    private let looks: LookThread
    private var looksTaken = 0
    /// When the next look begins; nil while one is being taken.
    private var due: UInt64?

    /// - Throws: where there is no terminal, and no descriptor or thread to be had.
    init(_ screen: TopScreen, iterations: Int?) throws(Errno) {
        self.screen = screen
        self.iterations = iterations
        terminal = try Terminal()
        signals = try SignalWatch([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH])
        looks = try LookThread()
    }

    /// Returns when the user quits or all looks are taken. The terminal is given back whatever comes.
    func run() throws {
        terminal.take()
        defer { terminal.giveBack() }
        try beginLook()
        draw()
        var waited = [0, signals.descriptor, looks.descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            let count = poll(&waited, 3, milliseconds)
            if count < 0, errno == EINTR { continue }
            if count <= 0 {
                try beginLook()
                continue
            }
            if waited[1].revents != 0 { obey(signals.next()) }
            if waited[2].revents != 0, try !enterLook() { return }
            if waited[0].revents != 0, try !obeyKeys() { return }
            draw()
        }
    }

    /// Until the next look, -1 while one is being taken.
    private var milliseconds: Int32 {
        guard let due else { return -1 }
        let now = monotonicNanoseconds()
        return due <= now ? 0 : Int32(clamping: (due - now + 999_999) / 1_000_000)
    }

    private func beginLook() throws(Errno) {
        due = nil
        try looks.begin(GroupReader(tree: screen.tree, depth: screen.depth))
    }

    /// False when it was the last one.
    private func enterLook() throws -> Bool {
        screen.enter(try looks.result())
        looksTaken += 1
        if let iterations, looksTaken > iterations {
            draw()
            return false
        }
        due = monotonicNanoseconds() + UInt64(screen.interval * 1e9)
        return true
    }

    /// False when the user quits, or the terminal is gone.
    private func obeyKeys() throws -> Bool {
        guard let keys = terminal.keys() else { return false }
        for key in keys {
            switch screen.press(key) {
            case .quit: return false
            case .look: if due != nil { due = 0 }
            case .none: break
            }
        }
        return true
    }

    private func obey(_ signal: Int32) {
        switch signal {
        case SIGWINCH: break
        // Stopped by somebody and going on: the shell had the terminal meanwhile.
        case SIGCONT: terminal.take()
        default:
            terminal.giveBack()
            suffer(signal)
            // It was SIGTSTP, or the process was started to ignore it.
            terminal.take()
        }
    }

    /// Has a signal do what it does by default, so that the shell sees why the process stopped or ended.
    private func suffer(_ signal: Int32) {
        var only = sigset_t()
        sigemptyset(&only)
        sigaddset(&only, signal)
        raise(signal)
        pthread_sigmask(SIG_UNBLOCK, &only, nil)
        pthread_sigmask(SIG_BLOCK, &only, nil)
    }

    private func draw() {
        let size = terminal.size
        let (lines, title) = screen.lines(width: size.width, height: size.height)
        terminal.show(lines, reversed: title)
    }
}

/// Takes looks on threads of their own: whatever the tree's server does, keys and signals are obeyed.
final class LookThread: Sendable {
    private let taken = Mutex<Result<GroupLook, Failure>?>(nil)
    /// Can be read when a look is taken.
    let descriptor: Int32
    private let writing: Int32

    /// - Throws: EMFILE.
    init() throws(Errno) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .last }
        (descriptor, writing) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(writing)
    }

    /// Begins a look; one at a time.
    /// - Throws: EAGAIN without room for a thread.
    func begin(_ reader: GroupReader) throws(Errno) {
        // Groups may lie in groups some hundred levels deep.
        try Thread.start(stackSize: 8 << 20) {
            let result = Result { () throws(Failure) in try reader.look() }
            self.taken.withLock { $0 = result }
            _ = write(self.writing, [1], 1)
        }
    }

    /// The look that was taken.
    func result() throws(Failure) -> GroupLook {
        var byte: UInt8 = 0
        _ = read(descriptor, &byte, 1)
        return try taken.withLock { $0.take() }?.get() ?? [:]
    }
}
