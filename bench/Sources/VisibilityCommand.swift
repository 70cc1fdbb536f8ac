import ArgumentParser
import CLoops
import Foundation

/// How soon a change in the lower directory shows on a mount, and what being watched costs those who change things.
struct VisibilityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "visibility",
        abstract: "Measure how soon a change behind the mount shows, and what watching costs writers.",
        discussion: """
            A change counts as visible when the mount shows it; the time runs from the return of the call that made it. Who asks \
            does so all the time, and so takes a processor from who is to report.
            """)

    @Option(help: "The stackfs to measure.") var stackfs = ".build/release/stackfs"
    @Option(help: "Options of the mount.") var options = "cache=watched"
    @Option(help: "Changes of each kind.") var count = 2000
    @Option(help: "Mounts beside which writers are timed.") var rounds = 5
    @Option(help: "Where directories are made.") var scratch = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"

    func run() throws {
        guard geteuid() == 0 else { throw Failure("a watched mount takes root") }
        guard rounds > 0, count > 0 else { throw Failure("--rounds and --count are 1 or more") }
        let root = "\(scratch)/stackfs-visibility.\(getpid())"
        for name in ["", "/lower", "/lower/watched", "/unrelated", "/mount"] { mkdir(root + name, 0o755) }
        defer { try? FileManager.default.removeItem(atPath: root) }
        for name in ["lower/watched", "unrelated"] {
            guard FileManager.default.createFile(atPath: "\(root)/\(name)/file", contents: Data(count: 1)) else {
                throw Failure("\(root)/\(name)/file cannot be made")
            }
        }
        // Before, beside and after each mount, so that what drifts hits all alike.
        let places = [("unrelated", "unrelated directory"), ("lower/watched", "watched directory")]
        func writes() throws -> [Double] { try places.map { try Self.write("\(root)/\($0.0)/file") } }
        var bare: [[Double]] = []
        var watched: [[Double]] = []
        let stolen = Self.stolenTicks
        var before = try writes()
        for round in 0..<rounds {
            try mounted(root) {
                if round == 0 { try report(root) }
                watched.append(try writes())
            }
            let after = try writes()
            bare.append(zip(before, after).map { ($0 + $1) / 2 })
            before = after
        }
        for (index, place) in places.enumerated() {
            let shares = zip(watched, bare).map { ($0[index] / $1[index] - 1) * 100 }.sorted()
            let (native, beside) = (Self.median(bare.map { $0[index] }), Self.median(watched.map { $0[index] }))
            print(
                "1-byte write, \(place.1): \(Int(native)) ns, watched \(Int(beside)) ns,",
                String(
                    format: "%+.1f %% (median of %d pairs; half of them %+.1f to %+.1f %%)", Self.median(shares),
                    rounds,
                    shares[rounds / 4], shares[rounds * 3 / 4]))
        }
        let lost = Double(Self.stolenTicks - stolen) / Double(sysconf(Int32(_SC_CLK_TCK)))
        print(
            String(format: "The host took %.2f s from the machine's processors meanwhile, which shows as delays.", lost)
        )
    }

    /// What a virtual machine's host has taken of the processors, in ticks (proc_stat(5), steal).
    private static var stolenTicks: Int {
        let fields = ((try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? "").split(separator: " ")
        return fields.count > 8 ? Int(fields[8]) ?? 0 : 0
    }

    private func mounted(_ root: String, _ body: () throws -> Void) throws {
        try Subprocess.run([stackfs, "\(root)/lower", "\(root)/mount", "-o", options])
        defer { try? Subprocess.run([stackfs, "umount", "\(root)/mount"]) }
        // Names are kept once the directory is watched, which takes a moment after it is first looked into.
        for _ in 0..<2 {
            _ = access("\(root)/mount/watched/file", F_OK)
            _ = access("\(root)/mount/watched/missing", F_OK)
            usleep(1_200_000)
        }
        try body()
    }

    private func report(_ root: String) throws {
        let (lower, mount) = ("\(root)/lower/watched", "\(root)/mount/watched")
        print(
            try Self.line("chmod", count) { round in
                let mode = mode_t(0o600 + round % 2)
                chmod("\(lower)/file", mode)
                return { Self.mode("\(mount)/file") & 0o777 == mode }
            })
        print(
            try Self.line("create", count) { round in
                _ = access("\(mount)/new\(round)", F_OK)
                close(creat("\(lower)/new\(round)", 0o600))
                return { access("\(mount)/new\(round)", F_OK) == 0 }
            })
        print(
            try Self.line("unlink", count) { round in
                _ = access("\(mount)/new\(round)", F_OK)
                unlink("\(lower)/new\(round)")
                return { access("\(mount)/new\(round)", F_OK) != 0 }
            })
    }

    private static func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode : 0
    }

    /// Makes `count` changes, waits for each, and says how long that took.
    private static func line(_ what: String, _ count: Int, _ change: (Int) -> () -> Bool) throws -> String {
        var times: [Double] = []
        var late = 0
        for round in 0..<count {
            let isVisible = change(round)
            let start = bench_now()
            while !isVisible() {
                guard bench_now() - start < 10_000_000_000 else { throw Failure("\(what) never showed") }
            }
            let time = Double(bench_now() - start) / 1000
            times.append(time)
            if time > 1000 { late += 1 }
            usleep(500)
        }
        times.sort()
        let figures = [0.5, 0.99].map { String(format: "%.0f us", times[Int(Double(times.count - 1) * $0)]) }
        return "\(what): visible after \(figures[0]) (p50), \(figures[1]) (p99); \(late) of \(count) later than 1 ms"
    }

    /// Nanoseconds of a write of one byte.
    private static func write(_ path: String) throws -> Double {
        var sample = bench_sample()
        try valid(bench_write(path, 1, 1, 0, 300_000_000, &sample), path)
        return Double(sample.nanoseconds) / Double(sample.operations)
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
