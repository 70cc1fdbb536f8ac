import FuseKernel
import Glibc
import Synchronization
import SystemCalls

/// Ends the process with a word if a request is not answered in time: a test that hangs says nothing.
final class Watchdog: Sendable {
    private let current = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)

    /// - Parameter describe: what to say of the request that hangs, from its number.
    init(seconds: Int, _ describe: @escaping @Sendable (Int) -> String) throws(Errno) {
        try Thread.start { [self] in
            var last = -1
            var since = monotonicSeconds()
            while !isOver.load(ordering: .relaxed) {
                usleep(200_000)
                let now = current.load(ordering: .relaxed)
                if now != last {
                    (last, since) = (now, monotonicSeconds())
                } else if monotonicSeconds() - since > Double(seconds) {
                    fatalError("no answer in \(seconds) s: \(describe(now))")
                }
            }
        }
    }

    /// Request `number` begins.
    func begin(_ number: Int) { current.store(number, ordering: .relaxed) }

    func end() { isOver.store(true, ordering: .relaxed) }
}
