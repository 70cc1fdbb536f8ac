import CLinux
import Glibc
import SystemCalls
import Testing

@testable import StackCore

@Suite struct OpenFileTableTests {
    let tree: TemporaryTree
    let nodes: NodeTable
    let files: OpenFileTable

    init() throws {
        tree = try TemporaryTree()
        nodes = try tree.table()
        files = try OpenFileTable(nodes)
    }

    private func failure(_ fh: UInt64) -> Errno? {
        do throws(Errno) {
            _ = try files.borrow(fh)
            return nil
        } catch {
            return error
        }
    }

    private func isOpen(_ descriptor: Int32, _ inode: UInt64) -> Bool {
        (try? Lower.status(of: descriptor).ino) == inode
    }

    @Test func recordKeepsWhatItWasGiven() throws {
        let inode = try tree.status("").ino
        let node = NodeID(rawValue: 0x1234_0000_0042)
        let fh = try files.insert(descriptor: tree.open(""), node: node, flags: 0xdead_beef, kind: 7)
        #expect(fh != 0)
        do {
            let file = try files.borrow(fh)
            #expect(isOpen(file.descriptor, inode))
            #expect(file.node == node)
            #expect(file.flags == 0xdead_beef)
            #expect(file.kind == 7)
            #expect(file.position == 0)
            #expect(file.backing == 0)
            file.position = .max
            file.backing = -3
        }
        #expect(try files.borrow(fh).position == .max)
        #expect(try files.borrow(fh).backing == -3)
        files.remove(fh)
        #expect(failure(fh) == .ebadf)
        files.remove(fh)
        #expect(files.count == 0)
        // The record is used again, and is as new.
        let next = try files.insert(descriptor: tree.open(""), node: .root, flags: 0)
        #expect(next != fh)
        #expect(failure(fh) == .ebadf)
        #expect(try files.borrow(next).position == 0)
        #expect(try files.borrow(next).backing == 0)
    }

    @Test func borrowedFileIsClosedAtTheEnd() throws {
        let inode = try tree.status("").ino
        let fh = try files.insert(descriptor: tree.open(""), node: .root, flags: 0)
        do {
            let first = try files.borrow(fh)
            do {
                let second = try files.borrow(fh)
                files.remove(fh)
                #expect(failure(fh) == .ebadf)
                #expect(isOpen(second.descriptor, inode))
            }
            #expect(isOpen(first.descriptor, inode))
            #expect(files.count == 1)
        }
        #expect(files.count == 0)
    }

    @Test func arbitraryHandlesAreBad() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed)
        let fh = try files.insert(descriptor: tree.open(""), node: .root, flags: 0)
        for number in 0..<20_000 {
            let index = number % 2 == 0 ? random.next() & 0xff : random.next() & 0xffff_ffff
            let other = (random.next() & 3 == 0 ? 0 : random.next()) << 32 | index
            if other == fh { continue }
            #expect(failure(other) == .ebadf, "seed \(seed)")
            files.remove(other)
        }
        #expect(failure(fh) == nil)
        #expect(files.count == 1)
    }

    @Test func storm() async throws {
        let (tree, files) = (tree, files)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 as Range<UInt64> {
                group.addTask {
                    var random = SeededRandom(worker)
                    var open: [UInt64] = []
                    for _ in 0..<20_000 {
                        switch random.next() % 4 {
                        case 0 where open.count < 100:
                            open.append(
                                try files.insert(
                                    descriptor: tree.open(""), node: NodeID(rawValue: worker), flags: 0))
                        case 1 where !open.isEmpty:
                            files.remove(open.removeLast())
                        default:
                            guard let fh = open.randomElement(using: &random) else { continue }
                            let file = try files.borrow(fh)
                            #expect(file.node.rawValue == worker)
                            file.position += 1
                        }
                    }
                    for fh in open { files.remove(fh) }
                }
            }
            try await group.waitForAll()
        }
        #expect(files.count == 0)
    }
}
