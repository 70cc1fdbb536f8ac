import CLoops
import Foundation

/// Another program, started and waited for; it is killed when the benchmark ends first.
struct Subprocess {
    let identifier: Int32
    private let cleanup: Int

    /// - Parameters:
    ///   - directory: the working directory, or nil for this process's.
    ///   - input, output, error: descriptors; -1 is /dev/null.
    ///   - user: the user and group to become.
    init(
        _ arguments: [String], in directory: String? = nil, input: Int32 = -1, output: Int32 = -1, error: Int32 = -1,
        user: UInt32? = nil
    ) throws {
        (identifier, cleanup) = try Cleanup.shared.perform {
            var pointers = arguments.map { UnsafePointer(strdup($0)) }
            pointers.append(nil)
            defer { pointers.forEach { free(UnsafeMutablePointer(mutating: $0)) } }
            return try valid(
                bench_spawn(pointers, directory, input, output, error, user.map(Int64.init) ?? -1), arguments[0])
        } undo: { identifier in
            kill(identifier, SIGKILL)
            var status: Int32 = 0
            // A process that waits for a dead file system goes away only after the unmount that comes later.
            for _ in 0..<200 where waitpid(identifier, &status, WNOHANG) == 0 { usleep(5000) }
        }
    }

    /// Kills the process and takes its status away.
    func end() { Cleanup.shared.undo(cleanup) }

    /// Whether it has ended; its status as the shell has it.
    private func poll(_ options: Int32) -> Int32? {
        var status: Int32 = 0
        guard waitpid(identifier, &status, options) == identifier else { return nil }
        return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    }

    var hasEnded: Bool {
        var information = siginfo_t()
        return waitid(P_PID, UInt32(identifier), &information, WEXITED | WNOHANG | WNOWAIT) != 0
            || information.si_signo != 0
    }

    /// Waits for the end, without a limit.
    func wait() -> Int32 {
        let status = poll(0) ?? 127
        end()
        return status
    }

    /// Waits until the end of the process or of the time; nil says that the time was over and the process killed.
    func wait(seconds: Double) -> Int32? {
        let deadline = bench_now() + UInt64(seconds * 1e9)
        while bench_now() < deadline {
            if let status = poll(WNOHANG) {
                end()
                return status
            }
            usleep(2000)
        }
        end()
        return nil
    }

    /// Runs a program to its end and gives what it wrote.
    /// - Parameter seconds: after which it is killed.
    static func output(of arguments: [String], in directory: String? = nil, seconds: Double = 600) throws -> (
        status: Int32?, text: String
    ) {
        let file = tmpfile()!
        defer { fclose(file) }
        let descriptor = fileno(file)
        let status = try Subprocess(arguments, in: directory, output: descriptor, error: descriptor)
            .wait(seconds: seconds)
        rewind(file)
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let length = fread(&bytes, 1, bytes.count, file)
        return (status, String(decoding: bytes[..<length], as: UTF8.self))
    }

    /// Runs a program that has to succeed.
    static func run(_ arguments: [String], in directory: String? = nil) throws {
        let (status, text) = try output(of: arguments, in: directory)
        guard status == 0 else {
            throw Failure("\(arguments.joined(separator: " ")) failed (\(status ?? -1)): \(text.prefix(500))")
        }
    }

    /// Where a program lies in PATH and the system's own directories.
    static func find(_ program: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]).map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
