import CgroupOverlay
import Glibc
import Testing

/// The tree against what real kernels have answered, line by line, as compare.py holds a mount against them.
@Suite struct OracleTests {
    @Test func v1() throws {
        let harness = try TreeHarness(.v1)
        harness.processes.setDescriptor(1, "pipe:[1]")
        let misses = try compare(harness, "v1", "v1-linux-6.18", prefix: "/sys/fs/cgroup")
        // The recording's machine had hugetlb in the unified hierarchy. Here it is a hierarchy of v1.
        #expect(misses.map { $0.split(separator: " ").prefix(2).joined(separator: " ") } == ["L cgroup.stat"])
    }

    @Test func v2() throws {
        // The machine of the recording: one processor, no disk.
        let harness = try TreeHarness(.v2, figures: FakeFigures(processors: 1, disks: []))
        let misses = try compare(harness, "v2", "v2-linux-6.1", prefix: "/c2")
        #expect(misses == [])
    }

    /// Random commands on v1 and its unified hierarchy.
    @Test func rules() throws {
        let harness = try TreeHarness(.v1)
        for number in 0...2 { harness.processes.setDescriptor(Int32(number), "pipe:[1]") }
        let misses = try compare(harness, "rules", "rules-linux-6.18", prefix: "/sys/fs/cgroup")
        #expect(misses == [])
    }

    /// Random delegation, thread groups and processes on the unified hierarchy, which had one controller.
    @Test func domains() throws {
        let harness = try TreeHarness(.v2)
        harness.write("cgroup.subtree_control", "+hugetlb")
        let misses = try compare(harness, "domains", "domains-linux-6.18", prefix: "/sys/fs/cgroup/unified")
        #expect(misses == [])
    }

    /// What the kernel answered and the tree does not.
    private func compare(_ harness: TreeHarness, _ commands: String, _ expected: String, prefix: String) throws
        -> [String]
    {
        let runner = OracleRunner(harness: harness, prefix: prefix)
        let answers = sections(try runner.run(try text("\(commands).cmds")))
        let wanted = sections(
            try text("\(expected).expected").split(separator: "\n").map(String.init).filter { line in
                !["EV ", "statfs ", "lseek "].contains { line.hasPrefix($0) } && !line.contains("v/cgroup.procs '")
            })
        var misses: [String] = []
        var at = 0
        func answer() -> Section? { at < answers.count ? answers[at] : nil }
        for section in wanted {
            switch section {
            case .listing(let lines):
                var have: [String] = []
                if case .listing(let mine)? = answer() {
                    have = mine
                    at += 1
                }
                for line in lines where !have.contains(line) {
                    let name = line.split(separator: " ")[1]
                    misses.append("\(line) | \(have.first { $0.hasPrefix("L \(name) ") } ?? "")")
                }
            case .line(let line):
                if line.hasPrefix("#") {
                    while let mine = answer(), mine != section { at += 1 }
                    at += 1
                } else {
                    if answer() != section { misses.append("\(line) | \(answer().map { "\($0)" } ?? "nothing")") }
                    at += 1
                }
            }
        }
        return misses
    }

    private enum Section: Equatable {
        case line(String)
        case listing([String])
    }

    private func sections(_ lines: [String]) -> [Section] {
        var sections: [Section] = []
        for line in lines.map(normalised) {
            if !line.hasPrefix("L ") {
                sections.append(.line(line))
            } else if case .listing(let before)? = sections.last {
                sections[sections.count - 1] = .listing(before + [line])
            } else {
                sections.append(.listing([line]))
            }
        }
        return sections
    }

    /// compare.py's masks: inode numbers, pids, the values of counters.
    private func normalised(_ line: String) -> String {
        let line = line.replacing(/\sino=\d+/, with: " ino=N")
        let setting =
            /(limit_in_bytes|\.max|\.high|\.low|\.min|shares|weight|quota_us|period_us|cpuset\.cpus|cpuset\.mems|freezer\.state|devices\.list|subtree_control|cgroup\.type|cgroup\.events|oom_control|kmem\.limit_in_bytes|_device|release_agent)$/
        if let match = line.wholeMatch(of: /R (\S+) (\S+) '(.*)'/) {
            if match.1.contains(setting) { return line }
            return "R \(match.1) \(match.2) '\(String(match.3).replacing(/[0-9.]+/, with: "N"))'"
        }
        if let match = line.wholeMatch(of: /L (\S+) (\d+) sz=(\d+) (.*)/) {
            var body = String(match.4).replacing(/\.\.\.\(\d+ bytes\)/, with: "...")
            if match.1.contains(/^(cgroup\.(procs|threads)|tasks)$/) { body = "'pids'" }
            let keys = body.matches(of: /[a-zA-Z_:]+/).prefix(24).map { String($0.0) }.joined(separator: " ")
            return "L \(match.1) \(match.2) sz=\(match.3) \(keys)"
        }
        if line.hasPrefix("W ") || line.hasPrefix("[") {
            return line.replacing(/(cgroup\.procs|cgroup\.threads|tasks) '\d+' = (-?)\d+/) {
                "\($0.1) 'pid' = \($0.2)n"
            }
        }
        if line.hasPrefix("pread ") { return line.replacing(/^(pread \S+ off=\d+ len=\d+ -> \d+ ).*/) { $0.1 } }
        return line
    }

    private func text(_ name: String) throws -> String {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let file = try #require(fopen("/\(folder)/Oracle/\(name)", "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}
