import CLinux
import Glibc
import SystemCalls

/// POSIX threads: the request path knows no executor and no task.
public enum Thread {
    /// Asks for short slices for the calling thread, which does little at a time: it then runs as soon as it is woken, also where others
    /// compute (sched(7); Linux 6.12). Elsewhere nothing changes.
    public static func askForShortSlices() {
        var attributes = linux_sched_attributes()
        attributes.size = UInt32(MemoryLayout<linux_sched_attributes>.size)
        attributes.runtime = 100_000
        _ = linux_sched_setattr(0, &attributes)
    }

    /// Leaves the table of descriptors that the process's threads share, with a copy of `kept` and of standard error alone.
    ///
    /// For a thread that may wait in the kernel for who waits for the daemon. When the daemon is killed, such a thread cannot end, and as
    /// long as it shares the table nothing in it is closed: not /dev/fuse either, which would end the waiting.
    /// False, and the table shared still, before Linux 5.9.
    public static func leaveDescriptors(but kept: [Int32]) -> Bool {
        Descriptor.closeAll(from: 0, but: [STDERR_FILENO] + kept, flags: LINUX_CLOSE_RANGE_UNSHARE)
    }

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a detached thread with all signals blocked; `stackSize` is in bytes.
    ///
    /// - Throws: EAGAIN where the system has no room for another thread.
    public static func start(stackSize: Int = 256 << 10, _ run: @escaping @Sendable () -> Void) throws(Errno) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackSize)
        var everySignal = sigset_t()
        var before = sigset_t()
        sigfillset(&everySignal)
        pthread_sigmask(SIG_SETMASK, &everySignal, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let body = Unmanaged.passRetained(Body(run))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        if result != 0 {
            body.release()
            throw Errno(rawValue: result)
        }
    }
}
