import Glibc

/// A running mount of a lower directory; unmounted and its daemon ended with its owner.
public final class TestMount: @unchecked Sendable {
    /// The directory that is shown.
    public let lower: String
    /// Where it is shown.
    public let path: String
    /// The daemon.
    public let process: Subprocess

    /// Held, as its file systems can only be unmounted after this mount.
    private let scratch: Scratch
    private let log: String
    private let connection: Connection
    private let watchdog: Watchdog
    private var token: Int?

    /// Starts a daemon and waits until it has mounted.
    /// - Parameters:
    ///   - lower: the directory to show.
    ///   - scratch: where the mount point and the daemon's messages lie.
    ///   - name: the name of the mount point.
    ///   - options: for `-o`, after those of STACKFS_TEST_OPTIONS.
    ///   - command: another daemon than stackfs, with `{lower}` and `{mount}` where those belong.
    ///   - deadline: after so many seconds the mount is aborted.
    /// - Throws: ``SupportError`` with the daemon's messages when it ends or has not mounted after 10 seconds.
    public init(
        _ lower: String, in scratch: Scratch, name: String = "mount", options: [String] = [], command: [String]? = nil,
        deadline: Double = 600
    ) throws(SupportError) {
        self.lower = lower
        self.scratch = scratch
        path = scratch.makeDirectory(name)
        log = "\(scratch.root)/\(name).log"
        var arguments: [String]
        if let command {
            arguments = command.map {
                $0 == "{lower}"
                    ? lower : $0.replacing("{mount}", with: "\(scratch.root)/\(name)").replacing("{lower}", with: lower)
            }
        } else {
            arguments = [try Daemon.binary(), "-f", "-r", lower, path]
            // Of an option that is given twice the last one counts: the test's own.
            let all = Environment.words("STACKFS_TEST_OPTIONS") + options
            if !all.isEmpty { arguments += ["-o", all.joined(separator: ",")] }
        }
        process = try Subprocess(arguments, output: log)
        let entry: MountEntry
        do {
            entry = try Self.waitUntilMounted(path, process, log, type: command == nil ? "fuse.stackfs" : "fuse")
        } catch {
            process.signal(SIGKILL)
            _ = process.wait(seconds: 5)
            Scratch.unmount(path)
            throw error
        }
        connection = Connection(minor: entry.minor)
        watchdog = Watchdog(connection: connection, seconds: deadline)
        token = Cleanup.remember { [weak self] in self?.kill() }
    }

    private static func waitUntilMounted(
        _ path: String, _ process: Subprocess, _ log: String, type: String
    ) throws(SupportError) -> MountEntry {
        let deadline = Deadline(seconds: 10)
        while !deadline.passed {
            if let entry = MountEntry.at(path), entry.type == type || type == "fuse" && entry.type.hasPrefix("fuse") {
                return entry
            }
            if let ending = process.poll() {
                throw SupportError("the daemon ended before it mounted (\(ending)): \(TextFile.read(log))")
            }
            usleep(5000)
        }
        throw SupportError("nothing is mounted after 10 s; the daemon says: \(TextFile.read(log))")
    }

    /// What the daemon has written to its standard output and standard error.
    public var messages: String { TextFile.read(log) }

    /// Why the mount cannot be relied on any more, or nil while it can: aborted after its deadline, or its daemon ended.
    public var failure: String? {
        if watchdog.barked {
            return "the mount was aborted, as the test took longer than its deadline; the daemon says: \(messages)"
        }
        if let ending = process.poll() { return "the daemon ended (\(ending)): \(messages)" }
        return nil
    }

    /// Unmounts as an operator does: SIGTERM to the daemon, umount(8) where that was not enough.
    /// - Throws: ``SupportError`` when the daemon ends late, or not with status 0, or leaves the mount behind.
    public func unmount() throws(SupportError) {
        guard let token else { return }
        Cleanup.forget(token)
        self.token = nil
        if let failure {
            kill()
            throw SupportError(failure)
        }
        process.signal(SIGTERM)
        let ending = process.wait(seconds: 10)
        let left = MountEntry.at(path) != nil
        kill()
        guard let ending else { throw SupportError("the daemon did not end within 10 s of SIGTERM: \(messages)") }
        guard ending == .exited(0) else { throw SupportError("the daemon ended with \(ending): \(messages)") }
        if left { throw SupportError("the daemon ended and left the mount behind: \(messages)") }
    }

    /// Ends everything at once; nothing of it can hang.
    private func kill() {
        watchdog.stop()
        if MountEntry.at(path) != nil {
            connection.abort()
            Scratch.unmount(path)
        }
        process.signal(SIGKILL)
        _ = process.wait(seconds: 5)
    }

    deinit {
        guard let token else { return }
        Cleanup.forget(token)
        kill()
    }
}
