import CLoops
import Foundation

/// Work whose requests are counted by operation: what a file costs in trips to the daemon.
struct RequestScenario: Sendable {
    let key: String
    let name: String
    let files: Int
    /// Requests a file that other measurements found to be within reach, where there are any.
    let expected: Double?
    let fixture: Fixture?
    let prepare: (@Sendable (Place) throws -> Void)?
    /// Before the counting begins, on the same mount.
    let before: (@Sendable (Place) throws -> bench_sample)?
    let run: @Sendable (Place) throws -> bench_sample

    /// The names of both parts for ``LoopCommand``.
    var loops: [(String, @Sendable (Place) throws -> bench_sample)] {
        [("requests-" + key, run)] + (before.map { [("before-" + key, $0)] } ?? [])
    }

    private static let user: UInt32 = 65534
    private static let small: UInt32 = 1000

    private static let makeWork: @Sendable (Place) throws -> Void = { place in
        mkdir(place.lower + "/work", 0o755)
    }
    private static let makeUsersWork: @Sendable (Place) throws -> Void = { place in
        try makeWork(place)
        chown(place.lower + "/work", user, user)
    }
    private static let unpack: @Sendable (Place) throws -> Void = { place in
        try makeWork(place)
        try Subprocess.run(["tar", "xf", Fixture.smallArchive(place.beside), "-C", place.lower + "/work"])
    }
    private static let listAll: @Sendable (Place) throws -> bench_sample = { try $0.program(["ls", "-lR", "tree"]) }
    private static let gitStatus: @Sendable (Place) throws -> bench_sample = { try $0.program(Workload.gitStatus) }
    /// The index then fits what is shown.
    private static let gitRefresh: @Sendable (Place) throws -> bench_sample = { place in
        for _ in 0..<2 { _ = try place.program(["git", "-C", "tree", "status", "--porcelain"]) }
        return try place.program(Workload.gitStatus)
    }

    static let all: [RequestScenario] =
        [
            RequestScenario(
                key: "untar-root", name: "untar as root", files: 1000, expected: 9.06, fixture: nil, prepare: makeWork,
                before: nil
            ) { try $0.program(["tar", "xf", Fixture.smallArchive($0.beside), "-C", "work"]) },
            RequestScenario(
                key: "untar-user", name: "untar as an ordinary user", files: 1000, expected: 6.04, fixture: nil,
                prepare: makeUsersWork, before: nil
            ) { try $0.program(["tar", "xf", Fixture.smallArchive($0.beside), "-C", "work"], user: user) },
            RequestScenario(
                key: "create", name: "create", files: 1000, expected: 4, fixture: nil, prepare: makeWork, before: nil
            ) { place in try place.first("create") { bench_create("work/file", small, 0, $0) } },
            RequestScenario(
                key: "unlink", name: "unlink", files: 1000, expected: 2, fixture: nil, prepare: makeWork,
                before: { place in try place.first("create") { bench_create("work/file", small, 0, $0) } },
                run: { place in try place.first("unlink") { bench_unlink("work/file", small, $0) } }),
            RequestScenario(
                key: "ls-cold", name: "ls -lR cold", files: Fixture.treeFiles, expected: 1.05, fixture: .tree,
                prepare: nil,
                before: nil, run: listAll),
            RequestScenario(
                key: "ls-warm", name: "ls -lR warm", files: Fixture.treeFiles, expected: 0.01, fixture: .tree,
                prepare: nil,
                before: { place in
                    _ = try listAll(place)
                    return try listAll(place)
                }, run: listAll),
            RequestScenario(
                key: "git-cold", name: "git status cold", files: Fixture.treeFiles, expected: 1.13, fixture: .tree,
                prepare: nil, before: nil, run: gitStatus),
            RequestScenario(
                key: "git-warm", name: "git status warm", files: Fixture.treeFiles, expected: 0.06, fixture: .tree,
                prepare: nil, before: gitRefresh, run: gitStatus),
            RequestScenario(
                key: "rm-rf", name: "rm -rf", files: 1000, expected: 2, fixture: nil, prepare: unpack, before: nil
            ) { try $0.program(["rm", "-rf", "work"]) },
        ] + rows
}

extension RequestScenario {
    /// Rows of the main table, an operation being a "file".
    private static var rows: [RequestScenario] {
        let opened = 16
        return [
            RequestScenario(
                key: "stat-first", name: "stat, first", files: Int(Fixture.statDirectories * Fixture.statCount),
                expected: 1, fixture: .stat, prepare: nil, before: nil
            ) { place in
                guard chdir("stat") == 0 else { throw Failure("stat", code: errno) }
                return try place.first("stat") {
                    bench_stat_tree("file", Fixture.statDirectories, Fixture.statCount, $0)
                }
            },
            RequestScenario(
                key: "readdir-stat", name: "readdir+stat 10k, first", files: 10_000, expected: nil, fixture: .list10k,
                prepare: nil, before: nil
            ) { place in try place.first("readdir") { bench_readdir_stat("list10k", $0) } },
            RequestScenario(
                key: "stat-missing", name: "stat of a missing name", files: opened, expected: 0, fixture: .small,
                prepare: nil, before: { place in try place.first("stat") { bench_stat("small/missing", 1, 0, $0) } },
                run: { place in try place.first("stat") { bench_stat("small/missing", 1, 0, $0) } }),
            RequestScenario(
                key: "open-read-close", name: "open+read+close 8k", files: opened, expected: nil, fixture: .small,
                prepare: nil,
                before: { place in try place.first("open") { bench_open("small/file", 16, 8192, 0, $0) } },
                run: { place in try place.first("open") { bench_open("small/file", 16, 8192, 0, $0) } }),
            RequestScenario(
                key: "find-warm", name: "find warm", files: Fixture.treeFiles, expected: 0, fixture: .tree,
                prepare: nil,
                before: { place in
                    _ = try place.program(Workload.findAll)
                    return try place.program(Workload.findAll)
                }, run: { try $0.program(Workload.findAll) }),
            RequestScenario(
                key: "sqlite-wal", name: "sqlite WAL inserts", files: Fixture.insertCount, expected: nil, fixture: nil,
                prepare: makeWork, before: nil
            ) { try $0.program(["sqlite3", "work/database"], input: Fixture.inserts($0.beside)) },
        ]
    }

    /// Counts every scenario on a fresh mount of its own.
    static func countAll(on system: System, with runner: Runner, into results: Results) throws {
        let scratch = runner.scratch
        for fixture in Set(all.compactMap(\.fixture)) {
            let path = "\(scratch.lower)/\(fixture.rawValue)"
            if !FileManager.default.fileExists(atPath: path) { try fixture.make(in: scratch) }
        }
        for scenario in all {
            let known = results.records.contains {
                $0.kind == "requests" && $0.workload == scenario.key && $0.system == system.name
            }
            if known { continue }
            var record = Record(kind: "requests")
            record.workload = scenario.key
            record.row = scenario.name
            record.system = system.name
            record.files = scenario.files
            record.expected = scenario.expected
            do {
                record.requests = try scenario.count(on: system, with: runner)
            } catch {
                record.error = "\(error)"
            }
            try results.append(record)
        }
    }

    private func count(on system: System, with runner: Runner) throws -> [String: Int] {
        let scratch = runner.scratch
        let statistics = scratch.directory + "/statistics"
        mkdir(statistics, 0o755)
        defer { if prepare != nil { try? scratch.remove(scratch.lower + "/work") } }
        try prepare?(Place(lower: scratch.lower, beside: scratch.beside, duration: runner.duration))
        let mounted = try MountedSystem(system, on: scratch.mountPoint, extra: ["--statsdir", statistics])
        defer { mounted.unmount() }
        if before != nil { _ = try runner.child("before-" + key, in: scratch.mountPoint) }
        let start = try Self.snapshot(mounted, statistics)
        _ = try runner.child("requests-" + key, in: scratch.mountPoint)
        let end = try Self.snapshot(mounted, statistics)
        return end.merging(start) { $0 - $1 }.filter { $0.value > 0 }
    }

    private struct Report: Decodable {
        struct Operation: Decodable {
            let operation: String
            let requests: Int
        }
        let operations: [Operation]
    }

    /// Requests so far, by operation.
    private static func snapshot(_ mounted: MountedSystem, _ directory: String) throws -> [String: Int] {
        let path = directory + "/operations.json"
        // The last RELEASEs and FORGETs come after the calls that caused them.
        usleep(300_000)
        unlink(path)
        kill(mounted.process.identifier, SIGUSR1)
        for _ in 0..<500 {
            if let data = FileManager.default.contents(atPath: path) {
                let operations = try JSONDecoder().decode(Report.self, from: data).operations
                return Dictionary(operations.map { ($0.operation, $0.requests) }, uniquingKeysWith: +)
            }
            usleep(10_000)
        }
        throw Failure("stackfs wrote no statistics")
    }
}
