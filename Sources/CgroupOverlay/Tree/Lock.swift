import Glibc
import SystemCalls

/// A mutex of POSIX threads at a fixed address.
final class Lock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init() {
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }

    func held<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }
}
