import CLinux
import Glibc
import SystemCalls
import Testing

@testable import StackCore

/// Many threads at the same few nodes, so that every race has its chance.
@Suite struct NodeStormTests {
    @Test(arguments: [true, false]) func adoptForgetBorrow(_ handles: Bool) async throws {
        let seed = UInt64.random(in: .min ... .max)
        let tree = try TemporaryTree()
        let table = try tree.table(fileHandles: handles, limit: 64)
        let names = (0..<100).map { "d/\($0)" }
        try tree.makeDirectory("d")
        for name in names { try tree.makeFile(name) }
        let directory = try table.lookUp("d")
        let inodes = try names.map { try tree.status($0).ino }

        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<6 as Range<UInt64> {
                group.addTask {
                    var random = SeededRandom(seed &+ worker)
                    var held: [(id: NodeID, file: Int)] = []
                    for _ in 0..<15_000 {
                        let file = Int.random(in: 0..<names.count, using: &random)
                        switch random.next() % 16 {
                        case 0...4:
                            held.append((try table.lookUp("\(file)", in: directory), file))
                        case 5...6:
                            let status = try tree.status(names[file])
                            if let id = table.known(status) { held.append((id, file)) }
                        case 7...11:
                            guard !held.isEmpty else { continue }
                            table.forget(held.remove(at: Int.random(in: 0..<held.count, using: &random)).id, 1)
                        case 12:
                            _ = table.cache.shed(Int.random(in: 1...20, using: &random), table.nodes)
                        case 13:
                            // Ids that another thread may be forgetting this moment.
                            let id = table.find(try tree.status(names[file]))
                            if let id, random.next() % 64 == 0 { table.pin(id, nil) }
                            if let id { table.moved(id, to: directory, name: "\(file)") }
                        default:
                            guard let (id, file) = held.randomElement(using: &random) else { continue }
                            #expect(try table.inode(id) == inodes[file], "seed \(seed)")
                        }
                    }
                    for (id, _) in held { table.forget(id, 1) }
                }
            }
            try await group.waitForAll()
        }
        #expect(table.count == 1, "seed \(seed)")
        #expect(table.lookups(directory) == 1, "seed \(seed)")
        table.forget(directory, 1)
        #expect(table.count == 0, "seed \(seed)")
        #expect(table.store.count == 0, "seed \(seed)")
        #expect(table.openDescriptors == 0, "seed \(seed)")
    }

    /// Records that come and go while others look at ids of the same slots.
    @Test func staleIDsInAStorm() async throws {
        let tree = try TemporaryTree()
        let table = try tree.table(limit: 64)
        for number in 0..<4 { try tree.makeFile("\(number)") }
        let inodes = try (0..<4).map { try tree.status("\($0)").ino }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    var old: [NodeID] = []
                    var random = SeededRandom(UInt64(worker))
                    for _ in 0..<20_000 {
                        // Each has its own file, so that an id is valid exactly until its owner forgets it.
                        let id = try table.lookUp("\(worker)")
                        #expect(try table.inode(id) == inodes[worker])
                        table.forget(id, 1)
                        #expect(table.failure(id) == .estale)
                        old.append(id)
                        let stale = old.randomElement(using: &random)!
                        #expect(table.failure(stale) == .estale)
                        table.forget(stale, 1)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(table.count == 0)
        #expect(table.openDescriptors == 0)
    }
}
