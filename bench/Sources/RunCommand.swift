import ArgumentParser
import Foundation

/// All measurements, and the report.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Measure (the default).",
        discussion: """
            Every measurement is paired with the same work on the lower directory right after it, and the systems take \
            turns, so that what else the machine does hits all alike. The report shows medians.
            """)

    @Option(help: "Measurements of each workload on each system.") var runs = 5
    @Option(help: "Workloads, separated by commas; see --list.") var workloads: String?
    @Flag(help: "Run fio's reads, writes, creations and deletions by 1 and 32 threads, in place of the main workloads.")
    var fio = false
    @Flag(help: "Run what servers, builders and older benchmarks do, in place of the main workloads.") var servers =
        false
    @Option(help: "Measure the daemon's memory and processor time with so many thousand nodes as well.")
    var memoryThousands: Int?
    @Option(help: "Systems, separated by commas; see --list.") var systems: String?
    @Flag(help: "Two runs and shorter loops: for a first look.") var quick = false
    @Flag(help: "Show workloads and systems, and measure nothing.") var list = false
    @Flag(inversion: .prefixedNo, help: "Count stackfs's requests as well.") var requests = true
    @Option(
        help: "Another file system, which stays in the foreground: NAME='COMMAND {lower} {mount}'. May be repeated.")
    var peer: [String] = []
    @Option(help: "stackfs under other options as well: NAME='cache=ttl:3600,...'. May be repeated.")
    var stackfsOptions: [String] = []
    @Option(help: "The stackfs to measure.") var stackfs = ".build/release/stackfs"
    @Option(help: "Where results.jsonl, report.md and report.html go.") var output = ".build/bench"
    @Option(help: "Keep the measurements of an earlier results.jsonl, and go on after them.") var resume: String?
    @Option(help: "Where the disk image is made.") var scratch = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    @Option(help: "The size of the disk image in MiB; it is sparse.") var imageSize = 6144
    @Option(help: "Seconds after which a measurement counts as failed.") var limit = 60.0
    @Option(help: "The program that makes the report from the results.") var report = "bench/report.py"

    func run() throws {
        guard geteuid() == 0 else { throw Failure("mounting a disk image takes root") }
        Cleanup.shared.watchSignals()
        defer { Cleanup.shared.undoAll() }
        let binary = URL(fileURLWithPath: stackfs).path
        guard FileManager.default.isExecutableFile(atPath: binary) else {
            throw Failure("there is no \(binary): run `make build`, or give --stackfs")
        }
        let scratch = try Scratch(in: scratch, megabytes: imageSize)
        let peers = try Peers(scratch: scratch)
        let systems = try chosenSystems(peers, binary: binary, scratch)
        let workloads = try chosenWorkloads()
        if list {
            for workload in workloads { print("workload", workload.key, "(\(workload.name))") }
            for system in systems { print("system", system.name, "(\(system.arguments.joined(separator: " ")))") }
            return
        }
        for line in peers.absent { note("not found: \(line)") }

        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        let results = try Results(path: output + "/results.jsonl", resuming: resume)
        try results.append(machineRecord(systems, peers, binary))
        // Names and inodes that others left behind make the kernel's hash chains long, and every first look-up slow.
        try? "2".write(toFile: "/proc/sys/vm/drop_caches", atomically: false, encoding: .utf8)
        note("making files")
        try Fixture.makeInputs(in: scratch)
        for fixture in Fixture.allCases where workloads.contains(where: { $0.fixture == fixture }) {
            try fixture.make(in: scratch)
        }
        let runner = Runner(scratch: scratch, duration: quick ? 30_000_000 : 100_000_000, limit: limit)
        try measure(workloads, systems, with: runner, into: results)
        if requests {
            for set in try optionSets()
            where !set.0.hasSuffix("-nocache") && systems.contains(where: { $0.name == set.0 }) {
                let system = System.stackfs(set.0, options: set.1, binary: binary, scratch: scratch)
                try RequestScenario.countAll(on: system, with: runner, into: results)
            }
        }
        if let memoryThousands {
            try Memory.measureAll(systems, nodes: memoryThousands * 1000, with: runner, into: results)
        }
        try writeReport()
    }

    private func measure(
        _ workloads: [Workload], _ systems: [System], with runner: Runner, into results: Results
    ) throws {
        let runs = quick ? min(runs, 2) : runs
        var progress = Progress(total: workloads.count * systems.count * runs)
        for workload in workloads {
            for run in 1...runs {
                for offset in systems.indices {
                    // Another one begins each time.
                    let system = systems[(offset + run) % systems.count]
                    progress.step("\(workload.name), \(system.name)")
                    if results.has(workload.key, system.name, run: run) { continue }
                    if results.hasFailed(workload.key, system.name) { continue }
                    try results.append(runner.pair(workload, system, run: run))
                }
            }
            let figures = systems.map { system in
                let ratio = median(results.ratios(workload.key, system.name))
                return "\(system.name) \(ratio.map { String(format: "%.2f", $0) } ?? "failed")"
            }
            progress.line("\(workload.name): \(figures.joined(separator: ", "))")
        }
    }

    private func optionSets() throws -> [(String, String)] {
        try System.defaultSets + stackfsOptions.map { try System.split($0, option: "--stackfs-options") }
    }

    private func chosenSystems(_ peers: Peers, binary: String, _ scratch: Scratch) throws -> [System] {
        let sets = try optionSets()
        func make(_ set: (String, String)) -> System {
            .stackfs(set.0, options: set.1, binary: binary, scratch: scratch)
        }
        let usual = try sets.map(make) + peers.systems + peer.map { try System.custom($0, scratch: scratch) }
        let all = usual + System.variantSets.map(make)
        guard let systems else { return list ? all : usual }
        return try systems.split(separator: ",").map { name in
            guard let system = all.first(where: { $0.name == name }) else {
                throw Failure("there is no system \(name) here; --list shows what there is")
            }
            return system
        }
    }

    private func chosenWorkloads() throws -> [Workload] {
        guard let workloads else {
            return (fio ? Workload.fio : servers ? Workload.servers : Workload.all).filter { workload in
                guard let program = workload.program, Subprocess.find(program) == nil else { return true }
                note("left out, as there is no \(program): \(workload.name)")
                return false
            }
        }
        return try workloads.split(separator: ",").map { key in
            guard let workload = Workload.everything.first(where: { $0.key == key }) else {
                throw Failure("there is no workload \(key); --list shows what there is")
            }
            return workload
        }
    }

    private func machineRecord(_ systems: [System], _ peers: Peers, _ binary: String) -> Record {
        var record = Record(kind: "machine")
        var machine = Machine()
        machine.systems = systems.map(\.name)
        machine.rows = Workload.everything.map(\.name)
        for system in systems { machine.commands[system.name] = system.arguments.joined(separator: " ") }
        machine.versions = peers.versions
        machine.versions["stackfs"] = try? Subprocess.output(of: [binary, "--version"], seconds: 5).text
            .trimmingCharacters(in: .whitespacesAndNewlines)
        machine.absentPeers = peers.absent
        record.machine = machine
        return record
    }

    private func writeReport() throws {
        // The first in PATH may be one without Debian's matplotlib.
        let pythons = [Subprocess.find("python3"), "/usr/bin/python3"].compactMap { $0 }
        let plotting = pythons.first {
            (try? Subprocess.output(of: [$0, "-c", "import matplotlib"], seconds: 30).status) == 0
        }
        guard FileManager.default.fileExists(atPath: report), let python = plotting ?? pythons.first else {
            return note("no report: that takes python3 and \(report); the results are in \(output)/results.jsonl")
        }
        let (status, text) = try Subprocess.output(of: [python, report, output + "/results.jsonl", output])
        guard status == 0 else { throw Failure("\(report) failed: \(text)") }
        note(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    private func note(_ text: String) { FileHandle.standardError.write(Data("stackfs-bench: \(text)\n".utf8)) }
}
