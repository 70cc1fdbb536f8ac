import Glibc
import SystemCalls
import Testing

@testable import CgroupOverlay

/// What it costs to read and to keep many groups. The figures are printed, never judged.
@Suite struct ScrapeTests {
    private static let files = [
        "cpu.stat", "cpu.max", "cpu.weight", "cpu.pressure", "memory.current", "memory.peak", "memory.max",
        "memory.high", "memory.low", "memory.stat", "memory.events", "memory.numa_stat", "memory.swap.current",
        "memory.swap.max", "memory.pressure", "io.stat", "io.pressure", "pids.current", "pids.max", "cpuset.cpus",
        "cpuset.mems", "cgroup.procs", "cgroup.threads", "cgroup.events", "cgroup.controllers",
    ]

    /// A thousand groups below one, of which 50 have a member each.
    @Test func thousandGroups() throws {
        let harness = try FiguresHarness()
        let all = "+cpu +memory +io +pids +cpuset"
        try harness.write("cgroup.subtree_control", all)
        try harness.makeGroup("pods")
        try harness.write("pods/cgroup.subtree_control", all)
        for number in 0..<1000 { try harness.makeGroup("pods/g\(number)") }
        let follower = try Follower(harness.tree)
        defer { follower.stop() }
        let idle = threadTimes()
        sleep(2)
        print("1,000 empty groups: \((threadTimes() - idle) / 2000) us a second")
        let children = try (0..<50).map { _ in try Child("exec sleep 600") }
        defer { for child in children { child.end() } }
        for (number, child) in children.enumerated() {
            try harness.write("pods/g\(number * 20)/cgroup.procs", "\(child.pid)")
        }
        for round in 0..<3 {
            let began = monotonicTime()
            var bytes = 0
            for path in ["pods"] + (0..<1000).map({ "pods/g\($0)" }) {
                for file in Self.files { bytes += try harness.read("\(path)/\(file)").utf8.count }
            }
            print("scrape \(round): \((monotonicTime() - began) / 1_000_000) ms, \(bytes) bytes")
            #expect(bytes > 1_000_000)
        }
        let kept = threadTimes()
        sleep(2)
        print("1,000 groups, 50 members: \((threadTimes() - kept) / 2000) us a second")
    }

    /// Processor time of this process, nanoseconds.
    private func threadTimes() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}
