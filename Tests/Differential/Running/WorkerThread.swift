import CTestCalls
import Glibc

/// A thread with a working directory and a umask of its own.
final class WorkerThread: @unchecked Sendable {
    private let body: @Sendable () -> Void
    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
        let error = pthread_create(
            &thread, nil,
            {
                let worker = Unmanaged<WorkerThread>.fromOpaque($0!).takeRetainedValue()
                _ = Kernel.call(TC_unshare, Linux.cloneFS)
                worker.body()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(error == 0, "pthread_create: \(errnoName(Int64(error)))")
    }

    func join() { pthread_join(thread, nil) }
}
