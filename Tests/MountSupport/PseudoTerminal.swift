import Glibc

/// A terminal for a program that wants one (pty(7)), and what the program shows on it.
public final class PseudoTerminal {
    private let main: Int32
    /// The side of programs, which is kept open so that its attributes outlive them.
    private let terminal: Int32
    private let path: String
    private var child: pid_t = 0
    /// All that was written to the terminal so far.
    public private(set) var output: [UInt8] = []

    public init(columns: UInt16 = 80, rows: UInt16 = 24) throws(SupportError) {
        main = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        guard main >= 0 else { throw SupportError("/dev/ptmx: \(String(cString: strerror(errno)))") }
        // TIOCSPTLCK and TIOCGPTN: Swift's Glibc module hides unlockpt(3) and ptsname(3).
        var number: Int32 = 0
        guard ioctl(main, 0x4004_5431, &number) == 0, ioctl(main, 0x8004_5430, &number) == 0 else {
            close(main)
            throw SupportError("no pseudo-terminal: \(String(cString: strerror(errno)))")
        }
        path = "/dev/pts/\(number)"
        terminal = open(path, O_RDWR | O_NOCTTY)
        for descriptor in [main, terminal] where descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        guard terminal >= 0 else {
            close(main)
            throw SupportError("\(path): \(String(cString: strerror(errno)))")
        }
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(main, UInt(TIOCSWINSZ), &size)
    }

    deinit {
        if child > 0 {
            kill(child, SIGKILL)
            waitpid(child, nil, 0)
        }
        close(terminal)
        close(main)
    }

    /// Starts a program whose controlling terminal this is; one at a time.
    public func start(_ arguments: [String]) throws(SupportError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, path, O_RDWR, 0)
        for number: Int32 in [1, 2] { posix_spawn_file_actions_adddup2(&actions, 0, number) }
        // Signals as a shell would hand them down, whatever the test itself does with them.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let command = ["setsid", "--ctty", "env", "TERM=xterm"] + arguments
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        let result = posix_spawnp(&child, command[0], &actions, &attributes, &words, environ)
        guard result == 0 else { throw SupportError("\(command[0]): \(String(cString: strerror(result)))") }
    }

    /// The local modes (termios(3)): whether lines are edited, and keys echoed.
    public var isRaw: Bool { attributes().c_lflag & tcflag_t(ICANON | ECHO) == 0 }

    /// All modes, and the characters with a meaning, as bytes to be compared.
    public var modes: [UInt8] { withUnsafeBytes(of: attributes()) { Array($0) } }

    private func attributes() -> termios {
        var attributes = termios()
        tcgetattr(terminal, &attributes)
        return attributes
    }

    /// Presses keys.
    public func type(_ text: String) { _ = text.withCString { write(main, $0, strlen($0)) } }

    /// Waits until a text has been written, and forgets it and all before; false if it does not come.
    public func wait(for text: String, seconds: Double = 20) -> Bool {
        let deadline = Deadline(seconds: seconds)
        while !deadline.passed {
            if let range = String(decoding: output, as: UTF8.self).firstRange(of: text) {
                output = Array(String(decoding: output, as: UTF8.self)[range.upperBound...].utf8)
                return true
            }
            readSome(milliseconds: 100)
        }
        return false
    }

    /// Waits for the program's end: its exit status, or 128 and the number of the signal that ended it; nil if it goes on.
    public func end(seconds: Double = 20) -> Int32? {
        let deadline = Deadline(seconds: seconds)
        while !deadline.passed {
            readSome(milliseconds: 20)
            var status: Int32 = 0
            guard waitpid(child, &status, WNOHANG) == child else { continue }
            child = 0
            readSome(milliseconds: 0)
            let signal = status & 0x7f
            return signal == 0 ? status >> 8 & 0xff : 128 + signal
        }
        return nil
    }

    /// What a person at the terminal would send a process.
    public func signal(_ number: Int32) { if child > 0 { kill(child, number) } }

    private func readSome(milliseconds: Int32) {
        var waiting = pollfd(fd: main, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, milliseconds) > 0 else { return }
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let length = read(main, &chunk, chunk.count)
        if length > 0 { output += chunk[..<length] }
    }
}
