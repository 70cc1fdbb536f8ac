import CLinux
import FuseKernel
import Glibc
import Synchronization
import SystemCalls

/// Threads that wait for locks: a SETLKW may block for ever, and the workers are few. Each waits in the lower kernel, in its
/// order with all others, and is woken by a signal when its caller was interrupted.
final class LockWaiters: Sendable {
    /// The most locks waited for at a time; one more is ENOLCK.
    private static let limit = 1024
    /// Interrupts that came before their request was waiting; requests are numbered once, so old ones do no harm.
    private static let remembered = 64

    private struct State {
        /// The kernel's thread id by request; 0 before the thread runs.
        var waiting: [UInt64: Int32] = [:]
        var interrupted: Set<UInt64> = []
        var early: [UInt64] = []
        var connection: Connection?
    }

    private let state = Mutex(State())

    private static let wakeUp: Int32 = {
        // A real-time signal: no library uses it. Without SA_RESTART, so that the wait ends with EINTR.
        let signal: Int32 = 40
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }
        sigaction(signal, &action, nil)
        return signal
    }()

    func attach(_ connection: Connection) { state.withLock { $0.connection = connection } }

    /// Waits in a thread of its own and answers the request when `wait`, a system call, returns.
    ///
    /// - Throws: EINTR if the caller was interrupted already, ENOLCK or EAGAIN if there is no room for one more thread.
    func start(unique: UInt64, on descriptor: consuming Descriptor, _ wait: @escaping @Sendable (Int32) -> Int64)
        throws(Errno)
    {
        let number = descriptor.take()
        let refusal = state.withLock { state -> Errno? in
            if let index = state.early.firstIndex(of: unique) {
                state.early.remove(at: index)
                return .eintr
            }
            if state.waiting.count >= Self.limit { return .enolck }
            state.waiting[unique] = 0
            return nil
        }
        do throws(Errno) {
            if let refusal { throw refusal }
            try Thread.start(stackSize: 64 << 10) { [self] in
                allowWakeUp()
                let result = waitUnlessInterrupted(unique, number, wait)
                _ = linux_close(number)
                finish(unique, result)
            }
        } catch {
            _ = linux_close(number)
            state.withLock { _ = $0.waiting.removeValue(forKey: unique) }
            throw error
        }
    }

    private func allowWakeUp() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, Self.wakeUp)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    private func waitUnlessInterrupted(_ unique: UInt64, _ descriptor: Int32, _ wait: (Int32) -> Int64) -> Int64 {
        let thread = Int32(linux_gettid())
        while true {
            let isInterrupted = state.withLock { state in
                state.waiting[unique] = thread
                return state.interrupted.contains(unique)
            }
            if isInterrupted { return Int64(-EINTR) }
            let result = wait(descriptor)
            // A signal that was not meant for this request leaves the wait to be gone on with.
            if result != Int64(-EINTR) { return result }
        }
    }

    private func finish(_ unique: UInt64, _ result: Int64) {
        let connection = state.withLock { state in
            state.waiting.removeValue(forKey: unique)
            state.interrupted.remove(unique)
            return state.connection
        }
        connection?.answer(unique, result < 0 ? Errno(rawValue: Int32(-result)) : nil)
    }

    /// INTERRUPT: ends the wait of a request.
    ///
    /// The signal may come just before the thread enters the system call and be lost, so it is sent until the wait has ended.
    func interrupt(unique: UInt64) {
        let isWaiting = state.withLock { state in
            if state.waiting[unique] != nil {
                state.interrupted.insert(unique)
                return true
            }
            state.early.append(unique)
            if state.early.count > Self.remembered { state.early.removeFirst() }
            return false
        }
        guard isWaiting else { return }
        let process = getpid()
        while let thread = state.withLock({ $0.waiting[unique] }) {
            if thread != 0 { _ = linux_tgkill(process, thread, Self.wakeUp) }
            usleep(500)
        }
    }
}
