import Glibc
import SystemCalls
import Testing

@testable import CgroupOverlay

/// Figures of real processes against what /proc says of them.
@Suite struct FiguresTests {
    /// Runs until it is killed. The kernel counts user and system in ticks, and the sum exactly.
    @Test func processorTimeOfABusyProcess() throws {
        let harness = try FiguresHarness()
        try harness.makeGroup("a")
        try harness.makeGroup("a/b")
        let child = try Child("cat >/dev/null; exec sh -c 'while :; do :; done'")
        defer { child.end() }
        try harness.write("a/b/cgroup.procs", "\(child.pid)")
        let before = try #require(ProcText.numbers("/proc/\(child.pid)/schedstat", 1))[0]
        child.endInput()
        var last: UInt64 = 0
        let wasBusy = try isSoon {
            let now = try harness.number("a/b/cpu.stat", "usage_usec")
            #expect(now >= last)
            last = now
            return now > 300_000
        }
        #expect(wasBusy)
        kill(child.pid, SIGSTOP)
        usleep(50_000)
        let after = try #require(ProcText.numbers("/proc/\(child.pid)/schedstat", 1))[0]
        for path in ["a", "a/b"] {
            let used = try harness.number("\(path)/cpu.stat", "usage_usec")
            #expect(Double(used * 1000).isNear(after - before), "\(path)")
            let user = try harness.number("\(path)/cpu.stat", "user_usec")
            let system = try harness.number("\(path)/cpu.stat", "system_usec")
            #expect(used - user - system <= 1)
        }
        // All of it was on some processor.
        let time = harness.figures.processorTime(of: try harness.node("a").group)
        #expect(time.processors.reduce(0) { $0 + $1.user + $1.system } == time.total)
        #expect(time.processors.reduce(0) { $0 + $1.user } == time.user)
    }

    @Test func memoryOfAnAllocatingProcess() throws {
        let harness = try FiguresHarness()
        try harness.write("cgroup.subtree_control", "+memory")
        try harness.makeGroup("a")
        let child = try Child("cat >/dev/null; (head -c 67108864 /dev/zero; sleep 600) | tail >/dev/null")
        defer { child.end() }
        try harness.write("a/cgroup.procs", "\(child.pid)")
        child.endInput()
        #expect(try isSoon { try harness.number("a/memory.current") > 67_108_864 })
        harness.tree.followProcesses()
        let resident = try harness.read("a/cgroup.procs").split(separator: "\n").reduce(UInt64(0)) { sum, pid in
            var resident: UInt64 = 0
            ProcText.lines("/proc/\(pid)/status") { key, value in
                if key.elementsEqual("VmRSS".utf8) { resident = (Input.decimal(value)?.0 ?? 0) << 10 }
            }
            return sum + resident
        }
        usleep(50_000)
        #expect(Double(try harness.number("a/memory.current")).isNear(resident))
        #expect(try harness.number("a/memory.stat", "anon") > 67_108_864)
        #expect(try harness.number("a/memory.stat", "pgfault") > 16_384)
        let peak = try harness.number("a/memory.peak")
        child.end()
        #expect(try isSoon { try harness.read("a/cgroup.procs").isEmpty })
        #expect(try isSoon { try harness.number("a/memory.current") < 67_108_864 })
        #expect(try harness.number("a/memory.peak") >= peak)
    }

    /// What those that exited have used stays, also with the parent of a group that ends.
    @Test(arguments: [true, false]) func exitsAndMoves(followsExits: Bool) throws {
        let harness = try FiguresHarness(figures: MemberFigures(followsExits: followsExits))
        try harness.makeGroup("a")
        try harness.makeGroup("a/b")
        try harness.makeGroup("c")
        let child = try Child("cat >/dev/null; exec sh -c 'while :; do :; done'")
        defer { child.end() }
        try harness.write("a/b/cgroup.procs", "\(child.pid)")
        child.endInput()
        #expect(try isSoon { try harness.number("a/b/cpu.stat", "usage_usec") > 100_000 })
        try harness.write("c/cgroup.procs", "\(child.pid)")
        let first = try harness.number("a/b/cpu.stat", "usage_usec")
        #expect(try isSoon { try harness.number("c/cpu.stat", "usage_usec") > 100_000 })
        #expect(try harness.number("a/b/cpu.stat", "usage_usec") == first)
        #expect(try harness.number("a/cpu.stat", "usage_usec") == first)
        usleep(50_000)
        let second = try harness.number("c/cpu.stat", "usage_usec")
        kill(child.pid, SIGKILL)
        waitpid(child.pid, nil, 0)
        #expect(try isSoon { try harness.read("c/cgroup.procs").isEmpty })
        harness.tree.followProcesses()
        #expect(try harness.number("c/cpu.stat", "usage_usec") >= second)
        try TreeHarness.withBytes("b") { name throws(Errno) in
            try harness.tree.removeDirectory(name, in: try harness.node("a"))
        }
        #expect(try harness.number("a/cpu.stat", "usage_usec") == first)
    }

    /// A shell starts programs that begin and end while nobody looks.
    @Test(
        .enabled("the kernel tells root of exits, outside of containers, if it has CONFIG_TASKSTATS") {
            MemberFigures().knowsExits
        })
    func childrenThatNobodySaw() throws {
        let harness = try FiguresHarness()
        try harness.makeGroup("a")
        let child = try Child(
            "cat >/dev/null; i=0; while [ $i -lt 5 ]; do head -c 100000000 /dev/zero >/dev/null; i=$((i+1)); done; sleep 600"
        )
        defer { child.end() }
        try harness.write("a/cgroup.procs", "\(child.pid)")
        child.endInput()
        // The parent's own figure for children that it has waited for, fields 16 and 17.
        func waitedFor() throws -> UInt64 {
            let fields = try #require(ProcText.stat("/proc/\(child.pid)/stat", 17))
            return (fields[13] + fields[14]) * 10_000
        }
        var last: UInt64 = 0
        #expect(
            try isSoon {
                let now = try waitedFor()
                defer { last = now }
                usleep(300_000)
                // As a daemon's follower does: the kernel keeps only so many exits.
                harness.tree.followProcesses()
                return now > 0 && now == last
            })
        let waited = try waitedFor()
        // The kernel rounds it down to ticks of 10 ms.
        #expect(
            try isSoon {
                harness.tree.followProcesses()
                return try harness.number("a/cpu.stat", "usage_usec") + 10_000 >= waited
            })
        #expect(try harness.number("a/cpu.stat", "usage_usec") < waited * 3 / 2 + 100_000)
    }

    @Test func bytesReadAndWritten() throws {
        // /tmp may lie in memory, where nothing is ever written to a disk.
        let file = "/var/tmp/stackfs-figures-\(getpid())"
        defer { unlink(file) }
        let harness = try FiguresHarness()
        try harness.write("cgroup.subtree_control", "+io")
        let group = try harness.makeGroup("a")
        let child = try Child(
            "cat >/dev/null; head -c 8388608 /dev/zero >\(file); sync \(file); sleep 600")
        defer { child.end() }
        try harness.write("a/cgroup.procs", "\(child.pid)")
        child.endInput()
        func written() -> UInt64 {
            harness.tree.followProcesses()
            return harness.figures.blockIO(of: group, own: false).reduce(0) { $0 + $1.writtenBytes }
        }
        #expect(isSoon { written() >= 8_388_608 })
        #expect(try harness.read("a/io.stat").contains(" wbytes="))
    }

    /// Two that want one processor wait for each other half of the time.
    @Test func pressure() throws {
        let harness = try FiguresHarness()
        try harness.write("cgroup.subtree_control", "+cpu")
        let group = try harness.makeGroup("a")
        let child = try Child(
            "cat >/dev/null; for i in 1 2 3 4; do taskset -c 0 sh -c 'while :; do :; done' & done; wait")
        defer { child.end() }
        try harness.write("a/cgroup.procs", "\(child.pid)")
        try harness.write("a/cpu.max", "10000 100000")
        child.endInput()
        #expect(
            isSoon {
                harness.tree.followProcesses()
                LimitWatch(harness.tree).look()
                usleep(300_000)
                return harness.figures.pressure(of: group, .cpu).some.total > 1_000_000
            })
        let pressure = harness.figures.pressure(of: group, .cpu)
        #expect(pressure.some.average10 > 0 && pressure.some.average10 <= 10_000)
        #expect(pressure.full.total <= pressure.some.total)
        #expect(try harness.read("a/cpu.pressure").hasPrefix("some avg10="))
        // It ran longer than its quota in periods that are counted.
        #expect(try harness.number("a/cpu.stat", "nr_periods") > 0)
        #expect(try harness.number("a/cpu.stat", "nr_throttled") > 0)
    }

    /// What was used before a restart counts, and what was used meanwhile.
    @Test func overARestart() throws {
        let folder = try TemporaryFolder()
        let child = try Child("cat >/dev/null; exec sh -c 'while :; do :; done'")
        defer { child.end() }
        var before: UInt64 = 0
        do {
            let harness = try FiguresHarness { $0.stateFile = "\(folder.path)/state" }
            try harness.makeGroup("a")
            try harness.makeGroup("a/b")
            try harness.write("a/b/cgroup.procs", "\(child.pid)")
            child.endInput()
            #expect(try isSoon { try harness.number("a/cpu.stat", "usage_usec") > 200_000 })
            before = try harness.number("a/cpu.stat", "usage_usec")
            try harness.tree.saveState()
        }
        usleep(300_000)
        kill(child.pid, SIGSTOP)
        let harness = try FiguresHarness { $0.stateFile = "\(folder.path)/state" }
        let after = try harness.number("a/cpu.stat", "usage_usec")
        #expect(after > before)
        let all = try #require(ProcText.numbers("/proc/\(child.pid)/schedstat", 1))[0] / 1000
        #expect(Double(after).isNear(all))
        #expect(try harness.number("a/b/cpu.stat", "usage_usec") == after)
    }

    @Test func rootShowsTheMachine() throws {
        let harness = try FiguresHarness(.v1)
        let machine = try #require(ProcText.text("/proc/meminfo").map(ProcText.kilobytes))
        let used = (machine["AnonPages"] ?? 0) + (machine["Cached"] ?? 0) + (machine["Buffers"] ?? 0)
        #expect(Double(try harness.number("memory/memory.usage_in_bytes")).isNear(used))
        #expect(try harness.number("memory/memory.stat", "pgfault") > 0)
        #expect(try harness.number("cpu,cpuacct/cpuacct.usage") > 1_000_000_000)
        #expect(harness.figures.processors.count == sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let v2 = try FiguresHarness()
        if let text = ProcText.text("/proc/pressure/cpu") {
            let total = text.split(separator: "total=")[1].split(separator: "\n")[0]
            let shown = v2.figures.pressure(of: try v2.node("").group, .cpu).some.total
            #expect(shown >= UInt64(total) ?? .max)
        }
        #expect(try v2.read("io.stat").isEmpty == v2.figures.blockIO(of: try v2.node("").group, own: false).isEmpty)
    }
}
