import CLoops
import Foundation

/// What a file costs the daemon: memory, and the processor time of being looked up.
enum Memory {
    private static let perDirectory = 1000

    /// Lists and stats `nodes` files through each system on a fresh mount.
    static func measureAll(
        _ systems: [System], nodes: Int, with runner: Runner, into results: Results
    ) throws {
        try makeFiles(nodes, in: runner.scratch)
        for system in systems {
            let known = results.records.contains {
                $0.kind == "memory" && $0.system == system.name && $0.files == nodes
            }
            if known { continue }
            var record = Record(kind: "memory")
            record.system = system.name
            record.files = nodes
            do {
                (record.residentBytes, record.processorNanoseconds) = try measure(system, with: runner)
            } catch {
                record.error = "\(error)"
            }
            try results.append(record)
        }
        try runner.scratch.remove(runner.scratch.lower + "/nodes")
    }

    private static func makeFiles(_ nodes: Int, in scratch: Scratch) throws {
        let root = scratch.lower + "/nodes"
        mkdir(root, 0o755)
        for directory in 0..<nodes / perDirectory {
            mkdir("\(root)/dir\(directory)", 0o755)
            var sample = bench_sample()
            try valid(bench_create("\(root)/dir\(directory)/file", UInt32(perDirectory), 0, &sample), root)
        }
    }

    private static func measure(_ system: System, with runner: Runner) throws -> (Int, UInt64) {
        let mounted = try MountedSystem(system, on: runner.scratch.mountPoint)
        defer { mounted.unmount() }
        let before = try usage(mounted.process.identifier)
        _ = try runner.child(walkKey, in: runner.scratch.mountPoint)
        let after = try usage(mounted.process.identifier)
        return (after.resident - before.resident, after.processor - before.processor)
    }

    static let walkKey = "walk"

    /// For ``LoopCommand``.
    static func walk(_ place: Place) throws -> bench_sample {
        var total = bench_sample()
        for directory in 0... {
            var sample = bench_sample()
            let result = bench_readdir_stat("nodes/dir\(directory)", &sample)
            if result == -ENOENT { break }
            try valid(result, "nodes/dir\(directory)")
            total.operations += sample.operations
            total.nanoseconds += sample.nanoseconds
        }
        return total
    }

    /// The resident set in bytes and the processor time of all threads, in ticks of usually 10 ms.
    private static func usage(_ process: Int32) throws -> (resident: Int, processor: UInt64) {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let stat = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({
                Int($0)
            }),
            // The name before it may hold blanks.
            let fields = stat.split(separator: ")").last?.split(separator: " "), fields.count > 12,
            let user = UInt64(fields[11]), let kernel = UInt64(fields[12])
        else { throw Failure("/proc/\(process) cannot be read") }
        return (kibibytes * 1024, (user + kernel) * 1_000_000_000 / UInt64(sysconf(Int32(_SC_CLK_TCK))))
    }
}
