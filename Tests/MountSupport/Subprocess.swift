import CTestCalls
import Glibc

/// A program that was started, and what became of it.
public final class Subprocess: @unchecked Sendable {
    public let pid: pid_t
    private var status: Int32?

    /// How a program ended.
    public enum Ending: Equatable, Sendable {
        case exited(Int32)
        case killed(by: Int32)
    }

    /// Starts a program; its standard input is empty.
    /// - Parameters:
    ///   - arguments: the program, looked for in PATH, and its arguments.
    ///   - output: the file that standard output and standard error go to.
    /// - Throws: ``SupportError`` when it cannot be started.
    public init(_ arguments: [String], output: String) throws(SupportError) {
        var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for argument in vector { free(argument) } }
        var started: pid_t = 0
        let error = tc_spawn(&started, &vector, output)
        guard error == 0 else {
            throw SupportError("cannot start \(arguments[0]): \(String(cString: strerror(error)))")
        }
        pid = started
    }

    /// How the program ended, or nil while it runs.
    public func poll() -> Ending? {
        if status == nil {
            var found: Int32 = 0
            if waitpid(pid, &found, WNOHANG) == pid { status = found }
        }
        guard let status else { return nil }
        return status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .killed(by: status & 0x7f)
    }

    /// Waits for the end, at most `seconds`.
    public func wait(seconds: Double) -> Ending? {
        let deadline = Deadline(seconds: seconds)
        while !deadline.passed {
            if let ending = poll() { return ending }
            usleep(2000)
        }
        return poll()
    }

    public func signal(_ number: Int32) {
        if poll() == nil { kill(pid, number) }
    }

    /// Stops the program (SIGSTOP), and returns when all of its threads have stopped.
    public func stop() {
        signal(SIGSTOP)
        var found: Int32 = 0
        waitpid(pid, &found, WUNTRACED)
        if found & 0xff != 0x7f { status = found }  // it ended meanwhile
    }

    /// Runs a program to its end.
    /// - Returns: what it wrote.
    /// - Throws: ``SupportError`` with what it wrote, when it fails or takes longer than `seconds`.
    @discardableResult
    public static func run(_ arguments: [String], seconds: Double = 60) throws(SupportError) -> String {
        let output = "\(Scratch.parent)/stackfs-test-output-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(output) }
        let process = try Subprocess(arguments, output: output)
        let ending = process.wait(seconds: seconds)
        let text = TextFile.read(output)
        if ending == nil {
            process.signal(SIGKILL)
            _ = process.wait(seconds: 5)
        }
        guard ending == .exited(0) else {
            throw SupportError("\(arguments.joined(separator: " ")): \(ending.map { "\($0)" } ?? "no end"); \(text)")
        }
        return text
    }
}

/// What went wrong outside of what is tested.
public struct SupportError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// A time that will come, on the monotonic clock.
public struct Deadline: Sendable {
    private let end: ContinuousClock.Instant
    public init(seconds: Double) { end = .now.advanced(by: .seconds(seconds)) }
    public var passed: Bool { ContinuousClock.now >= end }
}

/// Small text files, among them those of /proc and /sys, which have no size.
public enum TextFile {
    /// The whole text; empty when there is no such file.
    public static func read(_ path: String) -> String {
        let fd = open(path, O_RDONLY)
        guard fd >= 0 else { return "" }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(fd, &chunk, chunk.count)
            if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }

    /// - Returns: whether all of it was written.
    @discardableResult
    public static func write(_ text: String, to path: String) -> Bool {
        let fd = open(path, O_WRONLY)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        return text.withCString { Glibc.write(fd, $0, strlen($0)) == text.utf8.count }
    }
}
