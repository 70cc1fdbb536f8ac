import Glibc
import SystemCalls
import Testing

@testable import CgroupOverlay

/// The state file: what comes back after a restart, and what does not.
@Suite struct StateTests {
    @Test func everythingComesBack() throws {
        let folder = try TemporaryFolder()
        let processes = FakeProcesses()
        let member = processes.add()
        let movedOut = processes.add(parent: member)
        let before = try harness(.v1, processes, folder)
        for path in [
            "memory/a b", "memory/a b/c%", "cpuset/s", "devices/d", "blkio/i", "hugetlb/h", "net_prio/n", "freezer/f",
            "unified/u",
        ] {
            #expect(before.makeDirectory(path) == "OK")
        }
        let settings = [
            ("memory/a b/memory.limit_in_bytes", "64M"), ("memory/a b/c%/memory.swappiness", "7"),
            ("memory/release_agent", "/bin/agent x"), ("cpuset/s/cpuset.cpus", "1"), ("cpuset/s/cpuset.mems", "0"),
            ("devices/d/devices.deny", "a"), ("devices/d/devices.allow", "c 1:* rw"),
            ("blkio/i/blkio.throttle.read_bps_device", "254:0 1000"), ("hugetlb/h/hugetlb.2MB.limit_in_bytes", "4M"),
            ("net_prio/n/net_prio.ifpriomap", "eth0 3"), ("freezer/f/freezer.state", "FROZEN"),
            ("cpu/cpu.rt_runtime_us", "900000"), ("unified/u/cgroup.max.depth", "3"),
            ("unified/u/cgroup.type", "threaded"),
            ("memory/a b/c%/cgroup.procs", "\(member)"), ("memory/a b/cgroup.procs", "\(movedOut)"),
            ("memory/cgroup.procs", "\(movedOut)"),
        ]
        for (path, text) in settings { #expect(before.write(path, text) == "OK", "\(path)") }
        var change = CgroupAttributeChange()
        change.mode = 0o600
        _ = try before.tree.setAttributes(of: try before.node("memory/a b/tasks"), change)
        before.tree.record(.oomKill, in: try before.node("memory/a b").group)
        let contents = try everyFile(of: before)
        try before.tree.saveState()

        // Meanwhile a child begins, and another process ends and its number is used again.
        let child = processes.add(parent: member)
        let after = try harness(.v1, processes, folder)
        #expect(!after.tree.stateWasDamaged)
        #expect(after.read("memory/a b/c%/cgroup.procs") == "\(member)\n\(child)\n")
        processes.reap(child)
        #expect(try everyFile(of: after) == contents)
        #expect(try after.tree.attributes(of: try after.node("memory/a b/tasks")).mode == S_IFREG | 0o600)
        #expect(after.read("memory/cgroup.procs").split(separator: "\n").contains("\(movedOut)"))
        #expect(after.actions.take().contains("confine [1] []") == false)
    }

    @Test func unifiedHierarchy() throws {
        let folder = try TemporaryFolder()
        let processes = FakeProcesses()
        let pid = processes.add()
        let before = try harness(.v2, processes, folder)
        before.write("cgroup.subtree_control", "+memory +pids +cpuset")
        before.makeDirectory("a")
        before.write("a/memory.max", "1M")
        before.write("a/cpuset.cpus", "1")
        before.write("a/cgroup.procs", "\(pid)")
        let contents = try everyFile(of: before)
        try before.tree.saveState()
        let after = try harness(.v2, processes, folder)
        #expect(try everyFile(of: after) == contents)
        #expect(after.actions.take() == ["confine [1] [\(pid)]"])
        // A file of the other version says nothing about this one.
        try after.tree.saveState()
        #expect(try harness(.v1, processes, folder).list("memory").contains("a") == false)
    }

    @Test func reusedNumbersAreNotTakenBack() throws {
        let folder = try TemporaryFolder()
        let processes = FakeProcesses()
        let pid = processes.add()
        let before = try harness(.v2, processes, folder)
        before.makeDirectory("a")
        before.write("a/cgroup.procs", "\(pid)")
        try before.tree.saveState()
        processes.reap(pid)
        processes.add(pid)
        let after = try harness(.v2, processes, folder)
        #expect(after.read("a/cgroup.procs") == "")
        #expect(after.removeDirectory("a") == "OK")
    }

    /// A file that is cut off, changed or something else never makes half a tree: it is put aside.
    @Test func damagedFiles() throws {
        let folder = try TemporaryFolder()
        let processes = FakeProcesses()
        let before = try harness(.v2, processes, folder)
        before.makeDirectory("a")
        before.makeDirectory("a/b")
        try before.tree.saveState()
        let whole = try folder.read("state")
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for round in 0..<200 {
            var bytes = whole
            switch round % 4 {
            case 0: bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
            case 1: bytes[Int.random(in: bytes.indices, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            case 2:
                bytes.insert(
                    UInt8.random(in: 0...255, using: &random), at: Int.random(in: bytes.indices, using: &random))
            default:
                bytes = (0..<Int.random(in: 1..<400, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
            }
            try folder.write("state", bytes)
            let after = try harness(.v2, processes, folder)
            #expect(after.tree.stateWasDamaged, "seed \(seed), round \(round)")
            #expect(try after.list("").contains("a") == false, "seed \(seed), round \(round)")
            #expect(try folder.read("state.damaged") == bytes, "seed \(seed), round \(round)")
        }
    }

    /// Records of any content behind a right checksum: a state file is trusted, but no crash follows from it.
    @Test func strangeRecords() throws {
        let folder = try TemporaryFolder()
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        let words = [
            "version", "v2", "hierarchy", "%-", "group", "/", "/a", "/a/b", "//", "1", "-1", "0",
            "99999999999999999999", "set",
            "memoryMax", "cpuPeriod", "frozen", "partition", "processors", "0-1", "0-9999", "nodes", "control",
            "device",
            "readBytes", "hugepages", "max", "priority", "rule", "c%201:3%20r", "event", "oom", "hugePagesMax:5",
            "peak", "member",
            "thread", "attributes", "extended", "user.a", "cgroup.procs", "boot", "seen", "agent", "figures", "devices",
            "%zz",
        ]
        for round in 0..<300 {
            var text = Text()
            text.line(TreeState.stateHeader)
            text.append("version v2\nhierarchy %-\ngroup /a 1 0 0 493\n" as StaticString)
            for _ in 0..<30 {
                let line = (0..<Int.random(in: 1...6, using: &random)).map { _ in words.randomElement(using: &random)! }
                text.append(line.joined(separator: " ") + "\n")
            }
            text.append("end " as StaticString)
            text.line(StateText.checksum(text.bytes))
            try folder.write("state", text.bytes)
            let after = try harness(.v2, FakeProcesses(), folder)
            _ = try everyFile(of: after)
            after.makeDirectory("new")
            #expect(after.removeDirectory("new") == "OK", "seed \(seed), round \(round)")
        }
    }

    private func harness(_ version: CgroupConfiguration.Version, _ processes: FakeProcesses, _ folder: TemporaryFolder)
        throws
        -> TreeHarness
    {
        try TreeHarness(version, processes: processes) { $0.stateFile = "\(folder.path)/state" }
    }

    /// The content of every file but those that list the whole machine.
    private func everyFile(of harness: TreeHarness) throws -> [String: String] {
        var contents: [String: String] = [:]
        func visit(_ path: String) throws {
            for name in try harness.list(path) {
                let inner = path.isEmpty ? name : "\(path)/\(name)"
                let mode = try harness.tree.attributes(of: harness.node(inner)).mode
                if mode & S_IFMT == S_IFDIR { try visit(inner) }
                if mode & S_IFMT == S_IFREG && name != "cgroup.stat.local" { contents[inner] = harness.read(inner) }
            }
        }
        try visit("")
        return contents.filter {
            !$0.key.hasSuffix("tasks") && !$0.key.hasSuffix("procs") && !$0.key.hasSuffix("threads")
        }
    }
}
