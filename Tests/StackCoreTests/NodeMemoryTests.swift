import CLinux
import Glibc
import SystemCalls
import Testing

@testable import StackCore

/// What a node costs, and that it is given back.
@Suite struct NodeMemoryTests {
    /// Inode numbers nobody has, on the descriptor of one file.
    @Test(arguments: [true, false]) func millionNodes(_ handles: Bool) throws {
        let tree = try TemporaryTree()
        let table = try tree.table(fileHandles: handles, limit: 64)
        try tree.makeFile("some-name.txt")
        let file = try tree.open("some-name.txt")
        var status = try Lower.status(of: file.number)
        let before = table.memoryInUse
        let count = 1_000_000
        var ids: [NodeID] = []
        ids.reserveCapacity(count)
        for number in 1...count {
            status.ino = UInt64(number) &* 32 + 1 << 40
            ids.append(
                try table.adopt(
                    Descriptor(owning: dup(file.number)), status, parent: .root, name: "some-name.txt"))
        }
        #expect(table.count == count)
        let perNode = Double(table.memoryInUse - before) / Double(count)
        // A file handle above 24 bytes (overlayfs: 36) has a block of its own.
        #expect(perNode <= (table.store.count == 0 ? 100 : 150), "\(perNode) bytes a node")
        #expect(perNode >= 64)
        for number in stride(from: 1, through: count, by: 997) {
            status.ino = UInt64(number) &* 32 + 1 << 40
            #expect(table.find(status) == ids[number - 1])
        }
        // In another order than they came.
        for start in 0..<16 {
            for position in stride(from: start, to: count, by: 16) { table.forget(ids[position], 1) }
        }
        #expect(table.count == 0)
        #expect(table.openDescriptors == 0)
        // The indexes keep a page each.
        #expect(table.memoryInUse - before <= 4 * Arena.chunkSize + NodeTable.shardCount * 4096)
        #expect(table.lookups(.root) == 1)
    }

    @Test func fullTableIsAnError() throws {
        let tree = try TemporaryTree()
        let table = try NodeTable(
            root: tree.open(""), options: NodeTableOptions(fileHandles: true, descriptorLimit: 64, capacity: 1024))
        try tree.makeFile("a")
        let file = try tree.open("a")
        var status = try Lower.status(of: file.number)
        func adopt(_ number: Int) throws(Errno) -> NodeID {
            status.ino = UInt64(number) + 1 << 40
            return try table.adopt(Descriptor(owning: dup(file.number)), status, parent: .root, name: "a")
        }
        var ids: [NodeID] = []
        for number in 0..<1022 { ids.append(try adopt(number)) }
        let descriptors = table.openDescriptors
        for number in 2000..<2100 {
            let error = #expect(throws: Errno.self) { try adopt(number) }
            #expect(error == .enfile)
        }
        #expect(table.openDescriptors == descriptors)
        // Those that are there are not touched by it, and room that is made is used.
        #expect(try adopt(7) == ids[7])
        table.forget(ids[8], 1)
        _ = try adopt(2000)
        #expect(table.count == 1022)
    }

    @Test func poolGivesEveryBlockOnce() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed)
        let arena = try Arena(nodes: 1 << 16)
        for section in Arena.Section.allCases {
            let pool = try Pool(arena, section, link: 0)
            var taken: [UInt32] = []
            var set: Set<UInt32> = []
            for round in 0..<20_000 {
                if taken.isEmpty || Int.random(in: 0..<5, using: &random) > (round < 12_000 ? 1 : 3) {
                    let block = try pool.allocate()
                    #expect(set.insert(block).inserted, "seed \(seed)")
                    #expect(pool.contains(block))
                    memset(pool.address(block), 0xff, section.stride)
                    taken.append(block)
                } else {
                    let block = taken.remove(at: Int.random(in: 0..<taken.count, using: &random))
                    #expect(pool.address(block).load(as: UInt8.self) == 0xff, "seed \(seed)")
                    set.remove(block)
                    pool.free(block)
                }
                #expect(pool.count == taken.count)
            }
            for block in taken { pool.free(block) }
            #expect(pool.count == 0)
        }
        #expect(arena.residentBytes <= (1 + Arena.Section.allCases.count) * Arena.chunkSize)
    }

    @Test func indexAgreesWithADictionary() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed)
        var index = SlotIndex()
        defer { index.removeAll() }
        var expected: [UInt32: Set<UInt32>] = [:]
        var entries: [(UInt32, UInt32)] = []
        for round in 0..<60_000 {
            // Few distinct tags, so that they meet, at the end of the words, too.
            let grow = round < 30_000 ? 2 : 4
            if entries.isEmpty || Int.random(in: 0..<6, using: &random) >= grow {
                let tag = UInt32(truncatingIfNeeded: random.next()) | (random.next() & 1 == 0 ? 0xffff_fff0 : 0)
                let slot = UInt32(round + 1)
                try index.reserve()
                index.insert(tag, slot)
                expected[tag, default: []].insert(slot)
                entries.append((tag, slot))
            } else {
                let (tag, slot) = entries.swapRemove(Int.random(in: 0..<entries.count, using: &random))
                index.remove(tag, slot)
                index.remove(tag, 0xffff_fffe)
                expected[tag]?.remove(slot)
            }
            #expect(index.count == entries.count, "seed \(seed)")
            if round % 1000 == 0 {
                for (tag, slots) in expected {
                    var found: Set<UInt32> = []
                    var position = index.start(tag)
                    while true {
                        let slot = index.next(tag, &position)
                        if slot == 0 { break }
                        found.insert(slot)
                    }
                    #expect(found == slots, "seed \(seed)")
                }
            }
            #expect(index.bytes <= max(4096, entries.count * 64), "seed \(seed)")
        }
        for (tag, slot) in entries { index.remove(tag, slot) }
        #expect(index.bytes == 4096)
    }

    /// The layout that a successor relies on.
    @Test func recordLayout() {
        #expect(MemoryLayout<NodeRecord>.size == 64)
        #expect(MemoryLayout<NodeRecord>.offset(of: \.use) == 0)
        #expect(MemoryLayout<NodeRecord>.offset(of: \.inode) == 8)
        #expect(MemoryLayout<NodeRecord>.offset(of: \.birth) == 16)
        #expect(MemoryLayout<NodeRecord>.offset(of: \.lookups) == 24)
        #expect(MemoryLayout<NodeRecord>.offset(of: \.generation) == 32)
        #expect(MemoryLayout<NodeRecord>.offset(of: \.mount) == 36)
        #expect(MemoryLayout<NodeRecord>.offset(of: \.form) == 38)
        #expect(MemoryLayout<NodeRecord>.offset(of: \.handleType) == 39)
        #expect(MemoryLayout<NodeRecord>.offset(of: \.reference) == 40)
        #expect(MemoryLayout<OpenFileRecord>.size == 64)
        #expect(MemoryLayout<OpenFileRecord>.offset(of: \.node) == 8)
        #expect(MemoryLayout<OpenFileRecord>.offset(of: \.generation) == 16)
        #expect(MemoryLayout<OpenFileRecord>.offset(of: \.flags) == 20)
        #expect(MemoryLayout<OpenFileRecord>.offset(of: \.position) == 24)
        #expect(MemoryLayout<OpenFileRecord>.offset(of: \.kind) == 32)
        #expect(MemoryLayout<OpenFileRecord>.offset(of: \.backing) == 36)
        #expect(MemoryLayout<MountRecord>.size == 64)
        #expect(MemoryLayout<MountRecord>.offset(of: \.descriptor) == 24)
        #expect(MemoryLayout<Arena.Header>.size == 32)
        #expect(MemoryLayout<Arena.SectionEntry>.stride == 16)
    }
}

extension Array {
    /// Removes an element by putting the last in its place.
    fileprivate mutating func swapRemove(_ position: Int) -> Element {
        swapAt(position, count - 1)
        return removeLast()
    }
}
