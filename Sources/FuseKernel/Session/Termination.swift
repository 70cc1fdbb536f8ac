import CLinux
import Glibc
import Logging
import SystemCalls

/// Signals as something to wait for: they are blocked in the whole process and read from a descriptor.
///
/// Make it before any thread is started, as threads inherit the mask.
public final class SignalWatch: Sendable {
    /// Can be read (poll(2)) when there is a signal.
    public let descriptor: Int32

    /// Watches the given signals (signal(7)).
    public init(_ signals: [Int32]) throws(Errno) {
        var blocked = sigset_t()
        sigemptyset(&blocked)
        var mask: UInt64 = 0
        for signal in signals {
            sigaddset(&blocked, signal)
            mask |= 1 << UInt64(signal - 1)
        }
        pthread_sigmask(SIG_BLOCK, &blocked, nil)
        descriptor = Int32(try checked(linux_signalfd(&mask, LINUX_O_CLOEXEC)))
    }

    deinit { _ = linux_close(descriptor) }

    /// The next signal; blocks until there is one.
    public func next() -> Int32 {
        // struct signalfd_siginfo: 128 bytes, the signal's number first.
        var information = [UInt32](repeating: 0, count: 32)
        let length = information.withUnsafeMutableBytes { linux_read(descriptor, $0.baseAddress!, $0.count) }
        return length == 128 ? Int32(information[0]) : 0
    }
}

/// How a session ended.
public enum SessionEnd: Equatable, Sendable {
    /// Somebody unmounted the file system, or the connection was aborted.
    case connectionEnded
    /// A worker could not go on, and the mount was detached: those who used it get errors once the connection is closed.
    case workerFailed
    /// A signal came, and the mount was taken down in order.
    case signal(Int32)
    /// A signal came while the mount was in use: it was detached, everything written, and those who still use it get errors.
    case signalWhileBusy(Int32)
}

extension Session {
    /// How long users of a busy mount have to leave after a signal, in milliseconds.
    private var grace: Int32 { 5_000 }

    /// Serves until the file system is unmounted or a signal asks for it.
    ///
    /// SIGUSR1 and SIGUSR2 do not end the session: `other` is called with their numbers.
    public func serve(_ mount: Mount?, _ signals: SignalWatch, other: (Int32) -> Void) -> SessionEnd {
        while true {
            switch wait(signals, milliseconds: -1) {
            case .ended:
                guard hasFailed else { return .connectionEnded }
                try? mount?.unmount(lazily: true)
                return .workerFailed
            case .signal(let signal) where signal == SIGUSR1 || signal == SIGUSR2: other(signal)
            case .signal(let signal): return takeDown(mount, signals, signal)
            case .timeout: continue
            }
        }
    }

    private func takeDown(_ mount: Mount?, _ signals: SignalWatch, _ signal: Int32) -> SessionEnd {
        guard let mount else { return .signal(signal) }
        do throws(Errno) {
            try mount.unmount(lazily: false)
            _ = wait(signals, milliseconds: grace)
            return .signal(signal)
        } catch {
            logger.notice("\(mount.path) is in use (\(error)): detaching it; signal again to end at once")
        }
        // Dirty pages of shared mappings are written while the workers still serve.
        let root = linux_openat(LINUX_AT_FDCWD, mount.path, LINUX_O_DIRECTORY | LINUX_O_CLOEXEC, 0)
        if root >= 0 {
            _ = linux_syncfs(Int32(root))
            _ = linux_close(Int32(root))
        }
        try? mount.unmount(lazily: true)
        if case .ended = wait(signals, milliseconds: grace) { return .signal(signal) }
        return .signalWhileBusy(signal)
    }

    /// Waits for the end of the connection, or a signal, whichever is first; `milliseconds` -1 waits for ever.
    private func wait(_ signals: SignalWatch, milliseconds: Int32) -> Wake {
        var waiting = [
            pollfd(fd: endDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let count = poll(&waiting, 2, milliseconds)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return .timeout }
            return waiting[0].revents != 0 ? .ended : .signal(signals.next())
        }
    }
}

private enum Wake {
    case ended
    case signal(Int32)
    case timeout
}
