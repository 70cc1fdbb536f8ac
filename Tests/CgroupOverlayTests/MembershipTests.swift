import CgroupOverlay
import SystemCalls
import Testing

/// Which process is in which group, and what follows from it.
@Suite struct MembershipTests {
    @Test func childrenBeginWhereTheirParentIs() throws {
        let harness = try TreeHarness(.v2)
        let before = harness.processes.add()
        let early = harness.processes.add(parent: before)
        harness.makeDirectory("a")
        #expect(harness.write("a/cgroup.procs", "\(before)") == "OK")
        let child = harness.processes.add(parent: before)
        let grandchild = harness.processes.add(parent: child)
        #expect(harness.read("a/cgroup.procs") == "\(before)\n\(child)\n\(grandchild)\n")
        #expect(harness.read("cgroup.procs").split(separator: "\n").contains("\(early)"))
        #expect(harness.figures.log.suffix(2) == ["join \(child) true", "join \(grandchild) true"])
    }

    /// The parent is gone before anybody looked: session and process group tell whose child an orphan was.
    @Test func orphansOfMembersThatExited() throws {
        let harness = try TreeHarness(.v2)
        let shell = harness.processes.add(parent: 500, session: 77)
        harness.makeDirectory("a")
        harness.write("a/cgroup.procs", "\(shell)")
        let daemon = harness.processes.add(parent: shell, session: 77)
        let stranger = harness.processes.add(session: 78)
        harness.processes.reap(shell)
        #expect(harness.read("a/cgroup.procs") == "\(daemon)\n")
        #expect(harness.read("cgroup.procs").split(separator: "\n").contains("\(stranger)"))
    }

    /// The next command of a script is no child of the one before.
    @Test func siblingsOfMembersThatExited() throws {
        let harness = try TreeHarness(.v2)
        let first = harness.processes.add(parent: 500, session: 77)
        harness.makeDirectory("a")
        harness.write("a/cgroup.procs", "\(first)")
        harness.processes.reap(first)
        harness.processes.add(parent: 500, session: 77)
        #expect(harness.read("a/cgroup.procs") == "")
    }

    /// Where the kernel tells of forks, nothing is guessed: a grandchild inherits over a child that nobody has seen.
    @Test func parentsAtBirth() throws {
        let harness = try TreeHarness(.v2)
        let shell = harness.processes.add(parent: 500, session: 77)
        harness.makeDirectory("a")
        harness.write("a/cgroup.procs", "\(shell)")
        let orphan = harness.processes.add(session: 99)
        let stranger = harness.processes.add(session: 77)
        harness.processes.tellBirths(of: orphan, 900)
        harness.processes.tellBirths(of: 900, shell)
        harness.processes.tellBirths(of: stranger, 500)
        #expect(harness.read("a/cgroup.procs") == "\(shell)\n\(orphan)\n")
        // What was moved out passes on the root, although its parent is in the group.
        harness.write("cgroup.procs", "\(orphan)")
        let late = harness.processes.add(session: 77)
        harness.processes.tellBirths(of: late, orphan)
        harness.processes.reap(orphan)
        harness.processes.reap(shell)
        let last = harness.processes.add()
        harness.processes.tellBirths(of: last, shell)
        #expect(harness.read("a/cgroup.procs") == "\(last)\n")
    }

    @Test func reusedNumbersDoNotJoin() throws {
        let harness = try TreeHarness(.v2)
        let pid = harness.processes.add()
        harness.makeDirectory("a")
        harness.write("a/cgroup.procs", "\(pid)")
        harness.processes.reap(pid)
        harness.processes.add(pid)
        #expect(harness.read("a/cgroup.procs") == "")
        #expect(harness.removeDirectory("a") == "OK")
    }

    @Test func whatProcPIDCgroupWouldSay() throws {
        let harness = try TreeHarness(.v1)
        harness.makeDirectory("memory/a")
        harness.makeDirectory("memory/a/b")
        harness.write("memory/a/b/cgroup.procs", "500")
        let text = String(decoding: try harness.tree.membership(of: 500), as: UTF8.self)
        #expect(
            text.contains(":memory:/a/b\n") && text.contains(":cpu,cpuacct:/\n") && text.contains(":name=systemd:/\n"))
        #expect(text.hasSuffix("0::/\n"))
        #expect(throws: Errno.esrch) { try harness.tree.membership(of: 12345) }
    }

    @Test func writersAndNumbers() throws {
        let harness = try TreeHarness(.v1)
        harness.makeDirectory("pids/a")
        #expect(harness.write("pids/a/cgroup.procs", "0") == "OK")
        #expect(harness.read("pids/a/cgroup.procs") == "500\n")
        #expect(harness.write("pids/a/cgroup.procs", "0x1") == "OK")
        #expect(harness.write("pids/a/cgroup.procs", "7 8") == "EINVAL")
        #expect(harness.write("pids/a/cgroup.procs", "99999999999") == "EINVAL")
        #expect(harness.write("pids/a/cgroup.procs", " 500 \n") == "OK")
        #expect(harness.read("pids/a/cgroup.procs") == "1\n500\n")
        // Each hierarchy has its own.
        #expect(harness.read("memory/cgroup.procs") == "1\n2\n500\n")
    }

    @Test func zombiesDoNotPopulate() throws {
        let harness = try TreeHarness(.v2)
        let pid = harness.processes.add()
        harness.makeDirectory("a")
        harness.write("a/cgroup.procs", "\(pid)")
        #expect(harness.removeDirectory("a") == "EBUSY")
        harness.processes.exit(pid)
        #expect(harness.read("a/cgroup.events") == "populated 0\nfrozen 0\n")
        #expect(harness.read("a/cgroup.procs") == "")
        #expect(harness.removeDirectory("a") == "OK")
        #expect(harness.read("cgroup.procs") == "1\n2\n500\n")
    }

    @Test func onlyOwnersMoveProcesses() throws {
        var harness = try TreeHarness(.v1)
        let mine = harness.processes.add()
        let other = harness.processes.add()
        harness.processes.setOwner(of: mine, 1000)
        harness.makeDirectory("memory/a")
        harness.caller = CgroupCaller(thread: mine, uid: 1000, gid: 1000)
        #expect(harness.write("memory/a/cgroup.procs", "\(mine)") == "OK")
        #expect(harness.write("memory/a/cgroup.procs", "\(other)") == "EACCES")

        var unified = try TreeHarness(.v2)
        let pid = unified.processes.add()
        unified.caller = CgroupCaller(thread: pid, uid: 1000, gid: 1000)
        unified.makeDirectory("a")
        unified.makeDirectory("a/b")
        unified.makeDirectory("a/c")
        // The common ancestor is the root, which is not theirs.
        #expect(unified.write("a/b/cgroup.procs", "\(pid)") == "EACCES")
        unified.caller.uid = 0
        #expect(unified.write("a/b/cgroup.procs", "\(pid)") == "OK")
        unified.caller.uid = 1000
        #expect(unified.write("a/c/cgroup.procs", "\(pid)") == "OK")
        unified.caller.uid = 1001
        #expect(unified.write("a/b/cgroup.procs", "\(pid)") == "EACCES")
    }

    @Test func threadsOfV1MoveAlone() throws {
        let harness = try TreeHarness(.v1)
        let pid = harness.processes.add()
        let thread = harness.processes.addThread(to: pid)
        harness.makeDirectory("cpu/a")
        harness.makeDirectory("cpu/b")
        #expect(harness.write("cpu/a/cgroup.procs", "\(pid)") == "OK")
        #expect(harness.read("cpu/a/tasks") == "\(pid)\n\(thread)\n")
        #expect(harness.write("cpu/b/tasks", "\(thread)") == "OK")
        #expect(harness.read("cpu/a/tasks") == "\(pid)\n")
        #expect(harness.read("cpu/b/tasks") == "\(thread)\n")
        #expect(harness.read("cpu/b/cgroup.procs") == "\(pid)\n")
        #expect(harness.removeDirectory("cpu/b") == "EBUSY")
        // The last one brings the process.
        #expect(harness.write("cpu/b/tasks", "\(pid)") == "OK")
        #expect(harness.read("cpu/a/cgroup.procs") == "")
        #expect(harness.read("cpu/b/tasks") == "\(pid)\n\(thread)\n")
        #expect(harness.removeDirectory("cpu/a") == "OK")
    }

    @Test func countsOfThreads() throws {
        let harness = try TreeHarness(.v2)
        harness.write("cgroup.subtree_control", "+pids")
        harness.makeDirectory("a")
        harness.write("a/cgroup.subtree_control", "+pids")
        harness.makeDirectory("a/b")
        let pid = harness.processes.add()
        harness.write("a/b/cgroup.procs", "\(pid)")
        harness.write("a/pids.max", "2")
        _ = harness.processes.addThread(to: pid)
        #expect(harness.read("a/pids.current") == "2\n")
        #expect(harness.read("a/pids.events") == "max 0\n")
        let child = harness.processes.add(parent: pid)
        #expect(harness.read("a/b/pids.current") == "3\n")
        #expect(harness.read("a/pids.events") == "max 1\n")
        harness.processes.reap(child)
        #expect(harness.read("a/b/pids.current") == "2\n")
        #expect(harness.read("a/pids.peak") == "3\n")
        harness.write("cgroup.procs", "\(pid)")
        #expect(harness.read("a/pids.current") == "0\n")
        #expect(harness.read("a/b/pids.peak") == "3\n")
    }

    @Test func figuresAreToldWhoCameAndWent() throws {
        let harness = try TreeHarness(.v2)
        let pid = harness.processes.add()
        harness.makeDirectory("a")
        harness.makeDirectory("b")
        harness.write("a/cgroup.procs", "\(pid)")
        harness.write("b/cgroup.procs", "\(pid)")
        harness.processes.reap(pid)
        #expect(harness.removeDirectory("b") == "OK")
        #expect(
            harness.figures.log == [
                "join \(pid) false", "leave \(pid) false", "join \(pid) false", "leave \(pid) true", "end",
            ])
    }
}
