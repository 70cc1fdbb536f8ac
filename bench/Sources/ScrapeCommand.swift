import ArgumentParser
import CLoops
import Foundation

/// How long a scraper takes for a tree of control groups.
struct ScrapeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrape",
        abstract: "Measure how long one reader takes for the files of all groups of a v2 tree.",
        discussion: """
            Each group's files are opened, read and closed, one after the other. The files are those that cAdvisor reads; --all reads every \
            file of the controllers cpu, io, memory and pids, and lists each group's directory for it.
            """)

    @Option(help: "The stackfs to measure.") var stackfs = ".build/release/stackfs"
    @Option(help: "Groups.") var groups = 1000
    @Option(help: "Further options of the mount, as in busy_poll=50.") var options = ""
    @Option(help: "How often.") var rounds = 5
    @Flag(help: "Every file of the controllers.") var all = false
    @Option(help: "Where the mount point is made.") var scratch =
        ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"

    private static let scraped = [
        "cpu.stat", "cpu.max", "cpu.weight", "memory.current", "memory.stat", "memory.max", "memory.swap.current",
        "memory.events", "io.stat", "pids.current", "pids.max", "cgroup.procs",
    ]

    func run() throws {
        let mount = "\(scratch)/stackfs-scrape.\(getpid())"
        mkdir(mount, 0o755)
        defer { rmdir(mount) }
        let list = ["cgroup=/:v2:rw", options].filter { !$0.isEmpty }.joined(separator: ",")
        let rings = options.contains("transport=ring") ? try RingParameter() : nil
        defer { rings?.restore() }
        let daemon = try Subprocess([stackfs, "-f", "--cgroup-only", mount, "-o", list], output: 1, error: 2)
        defer {
            Unmount.now(mount)
            _ = daemon.wait(seconds: 10)
        }
        for _ in 0..<500 where access("\(mount)/cgroup.procs", F_OK) != 0 { usleep(10_000) }
        guard access("\(mount)/cgroup.procs", F_OK) == 0 else { throw Failure("\(mount) is not mounted") }
        try Data("+cpu +io +memory +pids".utf8).write(to: URL(fileURLWithPath: "\(mount)/cgroup.subtree_control"))
        let paths = (0..<groups).map { "\(mount)/group\($0)" }
        for path in paths { try valid(mkdir(path, 0o755) == 0 ? 0 : -errno, path) }
        for round in 1...rounds {
            let start = bench_now()
            let count = try paths.reduce(0) { try $0 + scrape($1) }
            print("round \(round): \(groups) groups, \(count) files in \((bench_now() - start) / 1_000_000) ms")
        }
    }

    /// Reads a group's files and returns how many there are.
    private func scrape(_ path: String) throws -> Int {
        let controllers: Set = ["cpu", "io", "memory", "pids"]
        let names =
            all
            ? try FileManager.default.contentsOfDirectory(atPath: path).filter {
                controllers.contains(String($0.prefix { $0 != "." })) && $0 != "memory.reclaim"
            } : Self.scraped
        return try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) { buffer in
            for name in names {
                let descriptor = open("\(path)/\(name)", O_RDONLY)
                try valid(descriptor < 0 ? -errno : descriptor, name)
                defer { close(descriptor) }
                try valid(read(descriptor, buffer.baseAddress!, buffer.count) < 0 ? -errno : 0, name)
            }
            return names.count
        }
    }
}
