import Glibc
import Synchronization
import SystemCalls
import Testing

@testable import CgroupOverlay

/// A group is frozen once all its members have stopped, and not before.
@Suite struct FreezerTests {
    @Test func watchersLearnWhenAllHaveStopped() throws {
        let harness = try TreeHarness(.v2)
        let told = Mutex<[CgroupNode]>([])
        for path in ["a", "a/b", "a/c"] { harness.makeDirectory(path) }
        let events = try ["a", "a/b", "a/c"].map { try harness.node("\($0)/cgroup.events") }
        let first = harness.processes.add()
        let second = harness.processes.add()
        harness.write("a/b/cgroup.procs", "\(first)")
        harness.write("a/c/cgroup.procs", "\(second)")
        harness.tree.onChange { node in told.withLock { $0.append(node) } }
        func changed() -> [Bool] {
            told.withLock { nodes in
                defer { nodes = [] }
                return events.map { nodes.contains($0) }
            }
        }
        func frozen() -> [Bool] {
            ["a", "a/b", "a/c"].map { harness.read("\($0)/cgroup.events").hasSuffix("frozen 1\n") }
        }
        harness.write("a/cgroup.freeze", "1")
        #expect(changed() == [false, false, false] && frozen() == [false, false, false])
        harness.processes.setStopped([first])
        harness.tree.followProcesses()
        #expect(changed() == [false, true, false] && frozen() == [false, true, false])
        harness.processes.setStopped([first, second])
        harness.tree.followProcesses()
        #expect(changed() == [true, false, true] && frozen() == [true, true, true])
        // Somebody comes who has not stopped, and goes.
        let third = harness.processes.add()
        harness.write("a/c/cgroup.procs", "\(third)")
        _ = harness.actions.take()
        #expect(changed() == [true, false, true] && frozen() == [false, true, false])
        harness.write("cgroup.procs", "\(third)")
        #expect(harness.actions.take() == ["thaw [\(third)]"])
        harness.tree.followProcesses()
        #expect(changed() == [true, false, true] && frozen() == [true, true, true])
        harness.write("a/cgroup.freeze", "0")
        #expect(changed() == [true, true, true] && frozen() == [false, false, false])
    }

    @Test func emptyGroupsAreFrozenAtOnce() throws {
        let harness = try TreeHarness(.v1)
        harness.makeDirectory("freezer/a")
        #expect(harness.write("freezer/a/freezer.state", "FROZEN") == "OK")
        #expect(harness.read("freezer/a/freezer.state") == "FROZEN\n")
        harness.makeDirectory("freezer/a/b")
        #expect(harness.read("freezer/a/b/freezer.state") == "FROZEN\n")
        let pid = harness.processes.add()
        harness.write("freezer/a/b/cgroup.procs", "\(pid)")
        #expect(harness.read("freezer/a/freezer.state") == "FREEZING\n")
        harness.processes.setStopped([pid])
        #expect(harness.read("freezer/a/freezer.state") == "FROZEN\n")
    }

    /// A process of two threads and its child, that run all the time.
    @Test(arguments: [CgroupConfiguration.Version.v1, .v2])
    func realProcesses(_ version: CgroupConfiguration.Version) throws {
        let harness = try FiguresHarness(version)
        let group = version == .v1 ? "freezer/a" : "a"
        try harness.makeGroup(group)
        let shell = try Child("while :; do :; done & while :; do :; done")
        defer { shell.end() }
        try harness.write("\(group)/cgroup.procs", "\(shell.pid)")
        func set(_ isFrozen: Bool) throws {
            if version == .v1 {
                try harness.write("freezer/a/freezer.state", isFrozen ? "FROZEN" : "THAWED")
            } else {
                try harness.write("a/cgroup.freeze", isFrozen ? "1" : "0")
            }
        }
        func isFrozen() throws -> Bool {
            if version == .v1 { return try harness.read("freezer/a/freezer.state") == "FROZEN\n" }
            return try harness.read("a/cgroup.events").contains("frozen 1")
        }
        let table = try ProcFileSystem()
        for _ in 0..<20 {
            try set(true)
            for _ in 0..<1000 where try !isFrozen() { usleep(1000) }
            #expect(try isFrozen())
            let members = try harness.read("\(group)/cgroup.procs").split(separator: "\n").compactMap { Int32($0) }
            #expect(members.contains(shell.pid))
            for member in members { #expect(table.hasStopped(member)) }
            // Whoever lets one go on behind the group's back is told the truth.
            kill(shell.pid, SIGCONT)
            for _ in 0..<1000 where table.hasStopped(shell.pid) { usleep(1000) }
            #expect(try !isFrozen())
            try set(false)
            #expect(try !isFrozen())
        }
    }
}
