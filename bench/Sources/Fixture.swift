import CLoops
import Foundation

/// What a workload finds in the lower directory, under the case's name; made natively, once, before the first measurement.
enum Fixture: String, CaseIterable {
    /// `small/file0...255`, 8 KiB each.
    case small
    /// `stat/dir0...7/file0...1023`, empty.
    case stat
    /// `list10k/file0...9999`, empty.
    case list10k
    case list100k
    /// `big`, 128 MiB.
    case big
    /// `overwritten`, 64 MiB.
    case overwritten
    /// `tree`, 9,900 files as in a source tree, committed to git.
    case tree

    static let bigSize: UInt64 = 128 << 20
    static let overwrittenSize: UInt64 = 64 << 20
    static let smallCount: UInt32 = 256
    static let statDirectories: UInt32 = 8
    static let statCount: UInt32 = 1024
    static let treeFiles = 9900
    static let insertCount = 4000

    static func archive(_ beside: String) -> String { beside + "/tree.tar" }
    static func smallArchive(_ beside: String) -> String { beside + "/thousand.tar" }
    static func inserts(_ beside: String) -> String { beside + "/inserts.sql" }

    func make(in scratch: Scratch) throws {
        let lower = scratch.lower
        func directory(_ name: String) -> String {
            let path = "\(lower)/\(name)"
            mkdir(path, 0o755)
            return path
        }
        switch self {
        case .small: try Self.create(directory("small") + "/file", Self.smallCount, size: 8192)
        case .stat:
            let path = directory("stat")
            for number in 0..<Self.statDirectories {
                mkdir("\(path)/dir\(number)", 0o755)
                try Self.create("\(path)/dir\(number)/file", Self.statCount)
            }
        case .list10k: try Self.create(directory("list10k") + "/file", 10_000)
        case .list100k: try Self.create(directory("list100k") + "/file", 100_000)
        case .big: try Self.fill("\(lower)/big", Self.bigSize)
        case .overwritten: try Self.fill("\(lower)/overwritten", Self.overwrittenSize)
        case .tree:
            try Subprocess.run(["tar", "xf", Self.archive(scratch.beside), "--no-same-owner", "-C", directory("tree")])
            let git = [
                "git", "-C", directory("tree"), "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c",
                "gc.auto=0",
            ]
            try Subprocess.run(git + ["init", "-q"])
            try Subprocess.run(git + ["add", "-A"])
            try Subprocess.run(git + ["commit", "-q", "-m", "The tree"])
            // One pack instead of as many objects as files, so that the tree is what is walked.
            try Subprocess.run(git + ["gc", "-q"])
        }
    }

    private static func create(_ prefix: String, _ count: UInt32, size: UInt32 = 0) throws {
        var sample = bench_sample()
        try valid(bench_create(prefix, count, size, &sample), prefix)
    }

    private static func fill(_ path: String, _ size: UInt64) throws {
        guard let file = fopen(path, "w") else { throw Failure(path, code: errno) }
        defer { fclose(file) }
        let block = [UInt8](repeating: 7, count: 1 << 20)
        for _ in 0..<size >> 20 {
            guard fwrite(block, 1, block.count, file) == block.count else { throw Failure(path, code: errno) }
        }
    }

    /// The archives and scripts, on the same disk as the lower directory but not shown.
    static func makeInputs(in scratch: Scratch) throws {
        let beside = scratch.beside
        try archive(treeFiles, as: archive(beside), beside)
        try archive(1000, as: smallArchive(beside), beside)
        var script = "PRAGMA journal_mode=WAL;\nPRAGMA synchronous=NORMAL;\n"
        script += "CREATE TABLE log(id INTEGER PRIMARY KEY, at INTEGER, text TEXT);\n"
        for row in 0..<insertCount {
            script += "INSERT INTO log(at, text) VALUES(\(row * 7919), 'line number \(row) of the log');\n"
        }
        try script.write(toFile: inserts(beside), atomically: false, encoding: .utf8)
    }

    /// Sizes and depths as in a source tree: mostly a few kilobytes, 16 files a directory, directories in directories.
    private static func archive(_ files: Int, as path: String, _ beside: String) throws {
        let root = beside + "/tree.\(files)"
        var state: UInt64 = 42
        func random(_ below: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % below
        }
        let line = Array("    the quick brown fox jumps over the lazy dog, again and again;\n".utf8)
        let text = (0..<2048).flatMap { _ in line }
        for number in 0..<files {
            let directory = "\(root)/part\(number / 400)/section\(number / 80 % 5)/piece\(number / 16 % 5)"
            if number % 16 == 0 {
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            }
            // Uniform in the logarithm: 64 bytes to 32 KiB.
            let size = Int(64 << random(9)) + Int(random(64))
            let name = "\(directory)/file\(number).c"
            let header = Array("// \(number)\n".utf8)
            guard let file = fopen(name, "w") else { throw Failure(name, code: errno) }
            fwrite(header, 1, header.count, file)
            fwrite(text, 1, min(size, text.count), file)
            fclose(file)
        }
        // A date in the past, so that git need not read files again that are as young as its index.
        try Subprocess.run(["tar", "cf", path, "--mtime=2020-01-01", "--owner=0", "--group=0", "-C", root, "."])
        try Subprocess.run(["rm", "-rf", root])
    }
}
