import CLoops
import Foundation

extension Workload {
    /// What servers, builders and older benchmarks do, for `--servers`: a fixed piece of work each, whose time counts.
    static let servers = mixes + benchmarks + builders

    private static let mixFiles: UInt32 = 500

    private static func makeMixFiles(_ place: Place) throws {
        mkdir(place.lower + "/work", 0o777)
        var sample = bench_sample()
        try valid(bench_create(place.lower + "/work/file", mixFiles, 16 << 10, &sample), "work/file")
    }

    private static func mix(_ key: String, _ name: String, kind: Int32, turns: UInt32) -> Workload {
        Workload(key, name, prepare: makeMixFiles) { place in
            try place.first(key) { bench_server(kind, mixFiles, turns, $0) }
        }
    }

    /// The mixes of FAST'17's table, as loops of one thread.
    private static let mixes = [
        mix("file-server", "file server: create, append, read, stat, delete", kind: 0, turns: 500),
        mix("mail-server", "mail server: deliver with fsync, read, append with fsync", kind: 1, turns: 100),
        mix("web-server", "web server: read ten pages, append to a log", kind: 2, turns: 300),
    ]

    private static let makeWork: @Sendable (Place) throws -> Void = { place in
        guard mkdir(place.lower + "/work", 0o777) == 0 else { throw Failure("work", code: errno) }
    }

    private static let benchmarks = [
        // fs_mark's default: files of 50 KiB, each synced before it is closed. Debian has no fs_mark.
        Workload("fsmark-like", "create 50 KiB with fsync, as fs_mark does", prepare: makeWork) { place in
            try place.first("create") { bench_create_synced("work/file", 200, 51_200, $0) }
        },
        // It runs for a time, of which the first part does not count, and tells its throughput.
        Workload("dbench", "dbench, 2 clients", program: "dbench", prepare: makeWork) { _ in
            let command = ["dbench", "-t", "3", "-c", "/usr/share/dbench/client.txt", "-D", "work", "2"]
            let (status, text) = try Subprocess.output(of: command)
            let line = text.split(separator: "\n").last { $0.hasPrefix("Throughput ") }
            guard status == 0, let megabytes = line?.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
            else {
                throw Failure("dbench: \(text.suffix(300))")
            }
            return bench_sample(operations: UInt64(megabytes * 1000), nanoseconds: 1_000_000_000)
        },
        Workload(
            "postmark", "postmark, 2000 files, 4000 transactions", program: "postmark",
            prepare: { place in
                try makeWork(place)
                let script = """
                    set location work
                    set number 2000
                    set transactions 4000
                    set size 500 10000
                    run
                    quit

                    """
                try script.write(toFile: place.beside + "/postmark.conf", atomically: false, encoding: .utf8)
            },
            run: { place in try place.program(["postmark", place.beside + "/postmark.conf"]) }),
        // pts/sqlite: single inserts, each a transaction of its own, with SQLite's defaults.
        Workload(
            "sqlite-inserts", "sqlite, 100 inserts with its defaults, as pts/sqlite", program: "sqlite3",
            prepare: { place in
                try makeWork(place)
                var script = "CREATE TABLE pts1 ('I' SMALLINT, 'DT' TIMESTAMP, 'F1' VARCHAR(4), 'F2' VARCHAR(16));\n"
                for row in 0..<100 {
                    script += "INSERT INTO pts1 VALUES (\(row % 9), CURRENT_TIMESTAMP, '\(row)', 'line \(row)');\n"
                }
                try script.write(toFile: place.beside + "/pts.sql", atomically: false, encoding: .utf8)
            },
            run: { place in
                try place.program(["sqlite3", "work/database"], input: place.beside + "/pts.sql")
            }),
    ]

    private static let builders = [
        Workload(
            "compile", "make -j2 of 60 C files", program: "make",
            prepare: { place in
                try makeWork(place)
                try makeProject(in: place.lower + "/work")
            },
            run: { place in try place.program(["make", "-s", "-j2", "-C", "work"]) }),
        Workload(
            "untar-compile", "untar, then make -j2", program: "make",
            prepare: { place in
                try makeWork(place)
                try makeProject(in: place.lower + "/work")
                try Subprocess.run(["tar", "cf", place.beside + "/project.tar", "-C", place.lower + "/work", "."])
                try Subprocess.run(["sh", "-c", "rm -r \(place.lower)/work/*"])
            },
            run: { place in
                try place.program(
                    ["tar", "xf", place.beside + "/project.tar", "-C", "work"], ["make", "-s", "-j2", "-C", "work"])
            }),
    ]

    /// A project of small C files, each with a few headers of its own and of the system.
    private static func makeProject(in directory: String) throws {
        let count = 60
        var rules = "OBJECTS = \((0..<count).map { "part\($0).o" }.joined(separator: " "))\n"
        rules += "program: $(OBJECTS)\n\tcc -o $@ $(OBJECTS)\n%.o: %.c\n\tcc -O0 -c -o $@ $<\n"
        try rules.write(toFile: directory + "/Makefile", atomically: false, encoding: .utf8)
        for part in 0..<count {
            let header = "#ifndef PART\(part)\n#define PART\(part)\nint part\(part)(int);\n#endif\n"
            try header.write(toFile: "\(directory)/part\(part).h", atomically: false, encoding: .utf8)
            var text = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
            for other in 0..<8 { text += "#include \"part\((part + other) % count).h\"\n" }
            text +=
                "int part\(part)(int n) { return n < 1 ? 0 : part\((part + 1) % count)(n - 1) + (int)strlen(\"x\"); }\n"
            if part == 0 { text += "int main(void) { printf(\"%d\\n\", part0(9)); return 0; }\n" }
            try text.write(toFile: "\(directory)/part\(part).c", atomically: false, encoding: .utf8)
        }
    }
}
