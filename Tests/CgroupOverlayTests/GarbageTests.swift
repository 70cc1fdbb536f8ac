import Glibc
import SystemCalls
import Testing

@testable import CgroupOverlay

/// Whatever is written to whatever file: an error and nothing changed, or what was written means something there.
@Suite struct GarbageTests {
    @Test(arguments: [CgroupConfiguration.Version.v1, .v2])
    func randomWrites(_ version: CgroupConfiguration.Version) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        let harness = try TreeHarness(version)
        let groups =
            version == .v1
            ? FileTables.hierarchiesOfV1.map { $0.0 } + ["unified"] : [""]
        var files: [String] = []
        if version == .v2 {
            harness.write("cgroup.subtree_control", "+cpu +cpuset +io +memory +hugetlb +pids +rdma +misc")
        }
        for group in groups {
            harness.makeDirectory("\(group)/g")
            for path in [group, "\(group)/g"] {
                files += try harness.list(path).map { "\(path)/\($0)" }.filter { path in
                    let mode = try harness.tree.attributes(of: harness.node(path)).mode
                    return mode & S_IFMT == S_IFREG
                }
            }
        }
        #expect(files.count > 80)
        let errors = [
            "EINVAL", "ERANGE", "EBUSY", "ENODEV", "ESRCH", "EPERM", "EACCES", "ENOENT", "EOPNOTSUPP", "EAGAIN",
            "E2BIG",
            "EBADF", "EOVERFLOW", "ENOSPC",
        ]
        for file in files {
            var before = harness.tree.snapshotForTests
            var refused: [String] = []
            for _ in 0..<40 {
                let garbage = text(using: &random)
                let result = harness.write(file, garbage)
                if result == "OK" {
                    before = harness.tree.snapshotForTests
                    refused = []
                } else {
                    refused.append(garbage)
                    #expect(errors.contains(result), "\(result) from \(file), seed \(seed): \(garbage)")
                }
            }
            #expect(harness.tree.snapshotForTests == before, "\(file) changed, seed \(seed), by one of \(refused)")
        }
    }

    private func text(using random: inout SeededGenerator) -> String {
        let words = [
            "max", "+", "-", "memory", "+nonsense", "rbps=", "=", ":", "254:0", "a", "b", "c", "*:*", "rwm", "some",
            "threaded",
            "FROZEN", "9", "-1", "0x", "99999999999999999999999", "1.5", "\n", "\0", "\t", "%s", "../..", "é",
        ]
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            return (0..<Int.random(in: 1...5, using: &random)).map { _ in words.randomElement(using: &random)! }
                .joined(separator: " ")
        case 1: return String(repeating: "x", count: Int.random(in: 1...5000, using: &random))
        default:
            let bytes = (0..<Int.random(in: 1...30, using: &random)).map { _ in
                UInt8.random(in: 0...127, using: &random)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}

extension CgroupTree {
    /// All that the tree keeps, lines in an order of their own.
    var snapshotForTests: [String] {
        let bytes = (try? locked { state throws(Errno) in state.snapshot() }) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init).filter {
            !$0.hasPrefix("end ") && !$0.hasPrefix("seen ")
        }.sorted()
    }
}
