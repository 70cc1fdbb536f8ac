import CLoops
import Foundation
import Testing

@testable import stackfs_bench

@Suite("The benchmark")
struct BenchTests {
    private static func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/stackfs-test.XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let directory = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory)
    }

    @Test("Every piece of work has a name of its own")
    func names() {
        let keys = Workload.everything.map(\.key) + RequestScenario.all.flatMap { $0.loops.map(\.0) }
        #expect(Set(keys).count == keys.count)
        let rows = Workload.everything.map(\.name)
        #expect(Set(rows).count == rows.count)
    }

    @Test("The median is the middle, or the mean of the two")
    func medians() {
        #expect(median([]) == nil)
        #expect(median([3, 1, 200]) == 3)
        #expect(median([4, 1, 2, 200]) == 3)
    }

    @Test("A run goes on after the last whole line")
    func resuming() throws {
        try Self.withDirectory { directory in
            let first = try Results(path: directory + "/first", resuming: nil)
            var record = Record(kind: "measurement")
            (record.workload, record.system, record.run, record.ratio) = ("create", "bindfs", 1, 4.5)
            (record.operations, record.nativeNanoseconds) = (4000, 40_000_000)
            try first.append(record)
            (record.system, record.ratio, record.error) = ("mergerfs", nil, "did not mount")
            try first.append(record)
            let file = try #require(FileHandle(forWritingAtPath: directory + "/first"))
            try file.seekToEnd()
            file.write(Data(#"{"kind":"measurement","workload":"crea"#.utf8))
            try file.close()

            // The same file may be both.
            let second = try Results(path: directory + "/first", resuming: directory + "/first")
            #expect(second.records.count == 2)
            #expect(second.has("create", "bindfs", run: 1))
            #expect(!second.has("create", "bindfs", run: 2))
            #expect(second.ratios("create", "bindfs") == [4.5])
            #expect(second.records[0].nativeNanoseconds == 40_000_000)
            #expect(second.hasFailed("create", "mergerfs"))
            #expect(!second.hasFailed("create", "bindfs"))
            let text = try String(contentsOfFile: directory + "/first", encoding: .utf8)
            #expect(text.split(separator: "\n").count == 2)
        }
    }

    @Test("NAME=VALUE is divided at the first equals sign")
    func naming() throws {
        let (name, value) = try System.split("warm=cache=ttl:3600,ro", option: "--stackfs-options")
        #expect(name == "warm" && value == "cache=ttl:3600,ro")
        #expect(throws: Failure.self) { try System.split("bindfs", option: "--peer") }
        #expect(throws: Failure.self) { try System.split("=bindfs", option: "--peer") }
    }

    @Test("The loops do the work that they count, and stop at errors")
    func loops() throws {
        try Self.withDirectory { directory in
            var sample = bench_sample()
            #expect(bench_create(directory + "/file", 50, 4096, &sample) == 0)
            #expect(sample.operations == 50 && sample.nanoseconds > 0)
            #expect((try? FileManager.default.contentsOfDirectory(atPath: directory).count) == 50)
            #expect(bench_create(directory + "/file", 1, 0, &sample) == -EEXIST)

            #expect(bench_stat(directory + "/file0", 0, 1000, &sample) == 0)
            #expect(bench_stat(directory + "/file0", 1, 1000, &sample) == -EEXIST)
            #expect(bench_stat(directory + "/missing", 1, 1000, &sample) == 0)
            #expect(bench_stat(directory + "/missing", 0, 1000, &sample) == -ENOENT)

            #expect(bench_open(directory + "/file", 50, 4096, 1_000_000, &sample) == 0)
            #expect(bench_read_sequential(directory + "/file0", 1024, &sample) == 0)
            #expect(sample.operations == 4)
            // 50 files, "." and "..".
            #expect(bench_readdir_stat(directory, &sample) == 0)
            #expect(sample.operations == 52)

            #expect(bench_write(directory + "/file0", 4096, 512, 0, 1, &sample) == 0)
            #expect(FileManager.default.contents(atPath: directory + "/file0") == Data(repeating: 2, count: 4096))

            #expect(bench_unlink(directory + "/file", 50, &sample) == 0)
            #expect((try? FileManager.default.contentsOfDirectory(atPath: directory).isEmpty) == true)
            #expect(bench_unlink(directory + "/file", 1, &sample) == -ENOENT)
        }
    }

    @Test("A program that hangs is killed when its time is over")
    func limits() throws {
        #expect(try Subprocess(["sleep", "60"]).wait(seconds: 0.1) == nil)
        #expect(try Subprocess(["sh", "-c", "exit 7"]).wait(seconds: 20) == 7)
        #expect(try Subprocess(["/nonexistent"]).wait() == 127)
        #expect(try Subprocess.output(of: ["pwd"], in: "/").text == "/\n")
    }
}
