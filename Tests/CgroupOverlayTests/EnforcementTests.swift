import CgroupOverlay
import Glibc
import SystemCalls
import Testing

@testable import CgroupOverlay

/// `-o cgroup_enforce`: the daemon kills whoever is beyond memory.max or pids.max.
@Suite struct EnforcementTests {
    private func harness(_ enforces: Bool) throws -> (TreeHarness, CgroupGroup) {
        let harness = try TreeHarness(.v2) { $0.enforcesLimits = enforces }
        harness.write("cgroup.subtree_control", "+memory +pids")
        harness.makeDirectory("a")
        harness.write("a/cgroup.subtree_control", "+memory +pids")
        for name in ["a/b", "a/c"] { harness.makeDirectory(name) }
        return (harness, try harness.node("a").group)
    }

    private func setMemory(_ harness: TreeHarness, _ group: CgroupGroup, _ bytes: UInt64) {
        var memory = MemoryFigures()
        memory.current = bytes
        harness.figures.set(memory, group)
    }

    @Test func beyondMemoryMaxIsAnEvent() throws {
        let (harness, group) = try harness(false)
        harness.write("a/memory.max", "1M")
        harness.write("a/memory.high", "512K")
        harness.write("a/b/cgroup.procs", "\(harness.processes.add())")
        let watch = LimitWatch(harness.tree)
        setMemory(harness, group, 600 << 10)
        watch.look()
        #expect(harness.read("a/memory.events").hasPrefix("low 0\nhigh 1\nmax 0\noom 0\n"))
        setMemory(harness, group, 2 << 20)
        watch.look()
        watch.look()
        #expect(harness.read("a/memory.events").hasPrefix("low 0\nhigh 2\nmax 1\noom 0\noom_kill 0\n"))
        setMemory(harness, group, 0)
        watch.look()
        setMemory(harness, group, 2 << 20)
        watch.look()
        #expect(harness.read("a/memory.events").hasPrefix("low 0\nhigh 3\nmax 2\n"))
        #expect(harness.actions.take() == [])
    }

    @Test func theGreatestIsKilled() throws {
        let (harness, group) = try harness(true)
        harness.write("a/memory.max", "1M")
        let pids = (0..<3).map { _ in harness.processes.add() }
        for (pid, size) in zip(pids, [3 << 20, 2 << 20, 1 << 20] as [UInt64]) {
            harness.write(pid == pids[2] ? "a/c/cgroup.procs" : "a/b/cgroup.procs", "\(pid)")
            harness.figures.setFootprint(of: pid, size)
        }
        harness.processes.setOOMAdjustment(of: pids[0], -1000)
        let watch = LimitWatch(harness.tree)
        setMemory(harness, group, 2 << 20)
        watch.look()
        #expect(harness.actions.take() == ["kill [\(pids[1])]"])
        // It has not ended yet: nobody else dies for it.
        watch.look()
        #expect(harness.actions.take() == [])
        harness.processes.reap(pids[1])
        watch.look()
        #expect(harness.actions.take() == ["kill [\(pids[2])]"])
        harness.processes.reap(pids[2])
        // One that is never killed is left.
        watch.look()
        #expect(harness.actions.take() == [])
        #expect(harness.read("a/memory.events").contains("oom 3\noom_kill 2\n"))
        #expect(harness.read("a/b/memory.events.local").contains("oom_kill 1\n"))
        #expect(harness.read("a/memory.events.local").contains("oom_kill 0\n"))
    }

    @Test func groupsThatDieTogether() throws {
        let (harness, group) = try harness(true)
        harness.write("a/memory.max", "1M")
        harness.write("a/b/memory.oom.group", "1")
        let pids = (0..<3).map { _ in harness.processes.add() }
        for pid in pids { harness.write(pid == pids[2] ? "a/c/cgroup.procs" : "a/b/cgroup.procs", "\(pid)") }
        harness.figures.setFootprint(of: pids[0], 1 << 20)
        setMemory(harness, group, 2 << 20)
        LimitWatch(harness.tree).look()
        #expect(harness.actions.take() == ["kill [\(pids[0]), \(pids[1])]"])
        #expect(harness.read("a/b/memory.events").contains("oom 0\noom_kill 2\noom_group_kill 1\n"))
        #expect(harness.read("a/memory.events").contains("oom 1\noom_kill 2\noom_group_kill 1\n"))
    }

    @Test func v1WithOOMKillDisabled() throws {
        let harness = try TreeHarness(.v1) { $0.enforcesLimits = true }
        harness.makeDirectory("memory/a")
        harness.write("memory/a/memory.limit_in_bytes", "1M")
        harness.write("memory/a/memory.oom_control", "1")
        harness.write("memory/a/cgroup.procs", "\(harness.processes.add())")
        let watch = LimitWatch(harness.tree)
        setMemory(harness, try harness.node("memory/a").group, 2 << 20)
        watch.look()
        #expect(harness.actions.take() == [])
        #expect(harness.read("memory/a/memory.failcnt") == "1\n")
        harness.write("memory/a/memory.oom_control", "0")
        watch.look()
        #expect(harness.actions.take().count == 1)
        #expect(harness.read("memory/a/memory.oom_control").contains("oom_kill 1\n"))
    }

    /// Those that were moved in stay, as the kernel lets them in.
    @Test func newestBeyondPidsMax() throws {
        let (harness, _) = try harness(true)
        let shell = harness.processes.add()
        let moved = harness.processes.add()
        harness.write("a/b/cgroup.procs", "\(shell)")
        harness.write("a/b/cgroup.procs", "\(moved)")
        let children = (0..<3).map { _ in harness.processes.add(parent: shell) }
        harness.tree.followProcesses()
        harness.write("a/pids.max", "4")
        let watch = LimitWatch(harness.tree)
        watch.look()
        #expect(harness.actions.take() == ["kill [\(children[2])]"])
        harness.write("a/pids.max", "1")
        watch.look()
        #expect(harness.actions.take() == ["kill \(children)"])
        for child in children { harness.processes.reap(child) }
        harness.tree.followProcesses()
        watch.look()
        #expect(harness.actions.take() == [])
        #expect(harness.read("a/pids.current") == "2\n")
    }

    @Test func aRealProcessIsKilled() throws {
        let harness = try FiguresHarness { $0.enforcesLimits = true }
        try harness.write("cgroup.subtree_control", "+memory")
        try harness.makeGroup("a")
        try harness.write("a/memory.max", "32M")
        let follower = try Follower(harness.tree)
        defer { follower.stop() }
        let child = try Child("cat >/dev/null; (head -c 134217728 /dev/zero; sleep 600) | tail >/dev/null; sleep 600")
        defer { child.end() }
        try harness.write("a/cgroup.procs", "\(child.pid)")
        child.endInput()
        #expect(try isSoon { try harness.number("a/memory.events", "oom_kill") == 1 })
        #expect(try isSoon { try harness.number("a/memory.current") < 32 << 20 })
        #expect(try harness.number("a/memory.events", "oom") >= 1)
        #expect(try harness.number("a/memory.events", "max") >= 1)
        #expect(try harness.number("a/memory.peak") > 32 << 20)
        // The shell lives on.
        #expect(kill(child.pid, 0) == 0)
        #expect(try harness.read("a/cgroup.procs").contains("\(child.pid)\n"))
    }

    @Test func realForksBeyondPidsMax() throws {
        let harness = try FiguresHarness { $0.enforcesLimits = true }
        try harness.write("cgroup.subtree_control", "+pids")
        try harness.makeGroup("a")
        try harness.write("a/pids.max", "3")
        let follower = try Follower(harness.tree)
        defer { follower.stop() }
        let child = try Child("cat >/dev/null; for i in 1 2 3 4 5 6 7 8; do sleep 600 & done; wait")
        defer { child.end() }
        try harness.write("a/cgroup.procs", "\(child.pid)")
        child.endInput()
        #expect(try isSoon { try harness.number("a/pids.events", "max") > 0 })
        // The oldest two are left beside the shell.
        #expect(isSoon { kill(child.pid, 0) == 0 && (try? harness.number("a/pids.current")) == 3 })
        #expect(try harness.number("a/pids.events", "max") <= 7)
    }
}
