import Glibc
import MountSupport
import Testing

/// A directory of its own for a test of the command: `lower` with a file and a directory, and an empty `mount`. What is still
/// mounted in it is unmounted with it.
final class CommandScratch {
    let path: String
    var lower: String { "\(path)/lower" }
    var mount: String { "\(path)/mount" }

    init() throws {
        var template = Array("/tmp/stackfs-command.XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        chmod(path, 0o755)
        try sh("mkdir lower lower/inside mount && echo hello >lower/greeting")
    }

    deinit {
        let clear =
            "grep -o ' '$0'[^ ]*' /proc/self/mountinfo | sort -r | while read -r point; do umount -l \"$point\"; done"
        _ = try? ProcessRunner.run(["sh", "-c", clear, path])
        _ = try? ProcessRunner.run(["rm", "-rf", "--one-file-system", path])
    }

    /// Runs the command under test in the directory.
    func stackfs(_ arguments: String...) throws -> ProcessResult {
        try ProcessRunner.run([ProcessRunner.stackfs] + arguments, in: path)
    }

    /// Runs a script in the directory; it must succeed.
    @discardableResult
    func sh(_ script: String) throws -> String {
        let result = try ProcessRunner.run(["sh", "-euc", script], in: path)
        try #require(result.status == 0, "\(script): \(result.error)")
        return result.output
    }

    /// The daemon of the mount at a path, by its command line's end.
    func daemon(endingWith arguments: String) throws -> pid_t {
        try #require(
            pid_t(try sh("pgrep -f '^[^ ]*stackfs .*\(arguments)$' | head -1").split(separator: "\n").first ?? ""))
    }

    /// The line of findmnt(8), or "" where nothing is mounted.
    func mounted(_ columns: String, at point: String) throws -> String {
        let result = try ProcessRunner.run(["findmnt", "-nro", columns, "--mountpoint", point])
        return String(result.output.split(separator: "\n").last ?? "")
    }

    /// Waits up to three seconds.
    func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<60 {
            if try condition() { return true }
            usleep(50_000)
        }
        return false
    }
}
