import CgroupOverlay
import Glibc
import Synchronization
import SystemCalls
import Testing

/// What only the unified hierarchy does.
@Suite struct UnifiedTests {
    @Test func delegation() throws {
        let harness = try TreeHarness(.v2)
        harness.makeDirectory("a")
        #expect(harness.read("a/cgroup.controllers") == "")
        #expect(harness.read("a/memory.max") == "ENOENT")
        #expect(harness.write("a/cgroup.subtree_control", "+memory") == "ENOENT")
        #expect(harness.write("cgroup.subtree_control", "+memory +pids -cpu") == "OK")
        #expect(harness.read("a/cgroup.controllers") == "memory pids\n")
        #expect(harness.write("a/memory.max", "1G") == "OK")
        #expect(harness.write("a/cgroup.subtree_control", "+memory") == "OK")
        #expect(harness.write("cgroup.subtree_control", "-memory") == "EBUSY")
        #expect(harness.write("a/cgroup.subtree_control", "-memory") == "OK")
        // A controller that comes back knows nothing of what was set.
        #expect(harness.write("cgroup.subtree_control", "-memory") == "OK")
        #expect(harness.read("a/memory.max") == "ENOENT")
        #expect(harness.write("cgroup.subtree_control", "+memory") == "OK")
        #expect(harness.read("a/memory.max") == "max\n")
    }

    @Test func openFilesOfAControllerThatWasTakenAway() throws {
        let harness = try TreeHarness(.v2)
        harness.write("cgroup.subtree_control", "+memory")
        harness.makeDirectory("a")
        let handle = try harness.tree.open(try harness.node("a/memory.max"), flags: O_RDONLY, harness.caller)
        harness.write("cgroup.subtree_control", "-memory")
        #expect(throws: Errno.enodev) { try harness.tree.read(handle, at: 0, count: 10) }
        harness.tree.release(handle)
        #expect(throws: Errno.ebadf) { try harness.tree.read(handle, at: 0, count: 10) }
    }

    @Test func threadedGroups() throws {
        let harness = try TreeHarness(.v2)
        harness.write("cgroup.subtree_control", "+cpu +memory +pids")
        for path in ["a", "a/t", "a/u", "a/t/v"] { harness.makeDirectory(path) }
        let pid = harness.processes.add()
        let thread = harness.processes.addThread(to: pid)
        harness.write("a/cgroup.procs", "\(pid)")
        #expect(harness.write("a/t/cgroup.type", "domain") == "EINVAL")
        #expect(harness.write("a/t/cgroup.type", "threaded") == "OK")
        #expect(harness.read("a/t/cgroup.type") == "threaded\n")
        #expect(harness.read("a/cgroup.type") == "domain threaded\n")
        #expect(harness.read("a/u/cgroup.type") == "domain invalid\n")
        #expect(harness.read("a/t/v/cgroup.type") == "domain invalid\n")
        #expect(harness.write("a/u/cgroup.procs", "\(pid)") == "EOPNOTSUPP")
        #expect(harness.write("a/cgroup.subtree_control", "+memory") == "EOPNOTSUPP")
        #expect(harness.write("a/cgroup.subtree_control", "+cpu") == "OK")
        #expect(harness.write("a/t/cgroup.threads", "\(thread)") == "OK")
        #expect(harness.read("a/t/cgroup.threads") == "\(thread)\n")
        #expect(harness.read("a/cgroup.threads") == "\(pid)\n")
        #expect(harness.read("a/t/cgroup.procs") == "EOPNOTSUPP")
        #expect(harness.read("a/cgroup.procs") == "\(pid)\n")
        #expect(harness.write("a/t/cgroup.kill", "1") == "EOPNOTSUPP")
        harness.makeDirectory("b")
        // A thread stays in its process's domain.
        #expect(harness.write("b/cgroup.threads", "\(thread)") == "EOPNOTSUPP")
    }

    @Test func limitsOfTheTree() throws {
        let harness = try TreeHarness(.v2)
        harness.makeDirectory("a")
        #expect(harness.write("a/cgroup.max.descendants", "2") == "OK")
        #expect(harness.write("a/cgroup.max.depth", "2") == "OK")
        #expect(harness.makeDirectory("a/b") == "OK")
        #expect(harness.makeDirectory("a/b/c") == "OK")
        #expect(harness.makeDirectory("a/d") == "EAGAIN")
        #expect(harness.write("a/cgroup.max.descendants", "max") == "OK")
        #expect(harness.makeDirectory("a/b/c/d") == "EAGAIN")
        #expect(harness.read("a/cgroup.stat") == "nr_descendants 2\nnr_dying_descendants 0\n")
        #expect(harness.write("a/cgroup.max.depth", "-1") == "ERANGE")
        #expect(harness.write("a/cgroup.max.depth", "x") == "EINVAL")
    }

    @Test func freezingAndKilling() throws {
        let harness = try TreeHarness(.v2)
        for path in ["a", "a/b", "c"] { harness.makeDirectory(path) }
        let pid = harness.processes.add()
        harness.write("a/b/cgroup.procs", "\(pid)")
        #expect(harness.write("a/cgroup.freeze", "1") == "OK")
        #expect(harness.read("a/b/cgroup.events") == "populated 1\nfrozen 0\n")
        harness.processes.setStopped([pid])
        #expect(harness.read("a/b/cgroup.events") == "populated 1\nfrozen 1\n")
        #expect(harness.read("a/b/cgroup.freeze") == "0\n")
        #expect(harness.actions.take() == ["freeze [\(pid)]"])
        // The child's own wish changes nothing while the parent is frozen.
        harness.write("a/b/cgroup.freeze", "1")
        harness.write("a/cgroup.freeze", "0")
        #expect(harness.actions.take() == [])
        harness.write("c/cgroup.procs", "\(pid)")
        #expect(harness.actions.take() == ["thaw [\(pid)]"])
        harness.write("c/cgroup.kill", "1")
        #expect(harness.actions.take() == ["kill [\(pid)]"])
        #expect(harness.write("c/cgroup.kill", "0") == "ERANGE")
    }

    /// Whoever begins while others are killed, or stopped, does not escape.
    @Test func childrenBegunMeanwhile() throws {
        let harness = try TreeHarness(.v2)
        harness.makeDirectory("a")
        let pid = harness.processes.add()
        harness.write("a/cgroup.procs", "\(pid)")
        let processes = harness.processes
        harness.actions.whenKilling.withLock {
            $0 = { members in
                if members.contains(where: { $0.pid == pid }) { processes.add(parent: pid) }
            }
        }
        harness.write("a/cgroup.kill", "1")
        let child = try #require(harness.read("a/cgroup.procs").split(separator: "\n").last)
        #expect(harness.actions.take() == ["kill [\(pid)]", "kill [\(child)]"])
        harness.write("a/cgroup.freeze", "1")
        let late = harness.processes.add(parent: pid)
        harness.tree.followProcesses()
        #expect(harness.actions.take() == ["freeze [\(pid), \(child)]", "freeze [\(late)]"])
        // Both at once: what killing finds is to be stopped as well.
        harness.write("a/cgroup.kill", "1")
        let last = try #require(harness.read("a/cgroup.procs").split(separator: "\n").last)
        #expect(
            harness.actions.take() == ["kill [\(pid), \(child), \(late)]", "kill [\(last)]", "freeze [\(last)]"])
    }

    @Test func pollTellsOfChanges() throws {
        let harness = try TreeHarness(.v2)
        let told = Mutex<[CgroupNode]>([])
        harness.tree.onChange { node in told.withLock { $0.append(node) } }
        harness.makeDirectory("a")
        harness.makeDirectory("a/b")
        let node = try harness.node("a/cgroup.events")
        let handle = try harness.tree.open(node, flags: O_RDONLY, harness.caller)
        // Never read: as the kernel, there is something to be read.
        #expect(try harness.tree.poll(handle) == [.always, .priority, .error])
        _ = try harness.tree.readAll(handle)
        #expect(try harness.tree.poll(handle) == .always)
        let pid = harness.processes.add()
        harness.write("a/b/cgroup.procs", "\(pid)")
        #expect(try harness.tree.poll(handle) == [.always, .priority, .error])
        #expect(told.withLock { $0.contains(node) })
        #expect(try harness.tree.read(handle, at: 0, count: 100) == Array("populated 1\nfrozen 0\n".utf8))
        #expect(try harness.tree.poll(handle) == .always)
        told.withLock { $0 = [] }
        harness.processes.reap(pid)
        harness.tree.followProcesses()
        #expect(told.withLock { $0.contains(node) })
        #expect(try harness.tree.poll(handle) == [.always, .priority, .error])
        #expect(harness.removeDirectory("a/b") == "OK")
        #expect(harness.removeDirectory("a") == "OK")
        #expect(throws: Errno.enodev) { try harness.tree.read(handle, at: 0, count: 10) }
        #expect(try harness.tree.poll(handle) == [.always, .priority, .error])
    }

    @Test func processorsAndWeightsAreObeyed() throws {
        let harness = try TreeHarness(.v2, figures: FakeFigures(processors: 4))
        harness.write("cgroup.subtree_control", "+cpu +cpuset")
        harness.makeDirectory("a")
        harness.makeDirectory("a/b")
        let pid = harness.processes.add()
        harness.write("a/b/cgroup.procs", "\(pid)")
        #expect(harness.write("a/cpuset.cpus", "1-2") == "OK")
        #expect(harness.actions.take() == ["confine [1, 2] [\(pid)]"])
        #expect(harness.write("a/cpu.weight", "300") == "OK")
        harness.write("a/cgroup.procs", "\(pid)")
        #expect(harness.actions.take() == ["weight 300 [\(pid)]"])
        harness.write("cgroup.procs", "\(pid)")
        #expect(harness.actions.take() == ["confine [0, 1, 2, 3] [\(pid)]", "weight 100 [\(pid)]"])
        #expect(harness.write("a/cpuset.cpus", "9") == "ERANGE")
        #expect(harness.write("a/cpuset.cpus.partition", "root") == "OK")
        #expect(harness.read("a/cpuset.cpus.partition") == "root\n")
    }

    @Test func eventsOfLimits() throws {
        let harness = try TreeHarness(.v2)
        harness.write("cgroup.subtree_control", "+memory")
        harness.makeDirectory("a")
        harness.write("a/cgroup.subtree_control", "+memory")
        harness.makeDirectory("a/b")
        harness.write("a/b/memory.max", "10M")
        harness.write("a/b/memory.oom.group", "1")
        let group = try harness.node("a/b").group
        let limits = try #require(harness.tree.limits(of: group))
        #expect(limits.memoryMax == 10 << 20)
        #expect(limits.oomGroup)
        #expect(limits.parent == (try harness.node("a").group))
        harness.tree.record(.oomKill, in: group)
        #expect(harness.read("a/memory.events").contains("oom_kill 1\n"))
        #expect(harness.read("a/memory.events.local").contains("oom_kill 0\n"))
        #expect(harness.read("a/b/memory.events.local").contains("oom_kill 1\n"))
    }
}
