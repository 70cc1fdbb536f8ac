import Glibc
import Synchronization
import SystemCalls
import Testing

@testable import CgroupOverlay

/// Following this machine's own processes through /proc.
@Suite struct RealProcessTests {
    @Test func whatProcTells() throws {
        let table = try ProcFileSystem()
        let own = getpid()
        let record = try #require(table.process(own))
        #expect(record.pid == own && record.parent == getppid() && record.session == getsid(0) && record.threads >= 1)
        #expect(!record.isZombie && !record.isKernelThread)
        #expect(table.all(maximumAge: 0).records.contains { $0.pid == own && $0.start == record.start })
        #expect(table.threads(of: own).contains(own))
        #expect(table.processOfThread(own) == own)
        #expect(try #require(table.owner(of: own)).real == getuid())
        #expect(table.process(Int32.max) == nil && table.processOfThread(Int32.max) == nil)
        #expect(table.threads(of: Int32.max) == [])
        #expect(!table.bootIdentity.isEmpty)
        let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
        #expect(table.descriptor(file, of: own) == .path(Array("/dev/null".utf8)))
        close(file)
        #expect(table.descriptor(100_000, of: own) == .notOpen)
    }

    @Test func statWithAnyName() {
        let line = "7 (a) R 9 (b) ) S 1 7 8 0 -1 2097216 0 0 0 0 0 0 0 0 20 0 3 0 456 0 0 18446744073709551615"
        let record = ProcessRecord(stat: ArraySlice(Array(line.utf8)), pid: 7)
        #expect(record?.parent == 1 && record?.session == 8 && record?.start == 456 && record?.threads == 3)
        #expect(record?.isKernelThread == true)
        for length in 0..<line.utf8.count { _ = ProcessRecord(stat: Array(line.utf8).prefix(length), pid: 7) }
    }

    /// A daemon that has left its session and whose parents are gone belongs to the group, where the kernel tells of forks.
    @Test(
        .enabled("the kernel tells root of forks, outside of containers, if it has CONFIG_PROC_EVENTS") {
            try ProcFileSystem().knowsForks
        })
    func daemonsOfMembers() throws {
        let table = try ProcFileSystem()
        let tree = try CgroupTree(CgroupConfiguration(.v2), figures: FakeFigures(), processes: table)
        let caller = CgroupCaller(thread: getpid(), uid: 0, gid: 0)
        let directory = try TreeHarness.withBytes("a") { name throws(Errno) in
            try tree.makeDirectory(name, in: tree.root, mode: 0o755, caller)
        }.node
        let file = try TreeHarness.withBytes("cgroup.procs") { name throws(Errno) in
            try tree.lookUp(name, in: directory)
        }
        let shell = try Child("cat >/dev/null; (setsid sleep 60 &) & exec true")
        defer { shell.end() }
        let handle = try tree.open(file, flags: O_RDWR, caller)
        defer { tree.release(handle) }
        _ = try TreeHarness.withBytes("\(shell.pid)") { bytes throws(Errno) in try tree.write(handle, bytes, caller) }
        shell.endInput()
        waitpid(shell.pid, nil, 0)
        var pids: [Int32] = []
        try waitUntil("only the daemon is left") {
            pids = String(decoding: try tree.readAll(handle), as: UTF8.self).split(separator: "\n").compactMap {
                Int32($0)
            }
            return pids.count == 1 && table.process(pids[0])?.session == pids[0]
        }
        defer { for pid in pids { kill(pid, SIGKILL) } }
        #expect(pids != [shell.pid])
    }

    /// A shell in a group starts children and ends; the watcher learns of it without anybody reading.
    @Test func shellAndItsChildren() throws {
        let figures = FakeFigures()
        let tree = try CgroupTree(CgroupConfiguration(.v2), figures: figures, processes: try ProcFileSystem())
        let caller = CgroupCaller(thread: getpid(), uid: 0, gid: 0)
        let directory = try TreeHarness.withBytes("a") { name throws(Errno) in
            try tree.makeDirectory(name, in: tree.root, mode: 0o755, caller)
        }.node
        func file(_ name: String) throws(Errno) -> CgroupNode {
            try TreeHarness.withBytes(name) { name throws(Errno) in try tree.lookUp(name, in: directory) }
        }
        func read(_ name: String) throws(Errno) -> String {
            let handle = try tree.open(try file(name), flags: O_RDONLY, caller)
            defer { tree.release(handle) }
            return String(decoding: try tree.readAll(handle), as: UTF8.self)
        }
        let changes = Mutex(0)
        let events = try file("cgroup.events")
        tree.onChange { node in if node == events { changes.withLock { $0 += 1 } } }
        let follower = try Follower(tree)
        defer { follower.stop() }

        // Stands still until its standard input ends.
        let shell = try Child("cat >/dev/null; sleep 60 & sleep 60 & wait")
        defer { shell.end() }
        let handle = try tree.open(try file("cgroup.procs"), flags: O_WRONLY, caller)
        _ = try TreeHarness.withBytes("\(shell.pid)") { bytes throws(Errno) in try tree.write(handle, bytes, caller) }
        tree.release(handle)
        #expect(changes.withLock { $0 } == 1)
        shell.endInput()
        var pids: [Int32] = []
        try waitUntil("the shell's children are there") {
            pids = try read("cgroup.procs").split(separator: "\n").compactMap { Int32($0) }
            return pids.count == 3
        }
        #expect(pids.contains(shell.pid))
        #expect(try read("cgroup.events") == "populated 1\nfrozen 0\n")
        for pid in pids { kill(pid, SIGKILL) }
        // The shell stays a zombie; nobody reads.
        try waitUntil("the watcher is told") { changes.withLock { $0 } == 2 }
        #expect(try read("cgroup.events") == "populated 0\nfrozen 0\n")
        #expect(try read("cgroup.procs") == "")
        try TreeHarness.withBytes("a") { name throws(Errno) in try tree.removeDirectory(name, in: tree.root) }
    }

    private func waitUntil(_ what: String, _ condition: () throws -> Bool) throws {
        for _ in 0..<1000 {
            if try condition() { return }
            usleep(20_000)
        }
        Issue.record("waited in vain: \(what)")
    }
}
