import CLoops
import Foundation

extension Workload {
    /// The set of "To FUSE or Not to FUSE" (FAST'17), by fio: reads and writes in turn and at random, in small and large
    /// blocks, creating and deleting, by 1 and by 32 threads.
    static let fio: [Workload] = [1, 32].flatMap { threads in
        ["4k", "128k"].flatMap { block in
            ["read", "randread", "write", "randwrite"].map { transfer($0, block, threads) }
        } + [creation(threads), deletion(threads)]
    }

    private static let titles = [
        "read": "sequential read", "randread": "random read", "write": "sequential write", "randwrite": "random write",
    ]

    private static func transfer(_ pattern: String, _ block: String, _ threads: Int) -> Workload {
        let size = threads == 1 ? "128M" : "4M"
        let arguments = [
            "--rw=\(pattern)", "--bs=\(block)", "--size=\(size)", "--ioengine=psync", "--fallocate=none",
            "--randseed=1",
        ]
        return Workload(
            "fio-\(pattern)-\(block)-\(threads)", "fio \(titles[pattern]!) \(block), \(count(threads))", program: "fio",
            prepare: { place in
                mkdir(place.lower + "/work", 0o755)
                // Written, not laid out: unwritten extents would be converted while the time runs.
                let layout = ["--rw=write", "--bs=1M", "--size=\(size)", "--ioengine=psync", "--fallocate=none"]
                try Subprocess.run(command(layout, threads, in: place.lower + "/work"))
            },
            run: { place in
                let seconds = max(Double(place.duration) / 1e9 * 5, 0.2)
                let timed = ["--time_based", "--runtime=\(Int(seconds * 1000))ms"]
                return try sample(command(arguments + timed, threads, in: "work"))
            })
    }

    private static func creation(_ threads: Int) -> Workload {
        Workload(
            "fio-create-\(threads)", "fio create 4k, \(count(threads))", program: "fio",
            prepare: { mkdir($0.lower + "/work", 0o755) },
            run: { _ in
                let arguments = [
                    "--rw=write", "--bs=4k", "--filesize=4k", "--nrfiles=\(4096 / threads)", "--openfiles=1",
                    "--file_service_type=sequential", "--create_on_open=1", "--fallocate=none", "--ioengine=psync",
                ]
                return try sample(command(arguments, threads, in: "work"))
            })
    }

    private static func deletion(_ threads: Int) -> Workload {
        Workload(
            "fio-delete-\(threads)", "fio delete, \(count(threads))", program: "fio",
            prepare: { place in
                mkdir(place.lower + "/work", 0o755)
                let files = [
                    "--rw=write", "--bs=4k", "--filesize=4k", "--nrfiles=\(4096 / threads)", "--openfiles=1",
                    "--create_on_open=1", "--fallocate=none", "--ioengine=psync",
                ]
                try Subprocess.run(command(files, threads, in: place.lower + "/work"))
            },
            run: { _ in
                let arguments = ["--ioengine=filedelete", "--filesize=4k", "--nrfiles=\(4096 / threads)"]
                return try sample(command(arguments, threads, in: "work"))
            })
    }

    private static func count(_ threads: Int) -> String { threads == 1 ? "1 thread" : "\(threads) threads" }

    private static func command(_ arguments: [String], _ threads: Int, in directory: String) -> [String] {
        [
            "fio", "--name=file", "--directory=\(directory)", "--thread", "--invalidate=0", "--numjobs=\(threads)",
            "--group_reporting",
        ]
            + ["--output-format=json"] + arguments
    }

    private struct Report: Decodable {
        struct Direction: Decodable {
            let totalIos: UInt64
            let runtime: UInt64
        }
        struct Job: Decodable {
            let error: Int32
            let read: Direction
            let write: Direction
        }
        let jobs: [Job]
    }

    /// Runs fio, and takes what it transferred or, of files created and deleted, its whole time.
    private static func sample(_ command: [String]) throws -> bench_sample {
        let start = bench_now()
        let (status, text) = try Subprocess.output(of: command)
        let elapsed = bench_now() - start
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard status == 0, let brace = text.firstIndex(of: "{"),
            let job = try decoder.decode(Report.self, from: Data(text[brace...].utf8)).jobs.first, job.error == 0
        else { throw Failure("fio: \(text.prefix(300))") }
        for direction in [job.read, job.write] where direction.totalIos > 0 && direction.runtime > 10 {
            return bench_sample(operations: direction.totalIos, nanoseconds: direction.runtime * 1_000_000)
        }
        return bench_sample(operations: 1, nanoseconds: elapsed)
    }
}
