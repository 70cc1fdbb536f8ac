import Glibc

/// What a program left behind.
public struct ProcessResult: Equatable, Sendable {
    /// The exit status; 128 and the signal's number where one ended it.
    public let status: Int32
    public let output: String
    public let error: String

    public init(status: Int32, output: String, error: String) {
        self.status = status
        self.output = output
        self.error = error
    }
}

/// Runs programs to their end, with what they write captured and a limit to how long they may take.
public enum ProcessRunner {
    public struct Failed: Error, CustomStringConvertible {
        public let description: String
    }

    /// The command under test: STACKFS, else the one that was built with the tests.
    public static var stackfs: String {
        if let path = getenv("STACKFS") { return String(cString: path) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBytes { bytes in
            readlink("/proc/self/exe", bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        let executable = String(decoding: buffer[..<max(0, length)], as: UTF8.self)
        return executable.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/stackfs"
    }

    /// - Parameter arguments: the program, found in PATH, and its arguments.
    /// - Parameter directory: the working directory; nil for the test's own.
    /// - Parameter seconds: after so long the program is killed, and the call throws.
    public static func run(_ arguments: [String], in directory: String? = nil, seconds: Int = 30) throws
        -> ProcessResult
    {
        let output = try Pipe()
        let error = try Pipe()
        let child = try spawn(arguments, directory, output.writing, error.writing)
        output.closeWriting()
        error.closeWriting()
        var texts: [[UInt8]] = [[], []]
        let complete = read([output.reading, error.reading], into: &texts, deadline: time(nil) + seconds)
        if !complete { kill(child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard complete else { throw Failed(description: "\(arguments) did not end within \(seconds) s") }
        let signal = status & 0x7f
        return ProcessResult(
            status: signal == 0 ? status >> 8 & 0xff : 128 + signal,
            output: String(decoding: texts[0], as: UTF8.self), error: String(decoding: texts[1], as: UTF8.self))
    }

    /// Starts a program that goes on; its output goes where the test's does. Returns its process id.
    public static func start(_ arguments: [String], in directory: String? = nil) throws -> pid_t {
        try spawn(arguments, directory, 1, 2)
    }

    /// Waits for a program of ``start(_:in:)`` and returns its status, as in ``ProcessResult``.
    public static func wait(for child: pid_t, seconds: Int = 30) throws -> Int32 {
        var status: Int32 = 0
        for _ in 0..<(seconds * 100) {
            if waitpid(child, &status, WNOHANG) == child {
                let signal = status & 0x7f
                return signal == 0 ? status >> 8 & 0xff : 128 + signal
            }
            usleep(10_000)
        }
        kill(child, SIGKILL)
        throw Failed(description: "process \(child) did not end within \(seconds) s")
    }

    private static func spawn(_ arguments: [String], _ directory: String?, _ output: Int32, _ error: Int32) throws
        -> pid_t
    {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, error, 2)
        // sh(1) changes the directory: the file action for it is an extension that Swift's Glibc module hides.
        let command = directory.map { ["sh", "-c", "cd \"$0\" && exec \"$@\"", $0] + arguments } ?? arguments
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var child = pid_t()
        let result = posix_spawnp(&child, command[0], &actions, nil, &words, environ)
        guard result == 0 else { throw Failed(description: "\(command[0]): \(String(cString: strerror(result)))") }
        return child
    }

    /// Reads all descriptors to their ends; false if that takes beyond the deadline.
    private static func read(_ descriptors: [Int32], into texts: inout [[UInt8]], deadline: time_t) -> Bool {
        var waiting = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while waiting.contains(where: { $0.fd >= 0 }) {
            guard time(nil) < deadline else { return false }
            guard poll(&waiting, nfds_t(waiting.count), 200) > 0 else { continue }
            for index in waiting.indices where waiting[index].fd >= 0 && waiting[index].revents != 0 {
                let length = Glibc.read(waiting[index].fd, &chunk, chunk.count)
                if length > 0 {
                    texts[index] += chunk[..<length]
                } else if length == 0 || errno != EINTR {
                    waiting[index].fd = -1
                }
            }
        }
        return true
    }
}

/// A pipe, closed with its owner, and not inherited but by whom it is meant for.
private final class Pipe {
    let reading: Int32
    private(set) var writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw ProcessRunner.Failed(description: "pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
    }

    func closeWriting() {
        if writing >= 0 { close(writing) }
        writing = -1
    }

    deinit {
        closeWriting()
        close(reading)
    }
}
