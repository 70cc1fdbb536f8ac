import CLoops
import Foundation

/// Runs workloads in turn on systems and natively.
struct Runner {
    let scratch: Scratch
    /// How long a warm loop takes, in nanoseconds.
    let duration: UInt64
    /// How long a measurement may take before it counts as failed, in seconds.
    let limit: Double

    /// A measurement and the native one right after it.
    func pair(_ workload: Workload, _ system: System, run: Int) -> Record {
        var record = Record(kind: "measurement")
        record.workload = workload.key
        record.row = workload.name
        record.goal = workload.goal
        record.system = system.name
        record.run = run
        do {
            let sample = try measure(workload, system)
            let native = try measure(workload, nil)
            (record.operations, record.nanoseconds) = (sample.operations, sample.nanoseconds)
            (record.nativeOperations, record.nativeNanoseconds) = (native.operations, native.nanoseconds)
            record.ratio =
                Double(sample.nanoseconds) / Double(sample.operations)
                / (Double(native.nanoseconds) / Double(native.operations))
        } catch {
            record.error = "\(error)"
        }
        return record
    }

    /// - Parameter system: nil is the lower directory itself.
    func measure(_ workload: Workload, _ system: System?) throws -> bench_sample {
        let work = scratch.lower + "/work"
        defer { if workload.prepare != nil { try? scratch.remove(work) } }
        try workload.prepare?(Place(lower: scratch.lower, beside: scratch.beside, duration: duration))
        if workload.prepare != nil || workload.fixture == .overwritten {
            // What was written before is not to be written back while this is timed.
            try Subprocess.run(["sync", "-f", scratch.lower])
        }
        guard let system else { return try child(workload.key, in: scratch.lower) }
        let mounted = try MountedSystem(system, on: scratch.mountPoint)
        defer { mounted.unmount() }
        return try child(workload.key, in: scratch.mountPoint)
    }

    /// Runs the work in a process of its own: whatever the file system does to it, the benchmark goes on.
    func child(_ key: String, in directory: String) throws -> bench_sample {
        let output = tmpfile()!
        defer { fclose(output) }
        let arguments = ["/proc/self/exe", "loop", key, scratch.lower, scratch.beside, "\(duration)"]
        let process = try Subprocess(arguments, in: directory, output: fileno(output), error: fileno(output))
        guard let status = process.wait(seconds: limit) else {
            throw Failure("not done after \(Int(limit)) s")
        }
        rewind(output)
        var bytes = [UInt8](repeating: 0, count: 2000)
        let length = fread(&bytes, 1, bytes.count, output)
        let text = String(decoding: bytes[..<length], as: UTF8.self)
        let figures = text.split(separator: "\n").last?.split(separator: " ").compactMap { UInt64($0) } ?? []
        guard status == 0, figures.count == 2, figures[0] > 0 else {
            throw Failure(text.isEmpty ? "ended with status \(status)" : String(text.suffix(300)))
        }
        return bench_sample(operations: figures[0], nanoseconds: figures[1])
    }
}
