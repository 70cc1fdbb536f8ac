import CLoops
import Foundation

/// A row of the table: the same work, done in a lower directory and in what a file system shows of it.
struct Workload: Sendable {
    /// For `--workloads` and the results.
    let key: String
    /// The row's title.
    let name: String
    /// The slowdown aimed at.
    let goal: Double?
    /// What must be there, beside ``Fixture/makeInputs(in:)``.
    let fixture: Fixture?
    /// The program that has to be installed.
    let program: String?
    /// Natively, before each measurement: makes `work`, which is removed after it.
    let prepare: (@Sendable (Place) throws -> Void)?
    /// In a process of its own whose working directory is the lower directory or the mount point.
    let run: @Sendable (Place) throws -> bench_sample

    init(
        _ key: String, _ name: String, goal: Double? = nil, _ fixture: Fixture? = nil, program: String? = nil,
        prepare: (@Sendable (Place) throws -> Void)? = nil, run: @escaping @Sendable (Place) throws -> bench_sample
    ) {
        (self.key, self.name, self.goal, self.fixture, self.program) = (key, name, goal, fixture, program)
        (self.prepare, self.run) = (prepare, run)
    }
}

/// Where a workload runs.
struct Place: Sendable {
    let lower: String
    /// ``Scratch/beside``
    let beside: String
    /// How long a loop over warm files takes at least, in nanoseconds.
    let duration: UInt64

    /// Times a loop that is not warmed up.
    func first(_ subject: String, _ loop: (UnsafeMutablePointer<bench_sample>) -> Int32) throws -> bench_sample {
        var sample = bench_sample()
        try valid(loop(&sample), subject)
        return sample
    }

    /// Times a loop, after a warm-up, in slices; the median slice counts, as others use the processors too.
    func warm(_ subject: String, _ loop: (UInt64, UnsafeMutablePointer<bench_sample>) -> Int32) throws -> bench_sample {
        let slices = 11
        var samples: [bench_sample] = []
        for _ in 0...slices {
            var sample = bench_sample()
            try valid(loop(duration / UInt64(slices), &sample), subject)
            samples.append(sample)
        }
        func each(_ sample: bench_sample) -> Double { Double(sample.nanoseconds) / Double(sample.operations) }
        return samples.dropFirst().sorted { each($0) < each($1) }[slices / 2]
    }

    /// Times programs, one after the other, that have to succeed.
    func program(_ commands: [String]..., times: UInt64 = 1, input: String? = nil, user: UInt32? = nil) throws
        -> bench_sample
    {
        let start = bench_now()
        for _ in 0..<times {
            for command in commands {
                let descriptor = input.map { open($0, O_RDONLY | O_CLOEXEC) } ?? -1
                defer { close(descriptor) }
                let status = try Subprocess(command, input: descriptor, error: 2, user: user).wait()
                guard status == 0 else { throw Failure("\(command[0]) ended with status \(status)") }
            }
        }
        return bench_sample(operations: times, nanoseconds: bench_now() - start)
    }
}
