import CgroupOverlay
import Glibc
import Synchronization
import SystemCalls
import Testing

/// Many threads at once.
@Suite struct StormTests {
    @Test func randomOperations() throws {
        let seed = UInt64.random(in: 0 ... .max)
        let harness = try TreeHarness(.v2)
        harness.write("cgroup.subtree_control", "+cpu +memory +pids +cpuset")
        harness.tree.onChange { _ in }
        let pids = (0..<20).map { _ in harness.processes.add() }
        let surprises = Mutex<[String]>([])
        let threads = (0..<8).map { number in
            TestThread {
                var random = SeededGenerator(seed: seed &+ UInt64(number))
                for _ in 0..<1500 {
                    let group = "g\(Int.random(in: 0..<6, using: &random))"
                    let path = Bool.random(using: &random) ? group : "\(group)/h"
                    let result: String
                    switch Int.random(in: 0..<9, using: &random) {
                    case 0, 1: result = harness.makeDirectory(path)
                    case 2: result = harness.removeDirectory(path)
                    case 3: result = harness.write("\(path)/cgroup.procs", "\(pids.randomElement(using: &random)!)")
                    case 4: result = harness.write("cgroup.procs", "\(pids.randomElement(using: &random)!)")
                    case 5: result = harness.write("\(path)/cgroup.freeze", Bool.random(using: &random) ? "1" : "0")
                    case 6: result = harness.write("\(path)/cgroup.subtree_control", "+memory")
                    case 7:
                        let files = [
                            "cgroup.events", "memory.stat", "cgroup.procs", "pids.current", "cpuset.cpus.effective",
                        ]
                        result =
                            harness.read("\(path)/\(files.randomElement(using: &random)!)").contains("\n")
                            ? "OK" : "ENOENT"
                    default:
                        result = harness.attempt { () throws(Errno) in _ = try harness.list(path) }
                    }
                    let known = ["OK", "ENOENT", "EEXIST", "EBUSY", "ENODEV", "EOPNOTSUPP", "ENOTDIR"]
                    if !known.contains(result) { surprises.withLock { $0.append(result) } }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(surprises.withLock { $0 } == [], "seed \(seed)")
        // Nothing is lost: who is in no group is in the root, and all can be emptied and removed.
        for pid in pids { #expect(harness.write("cgroup.procs", "\(pid)") == "OK", "seed \(seed)") }
        for group in 0..<6 {
            for path in ["g\(group)/h", "g\(group)"] {
                #expect(["OK", "ENOENT"].contains(harness.removeDirectory(path)), "\(path), seed \(seed)")
            }
        }
        #expect(harness.read("cgroup.stat") == "nr_descendants 0\nnr_dying_descendants 0\n", "seed \(seed)")
    }
}

/// A POSIX thread that a test waits for.
final class TestThread: Sendable {
    private nonisolated(unsafe) var thread = pthread_t()
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
        let result = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<TestThread>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(result == 0)
    }

    func join() { pthread_join(thread, nil) }
}
