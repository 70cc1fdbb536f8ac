import CLinux
import Glibc
import SystemCalls

/// Who waits for the mount: a process in front that ends with the right exit status once the mount stands, or nobody.
struct Background {
    /// The pipe to the process in front; nil in the foreground.
    private let front: Int32?

    /// Stays in the foreground.
    static let none = Background(front: nil)

    private init(front: Int32?) { self.front = front }

    /// In the process in the background: how it reaches the one in front, which has started it. Nil in every other one.
    static func ofThisProcess() -> Background? {
        guard let text = getenv(variable), let number = Int32(String(cString: text)), number > 2 else { return nil }
        unsetenv(variable)
        var status = stat()
        guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return nil }
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        // What ps(1) and killall(1) show is "exe" else, the name by which it was started.
        let name = CommandLine.arguments.first?.split(separator: "/").last ?? "stackfs"
        _ = String(name).withCString { linux_prctl(LINUX_PR_SET_NAME, Int(bitPattern: $0), 0) }
        return Background(front: number)
    }

    private static let variable = "STACKFS_FRONT"

    /// Starts this program again, with the same command line, as the process in the background, and ends with its verdict.
    ///
    /// Not by a mere fork(2): Swift's runtime remembers the number of each thread, and would take that of the process in front for the
    /// main thread's. A lock of its, waited for by another thread, would stay locked for ever once that process has ended (FUTEX_LOCK_PI).
    static func start() throws(Failure) -> Never {
        var ends: [Int32] = [-1, -1]
        guard closingPipe(&ends), fcntl(ends[1], F_SETFD, 0) == 0 else { throw .unable("no pipe: \(Errno.last)") }
        setenv(variable, "\(ends[1])", 1)
        var child = pid_t()
        let result = posix_spawn(&child, "/proc/self/exe", nil, nil, CommandLine.unsafeArgv, environ)
        guard result == 0 else {
            let error = Errno(rawValue: result)
            throw .unable("no process in the background, for which /proc/self/exe is started (\(error)): try -f")
        }
        close(ends[1])
        waitInFront(ends[0])
    }

    /// Closes what was inherited beyond the standard descriptors: whoever waits for the other end of a pipe must not wait for
    /// the mount's end. Must be called before anything is opened.
    static func closeInherited(except descriptor: Int32?, _ background: Background?) {
        Descriptor.closeAll(from: 3, but: [descriptor, background?.front].compactMap { $0 })
    }

    /// Waits for the verdict, one byte, the exit status; the sentence about a failure follows it.
    private static func waitInFront(_ verdict: Int32) -> Never {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let length = read(verdict, &chunk, chunk.count)
            if length < 0, errno == EINTR { continue }
            if length <= 0 { break }
            bytes += chunk[..<length]
        }
        guard let status = bytes.first else {
            sayOnStandardError("the process in the background ended before the mount was ready; see the system's log")
            exit(1)
        }
        if status != 0 { sayOnStandardError(String(decoding: bytes.dropFirst(), as: UTF8.self)) }
        exit(Int32(status))
    }

    /// The mount stands: leaves the terminal, lets the process in front end with status 0, and goes on alone.
    func ready() {
        guard let front else { return }
        // Only now, so that Ctrl-C before the mount stands reaches both processes.
        setsid()
        CommandLog.send(to: .system)
        if chdir("/") != 0 { sayOnStandardError("chdir: \(Errno.last)") }
        let null = linux_openat(LINUX_AT_FDCWD, "/dev/null", O_RDWR, 0)
        if null >= 0 {
            for descriptor in Int32(0)...2 { dup2(Int32(null), descriptor) }
            if null > 2 { _ = linux_close(Int32(null)) }
        }
        var success: UInt8 = 0
        _ = linux_write(front, &success, 1)
        close(front)
    }

    /// The mount does not stand: the process in front says why.
    func fail(_ failure: Failure) -> Never {
        if let front {
            var bytes = [UInt8(truncatingIfNeeded: failure.status)] + Array(failure.message.utf8)
            _ = linux_write(front, &bytes, bytes.count)
        }
        exit(failure.status)
    }
}

/// Runs `body`, and returns what it and the programs that it started have written on standard error: libfuse and fusermount3
/// explain a refusal there and nowhere else.
func capturingStandardError<R>(_ body: () -> R) -> (R, String) {
    var ends: [Int32] = [-1, -1]
    let kept = fcntl(2, F_DUPFD_CLOEXEC, 3)
    // Without waiting at the reading end: with auto_unmount, fusermount3 stays and keeps the other one.
    guard kept >= 0, closingPipe(&ends), fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 else { return (body(), "") }
    dup2(ends[1], 2)
    close(ends[1])
    let result = body()
    dup2(kept, 2)
    close(kept)
    var bytes = [UInt8](repeating: 0, count: 8192)
    let length = read(ends[0], &bytes, bytes.count)
    close(ends[0])
    let text = String(decoding: bytes[..<max(0, length)], as: UTF8.self)
    return (result, text.split(separator: "\n").map { $0.trimmed }.joined(separator: "; "))
}

extension Substring {
    fileprivate var trimmed: Substring {
        var result = self
        while let last = result.last, last.isWhitespace { result.removeLast() }
        return result.drop { $0.isWhitespace }
    }
}

/// A pipe whose ends are closed in programs that are started.
private func closingPipe(_ ends: inout [Int32]) -> Bool {
    pipe(&ends) == 0 && ends.allSatisfy { fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }
}
