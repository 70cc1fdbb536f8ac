import ArgumentParser
import CLoops
import Foundation

/// How long lost changes stay unseen, by how much the kernel keeps.
struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract:
            "Measure how soon all is right again after more changes behind the mount than the watcher could take.",
        discussion: """
            Files are looked at through the mount, all of whose attributes the kernel keeps (attr_timeout=3600). Some of them, and all \
            directories, are held by descriptors that are not open (O_PATH), so that nothing looks them up again. The daemon stands \
            still while they and more change; the times run from its going on.
            """)

    @Option(help: "The stackfs to measure.") var stackfs = ".build/release/stackfs"
    @Option(help: "Files that the kernel knows.") var files = 1_000_000
    @Option(help: "Files that are held.") var held = 4000
    @Option(help: "Options of the mount.") var options = "cache=watched,watcher=fanotify,attr_timeout=3600"
    @Option(help: "How often.") var rounds = 5
    @Option(help: "Where a tmpfs is mounted.") var scratch = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"

    private static let perDirectory = 1000
    private static let pathOnly: Int32 = 0o10000000  // O_PATH

    func run() throws {
        guard geteuid() == 0 else { throw Failure("a watched mount takes root") }
        let root = "\(scratch)/stackfs-sweep.\(getpid())"
        let (lower, mount) = ("\(root)/lower", "\(root)/mount")
        for path in [root, lower, mount] { mkdir(path, 0o755) }
        defer { try? FileManager.default.removeItem(atPath: root) }
        try Subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100%,nr_inodes=0", "stackfs-sweep", lower])
        defer { Unmount.now(lower) }
        try makeFiles(in: lower)
        let daemon = try start(lower, mount)
        defer {
            Unmount.now(mount)
            _ = daemon.wait(seconds: 10)
        }
        try walk(mount)
        // The last one first.
        let step = max(files / held, 1)
        let held = try hold(
            stride(from: files - 1, to: 0, by: -step).map { number in
                "dir\(number / Self.perDirectory)/file\(number % Self.perDirectory)"
            }, in: mount)
        let directories = try hold((0..<files / Self.perDirectory).map { "dir\($0)" }, in: mount)
        defer { (held + directories).forEach { close($0.descriptor) } }
        for round in 1...rounds { try measure(round, daemon, lower, mount, directories, held) }
    }

    private func makeFiles(in lower: String) throws {
        mkdir("\(lower)/noise", 0o755)
        for directory in 0..<files / Self.perDirectory {
            mkdir("\(lower)/dir\(directory)", 0o755)
            var sample = bench_sample()
            try valid(bench_create("\(lower)/dir\(directory)/file", UInt32(Self.perDirectory), 0, &sample), lower)
        }
    }

    /// Starts the daemon with room for four events.
    private func start(_ lower: String, _ mount: String) throws -> Subprocess {
        let parameter = "/proc/sys/fs/fanotify/max_queued_events"
        let before = try String(contentsOfFile: parameter, encoding: .utf8)
        try Data("4".utf8).write(to: URL(fileURLWithPath: parameter))
        defer { try? Data(before.utf8).write(to: URL(fileURLWithPath: parameter)) }
        let daemon = try Subprocess(
            [stackfs, "-f", "--log-level", "debug", lower, mount, "-o", options], output: 1, error: 2)
        for _ in 0..<500 where access("\(mount)/noise", F_OK) != 0 { usleep(10_000) }
        guard access("\(mount)/noise", F_OK) == 0 else { throw Failure("\(mount) is not mounted") }
        return daemon
    }

    private func walk(_ mount: String) throws {
        let start = bench_now()
        for directory in 0..<files / Self.perDirectory {
            var sample = bench_sample()
            try valid(bench_readdir_stat("\(mount)/dir\(directory)", &sample), mount)
        }
        _ = access("\(mount)/noise/missing", F_OK)
        print("\(files) files looked at in \((bench_now() - start) / 1_000_000) ms")
    }

    private struct Held {
        let path: String
        let descriptor: Int32
    }

    private func hold(_ paths: [String], in mount: String) throws -> [Held] {
        try paths.map { path in
            let descriptor = open("\(mount)/\(path)", Self.pathOnly)
            return Held(path: path, descriptor: try valid(descriptor < 0 ? -errno : descriptor, path))
        }
    }

    private func measure(
        _ round: Int, _ daemon: Subprocess, _ lower: String, _ mount: String, _ directories: [Held], _ files: [Held]
    ) throws {
        usleep(1_500_000)
        // What was dropped before is kept again.
        try walk(mount)
        var status = stat()
        for file in directories + files { try valid(fstat(file.descriptor, &status), file.path) }
        let mode = mode_t(0o600 + round % 2)
        kill(daemon.identifier, SIGSTOP)
        for number in 0..<200 { close(creat("\(lower)/noise/\(round).\(number)", 0o600)) }
        for file in directories + files { chmod("\(lower)/\(file.path)", mode) }
        kill(daemon.identifier, SIGCONT)
        let start = bench_now()
        /// What is looked at one by one, and when the last wrong answer came, in microseconds; 0 if none did.
        struct Watched {
            let held: [Held]
            var right = 0
            var lastWrong: UInt64 = 0
        }
        /// Looks at the next one; false if it is wrong still, or there is none.
        func look(_ watched: inout Watched) throws -> Bool {
            guard watched.right < watched.held.count else { return false }
            let file = watched.held[watched.right]
            // Without a descriptor it is a name.
            let answer = file.descriptor < 0 ? stat(file.path, &status) : fstat(file.descriptor, &status)
            try valid(answer, file.path)
            if status.st_mode & 0o777 == mode {
                watched.right += 1
                return true
            }
            watched.lastWrong = (bench_now() - start) / 1000
            return false
        }
        var all = [
            Watched(held: [Held(path: "\(mount)/\(files[0].path)", descriptor: -1)]),
            Watched(held: directories.reversed()), Watched(held: files.reversed()),
        ]
        // By turns: to ask for thousands takes its time.
        while all.contains(where: { $0.right < $0.held.count }) {
            var isProgress = false
            for index in all.indices where try look(&all[index]) { isProgress = true }
            if !isProgress { usleep(100) }
            guard bench_now() - start < 60_000_000_000 else { throw Failure("something never showed") }
        }
        print(
            "round \(round): last wrong answer after \(all[0].lastWrong) us: a name; \(all[1].lastWrong) us: "
                + "\(directories.count) held directories; \(all[2].lastWrong) us: \(files.count) held files")
    }
}
