import CLinux
import SystemCalls
import Testing

@testable import StackCore

/// Which inodes are one node, and how long a node lives.
@Suite struct NodeTableTests {
    let tree: TemporaryTree

    init() throws { tree = try TemporaryTree() }

    @Test func rootIsKnownForEver() throws {
        let table = try tree.table()
        let status = try tree.status("")
        #expect(try table.inode(.root) == status.ino)
        #expect(table.find(status) == .root)
        #expect(table.known(status) == .root)
        table.forget(.root, .max)
        table.forget(.root, 1)
        table.pin(.root, nil)
        #expect(try table.inode(.root) == status.ino)
        #expect(try table.adopt(tree.open(""), status, parent: .root, name: "..") == .root)
        #expect(try table.inode(.root) == status.ino)
        #expect(table.count == 0)
    }

    @Test func rootMustBeDirectory() throws {
        try tree.makeFile("f")
        let error = #expect(throws: Errno.self) {
            try NodeTable(root: tree.open("f"), options: NodeTableOptions(fileHandles: false, descriptorLimit: 64))
        }
        #expect(error == .enotdir)
    }

    @Test(arguments: [true, false]) func hardLinksAreOneNode(_ handles: Bool) throws {
        let table = try tree.table(fileHandles: handles)
        try tree.makeFile("a")
        try tree.link("a", "b")
        let a = try table.lookUp("a")
        #expect(try table.lookUp("b") == a)
        #expect(table.count == 1)
        #expect(table.lookups(a) == 2)
        table.forget(a, 1)
        #expect(table.failure(a) == nil)
        table.forget(a, 1)
        #expect(table.failure(a) == .estale)
        #expect(table.count == 0)
        #expect(table.openDescriptors == 0)
    }

    @Test(arguments: [true, false]) func knownFindsWhatWasAdopted(_ handles: Bool) throws {
        let table = try tree.table(fileHandles: handles)
        try tree.makeFile("a")
        var status = try tree.status("a")
        #expect(table.known(status) == nil)
        let a = try table.lookUp("a")
        #expect(table.find(status) == a)
        #expect(table.lookups(a) == 1)
        try #require(status.mask & LINUX_STATX_BTIME != 0, "the lower file system tells no birth time")
        #expect(table.known(status) == a)
        #expect(table.lookups(a) == 2)
        var other = status
        other.mask &= ~LINUX_STATX_BTIME
        #expect(table.known(other) == nil)
        #expect(table.find(other) == a)
        other = status
        other.mask &= ~LINUX_STATX_MNT_ID
        #expect(table.known(other) == nil)
        status.btime.nsec ^= 1
        #expect(table.known(status) == nil)
        #expect(table.find(status) == nil)
        #expect(table.lookups(a) == 2)
    }

    /// Two files that look alike by number and birth time; only their handles differ.
    @Test(.enabled(if: handlesWork)) func handleTellsReusedInodeNumbersApart() throws {
        let table = try tree.table()
        try tree.makeFile("old")
        try tree.makeFile("new")
        let (oldInode, newInode) = (try tree.status("old").ino, try tree.status("new").ino)
        let status = try tree.status("old")
        let old = try table.lookUp("old")
        let new = try table.adopt(tree.open("new"), status, parent: .root, name: "new")
        #expect(new != old)
        #expect(try table.inode(old) == oldInode)
        #expect(try table.inode(new) == newInode)
        #expect(table.find(status) == new)
        #expect(table.count == 2)
        // The old node is no longer hashed; forgetting it leaves the new one where it is.
        table.forget(old, 1)
        #expect(table.failure(old) == .estale)
        #expect(table.find(status) == new)
        #expect(try table.inode(new) == newInode)
        table.forget(new, 1)
        #expect(table.find(status) == nil)
        #expect(table.count == 0)
    }

    @Test func birthTimeTellsReusedInodeNumbersApart() throws {
        let table = try tree.table(fileHandles: false)
        try tree.makeFile("a")
        var status = try tree.status("a")
        try #require(status.mask & LINUX_STATX_BTIME != 0, "the lower file system tells no birth time")
        let old = try table.lookUp("a")
        status.btime.sec += 1
        let new = try table.adopt(tree.open("a"), status, parent: .root, name: "a")
        #expect(new != old)
        #expect(table.find(status) == new)
        table.forget(new, 1)
        #expect(table.find(status) == nil)
        #expect(table.failure(old) == nil)
    }

    @Test(.enabled(if: handlesWork)) func removedInodeIsStaleAndItsNumberFree() throws {
        let table = try tree.table()
        try tree.makeFile("a")
        let status = try tree.status("a")
        let a = try table.lookUp("a")
        try tree.unlink("a")
        #expect(table.shedDescriptors() == 1)
        #expect(table.failure(a) == .estale)
        // Found stale, it is no longer what the inode number leads to, but lives until it is forgotten.
        #expect(table.find(status) == nil)
        #expect(table.count == 1)
        table.forget(a, 1)
        #expect(table.count == 0)
    }

    @Test(arguments: [true, false]) func pinnedInodeOutlivesItsName(_ handles: Bool) throws {
        let table = try tree.table(fileHandles: handles)
        for name in ["given", "open", "closed"] { try tree.makeFile(name) }
        let inodes = try ["given", "open", "closed"].map { try tree.status($0).ino }
        let ids = try ["given", "open", "closed"].map { try table.lookUp($0) }
        #expect(table.shedDescriptors() == 3)
        #expect(try table.inode(ids[1]) == inodes[1])
        table.pin(ids[0], try tree.open("given"))
        table.pin(ids[1], nil)
        table.pin(ids[2], nil)
        table.pin(ids[2], try tree.open("closed"))
        for name in ["given", "open", "closed"] { try tree.unlink(name) }
        #expect(table.shedDescriptors() == 0)
        #expect(table.openDescriptors == 3)
        #expect(try ids.map { try table.inode($0) } == inodes)
        for id in ids { table.forget(id, 1) }
        #expect(table.openDescriptors == 0)
        table.pin(ids[0], nil)
        #expect(table.openDescriptors == 0)
    }

    @Test(arguments: [true, false]) func borrowedNodeOutlivesForget(_ handles: Bool) throws {
        let table = try tree.table(fileHandles: handles)
        try tree.makeFile("a")
        let inode = try tree.status("a").ino
        let a = try table.lookUp("a")
        do {
            let reference = try table.borrow(a)
            table.forget(a, 1)
            #expect(table.failure(a) == .estale)
            // Another node takes neither the record nor the descriptor.
            let again = try table.lookUp("a")
            #expect(again != a)
            #expect(again.slot != a.slot)
            #expect(table.shedDescriptors() == 1)
            #expect(try Lower.status(of: reference.descriptor).ino == inode)
            table.forget(again, 1)
            #expect(table.count == 1)
        }
        #expect(table.count == 0)
        #expect(table.openDescriptors == 0)
    }

    @Test func lookupsNeverWrap() throws {
        let table = try tree.table()
        try tree.makeFile("a")
        let status = try tree.status("a")
        var id = try table.lookUp("a")
        for _ in 1..<5 { _ = try table.lookUp("a") }
        table.forget(id, 0)
        #expect(table.lookups(id) == 5)
        table.forget(id, 3)
        #expect(table.lookups(id) == 2)
        table.forget(id, 3)
        #expect(table.failure(id) == .estale)
        table.forget(id, .max)
        #expect(table.count == 0)

        id = try table.lookUp("a")
        table.record(id.slot)[\.lookups] = .max
        #expect(try table.lookUp("a") == id)
        #expect(table.lookups(id) == .max)
        _ = table.known(status)
        #expect(table.lookups(id) == .max)
        table.forget(id, .max)
        #expect(table.count == 0)
    }

    @Test func idsAreNeverUsedAgain() throws {
        let table = try tree.table()
        try tree.makeFile("a")
        var seen: Set<NodeID> = []
        for _ in 0..<5000 {
            let id = try table.lookUp("a")
            #expect(seen.insert(id).inserted)
            #expect(id.rawValue >> 62 == 0)
            table.forget(id, 1)
        }
        #expect(seen.allSatisfy { table.failure($0) == .estale })
    }

    @Test func arbitraryIDsAreStale() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed)
        let table = try tree.table()
        try tree.makeFile("a")
        let live = try table.lookUp("a")
        let resident = table.memoryInUse
        for _ in 0..<20_000 {
            // Slots near those in use, any slot, and the live slot with another generation.
            let slot = [UInt64.random(in: 0...2048, using: &random), random.next() & 0xffff_ffff, UInt64(live.slot)]
                .randomElement(using: &random)!
            let generation = [0, 1, random.next() >> 32, random.next() >> 34].randomElement(using: &random)!
            let id = NodeID(rawValue: generation << 32 | slot)
            if id == live || id == .root { continue }
            #expect(table.failure(id) == .estale, "seed \(seed)")
            table.forget(id, random.next())
            table.pin(id, nil)
            table.moved(id, to: live, name: "x")
            table.moved(live, to: id, name: "x")
        }
        #expect(table.failure(live) == nil)
        #expect(table.lookups(live) == 1)
        #expect(table.lookups(.root) == 1)
        #expect(table.memoryInUse == resident)
    }

    @Test func deviceNumbersAreSmallAndStay() throws {
        let table = try tree.table()
        var status = try tree.status("")
        #expect(table.deviceIndex(of: status) == 0)
        let own = status.dev_minor
        for round in 0..<2 {
            for minor in 1...3000 as ClosedRange<UInt32> {
                status.dev_minor = own &+ minor
                #expect(table.deviceIndex(of: status) == UInt16(minor), "round \(round)")
            }
        }
        status.dev_minor = own
        #expect(table.deviceIndex(of: status) == 0)
    }
}
