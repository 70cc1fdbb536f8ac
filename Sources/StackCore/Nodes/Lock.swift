import Glibc
import SystemCalls

/// A pthread mutex and what it guards, side by side in raw memory: no object, no reference count, a fixed address.
struct Guarded<State> {
    private var mutex: pthread_mutex_t
    /// Read and written only between ``Swift/UnsafeMutablePointer/lock()`` and `unlock()`.
    var state: State

    fileprivate init(_ state: State) {
        mutex = pthread_mutex_t()
        self.state = state
    }
}

extension UnsafeMutablePointer {
    /// The mutex is the first field, so that its address is that of the whole.
    private var mutex: UnsafeMutablePointer<pthread_mutex_t> {
        UnsafeMutableRawPointer(self).assumingMemoryBound(to: pthread_mutex_t.self)
    }

    /// Builds an unlocked lock around `state` in memory that is not initialised yet.
    func initializeLock<State>(_ state: State) where Pointee == Guarded<State> {
        initialize(to: Guarded(state))
        pthread_mutex_init(mutex, nil)
    }

    func lock<State>() where Pointee == Guarded<State> { pthread_mutex_lock(mutex) }

    func unlock<State>() where Pointee == Guarded<State> { pthread_mutex_unlock(mutex) }
}

/// Zero-filled private memory straight from the kernel: a refusal is an error instead of the trap that Swift's own allocation
/// makes of it, untouched pages cost nothing, and everything goes back to the system when it is unmapped.
enum PrivateMemory {
    /// - Throws: `.enomem`.
    static func map<Element>(_ count: Int, of: Element.Type) throws(Errno) -> UnsafeMutablePointer<Element> {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let length = max(1, count) * MemoryLayout<Element>.stride
        guard let memory = mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED else {
            throw .last
        }
        return memory.bindMemory(to: Element.self, capacity: count)
    }

    /// Gives back what ``map(_:of:)`` gave for the same count.
    static func unmap<Element>(_ memory: UnsafeMutablePointer<Element>, _ count: Int) {
        munmap(memory, max(1, count) * MemoryLayout<Element>.stride)
    }
}
