import CLoops
import Foundation

extension Workload {
    /// The rows of the table. "First" is a fresh mount over a lower file system whose caches are warm.
    static let all = metadata + directories + data + names + programs

    /// The main table's, fio's, and those of servers and builders.
    static let everything = all + fio + servers

    private static let makeWork: @Sendable (Place) throws -> Void = { place in
        guard mkdir(place.lower + "/work", 0o777) == 0 else { throw Failure("work", code: errno) }
    }
    private static let created: UInt32 = 4000

    private static let metadata = [
        Workload("stat-hot", "stat hot", goal: 1.0, .small) { place in
            try place.warm("stat") { bench_stat("small/file0", 0, $0, $1) }
        },
        Workload("stat-first", "stat, 8k files, first", goal: 4, .stat) { place in
            try place.first("stat") { sample in
                guard chdir("stat") == 0 else { return -errno }
                return bench_stat_tree("file", Fixture.statDirectories, Fixture.statCount, sample)
            }
        },
        Workload("stat-missing", "stat of a missing name", goal: 1.0, .small) { place in
            try place.warm("stat") { bench_stat("small/missing", 1, $0, $1) }
        },
        Workload("open-close", "open+close", goal: 6, .small) { place in
            try place.warm("open") { bench_open("small/file", Fixture.smallCount, 0, $0, $1) }
        },
        Workload("open-read-close", "open+read+close 8k", goal: 4, .small) { place in
            try place.warm("open") { bench_open("small/file", Fixture.smallCount, 8192, $0, $1) }
        },
    ]

    private static let directories = [
        Workload("readdir-first", "readdir 10k first", goal: 1.5, .list10k) { place in
            try place.first("readdir") { bench_readdir("list10k", 0, $0) }
        },
        Workload("readdir-cached", "readdir 10k cached", goal: 0.3, .list10k) { place in
            // The kernel fills its cache at the second pass.
            for _ in 0..<2 { _ = try place.first("readdir") { bench_readdir("list10k", 0, $0) } }
            return try place.warm("readdir") { bench_readdir("list10k", $0, $1) }
        },
        Workload("readdir-stat-10k", "readdir+stat 10k first", goal: 3.5, .list10k) { place in
            try place.first("readdir") { bench_readdir_stat("list10k", $0) }
        },
        Workload("readdir-stat-100k", "readdir+stat 100k", goal: 3.5, .list100k) { place in
            try place.first("readdir") { bench_readdir_stat("list100k", $0) }
        },
    ]

    private static let data = [
        Workload("read-128k", "128K read first", goal: 1.0, .big) { place in
            try place.first("read") { bench_read_sequential("big", 128 << 10, $0) }
        },
        Workload("read-4k-random", "4K random read warm", goal: 1.05, .big) { place in
            _ = try place.first("read") { bench_read_sequential("big", 128 << 10, $0) }
            return try place.warm("read") { bench_read_random("big", Fixture.bigSize, 4096, $0, $1) }
        },
        Workload("mmap-read", "mmap read", goal: 1.05, .big) { place in
            _ = try place.first("read") { bench_read_sequential("big", 128 << 10, $0) }
            return try place.warm("mmap") { bench_map_read("big", Fixture.bigSize, $0, $1) }
        },
        Workload("write-128k", "128K write", goal: 1.0, .overwritten) { place in
            try place.warm("write") { bench_write("overwritten", Fixture.overwrittenSize, 128 << 10, 0, $0, $1) }
        },
        Workload("write-4k", "4K sequential write", goal: 1.2, .overwritten) { place in
            try place.warm("write") { bench_write("overwritten", Fixture.overwrittenSize, 4096, 0, $0, $1) }
        },
        Workload("write-4k-random", "4K random write", goal: 1.05, .overwritten) { place in
            try place.warm("write") { bench_write("overwritten", Fixture.overwrittenSize, 4096, 1, $0, $1) }
        },
    ]

    private static let names = [
        Workload("create", "create", goal: 2.5, prepare: makeWork) { place in
            try place.first("create") { bench_create("work/file", created, 0, $0) }
        },
        Workload("create-write", "create+write", goal: 3, prepare: makeWork) { place in
            try place.first("create") { bench_create("work/file", created, 4096, $0) }
        },
        Workload("unlink", "unlink", goal: 2, prepare: makeWork) { place in
            _ = try place.first("create") { bench_create("work/file", created, 0, $0) }
            return try place.first("unlink") { bench_unlink("work/file", created, $0) }
        },
    ]

    private static let unpackNatively: @Sendable (Place) throws -> Void = { place in
        try makeWork(place)
        try Subprocess.run(["tar", "xf", Fixture.archive(place.beside), "-C", place.lower + "/work"])
    }

    private static let programs = [
        Workload("untar", "untar 9.9k files", goal: 2.5, program: "tar", prepare: makeWork) { place in
            try place.program(["tar", "xf", Fixture.archive(place.beside), "-C", "work"])
        },
        Workload("rm-rf", "rm -rf", goal: 2, program: "rm", prepare: unpackNatively) { place in
            try place.program(["rm", "-rf", "work"])
        },
        Workload("find-first", "find first", goal: 3, .tree, program: "find") { place in
            try place.program(findAll)
        },
        Workload("find-warm", "find warm", goal: 1.2, .tree, program: "find") { place in
            for _ in 0..<2 { _ = try place.program(findAll) }
            return try place.program(findAll, times: 5)
        },
        Workload("git-status", "git status", goal: 1.1, .tree, program: "git") { place in
            // The first one writes an index that fits what is shown here.
            for _ in 0..<2 { _ = try place.program(["git", "-C", "tree", "status", "--porcelain"]) }
            return try place.program(gitStatus, times: 5)
        },
        Workload("grep-warm", "grep -r warm", goal: 2, .tree, program: "grep") { place in
            _ = try place.program(grepAll)
            return try place.program(grepAll, times: 3)
        },
        Workload("sqlite-wal", "sqlite WAL inserts", goal: 1.0, program: "sqlite3", prepare: makeWork) { place in
            try place.program(["sqlite3", "work/database"], input: Fixture.inserts(place.beside))
        },
    ]

    /// Stats every file.
    static let findAll = ["find", "tree", "-size", "+1000k", "-print"]
    static let gitStatus = ["git", "--no-optional-locks", "-C", "tree", "status", "--porcelain"]
    /// Reads every file to its end.
    private static let grepAll = [
        "grep", "-r", "--binary-files=without-match", "-c", "over the lazy dog", "tree/part0", "tree/part1",
        "tree/part2", "tree/part3", "tree/part4", "tree/part5",
    ]
}
