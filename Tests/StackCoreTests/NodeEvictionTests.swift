import CLinux
import Glibc
import SystemCalls
import Testing

@testable import StackCore

/// Nodes whose descriptors were closed, and how they are found again.
@Suite struct NodeEvictionTests {
    let tree: TemporaryTree

    init() throws { tree = try TemporaryTree() }

    @Test(arguments: [true, false]) func manyFilesFewDescriptors(_ handles: Bool) throws {
        let table = try tree.table(fileHandles: handles, limit: 64)
        let count = 10_000
        try tree.makeDirectory("d")
        let directory = try table.lookUp("d")
        for number in 0..<count { try tree.makeFile("d/\(number)") }
        var ids: [NodeID] = []
        for number in 0..<count {
            ids.append(try table.lookUp("\(number)", in: directory))
            #expect(table.openDescriptors <= 65)
        }
        #expect(table.count == count + 1)
        for number in stride(from: 0, to: count, by: 7) {
            #expect(try table.inode(ids[number]) == tree.status("d/\(number)").ino)
            #expect(table.openDescriptors <= 65)
        }
        for id in ids { table.forget(id, 1) }
        table.forget(directory, 1)
        #expect(table.count == 0)
        #expect(table.store.count == 0)
        #expect(table.openDescriptors == 0)
        #expect(table.lookups(.root) == 1)
    }

    @Test func hotDescriptorsStay() throws {
        let table = try tree.table(limit: 64)
        try tree.makeFile("hot")
        let hot = try table.lookUp("hot")
        let first = try table.borrow(hot).descriptor
        for number in 0..<1000 {
            try tree.makeFile("\(number)")
            _ = try table.lookUp("\(number)")
            #expect(try table.borrow(hot).descriptor == first)
        }
    }

    @Test func moreBorrowedThanMayBeOpen() throws {
        let table = try tree.table(limit: 64)
        var ids: [NodeID] = []
        for number in 0..<200 {
            try tree.makeFile("\(number)")
            ids.append(try table.lookUp("\(number)"))
        }
        func borrowAll(_ rest: ArraySlice<NodeID>) throws {
            guard let id = rest.first else {
                #expect(table.openDescriptors == ids.count)
                return
            }
            let reference = try table.borrow(id)
            try borrowAll(rest.dropFirst())
            let inode = try Lower.status(of: reference.descriptor).ino
            #expect(try tree.status("\(ids.count - rest.count)").ino == inode)
        }
        try borrowAll(ids[...])
        #expect(table.openDescriptors <= 64)
    }

    @Test func renamedNodeIsFoundByItsNewName() throws {
        let table = try tree.table(fileHandles: false)
        for name in ["from", "to"] { try tree.makeDirectory(name) }
        try tree.makeFile("from/a")
        let (from, to) = (try table.lookUp("from"), try table.lookUp("to"))
        let a = try table.lookUp("a", in: from)
        let inode = try tree.status("from/a").ino
        try tree.rename("from/a", "to/b")
        _ = table.shedDescriptors()
        #expect(table.failure(a) == .estale)
        table.moved(a, to: to, name: "b")
        #expect(try table.inode(a) == inode)
        #expect(table.lookups(from) == 1)
        #expect(table.lookups(to) == 2)
        // Another file under the remembered name is not taken for it.
        try tree.rename("to/b", "to/c")
        try tree.makeFile("to/b")
        _ = table.shedDescriptors()
        #expect(table.failure(a) == .estale)
        table.moved(a, to: to, name: "c")
        #expect(try table.inode(a) == inode)
        // Looking the file up teaches its name, too.
        try tree.rename("to/c", "d")
        #expect(try table.lookUp("d") == a)
        _ = table.shedDescriptors()
        #expect(try table.inode(a) == inode)
        for id in [from, to, a] { table.forgetAll(id) }
        #expect(table.count == 0)
        #expect(table.store.count == 0)
        #expect(table.lookups(.root) == 1)
    }

    @Test func dotsAreNotRemembered() throws {
        let table = try tree.table(fileHandles: false)
        for name in ["a", "b"] { try tree.makeDirectory(name) }
        let a = try table.lookUp("a")
        #expect(try table.adopt(tree.open("a"), tree.status("a"), parent: .root, name: ".") == a)
        let b = try table.adopt(tree.open("b"), tree.status("b"), parent: a, name: "..")
        _ = table.shedDescriptors()
        #expect(try table.inode(a) == tree.status("a").ino)
        #expect(try table.inode(b) == tree.status("b").ino)
        #expect(table.openDescriptors == 2)
        table.forget(b, 1)
        table.forget(a, 2)
        #expect(table.count == 0)
        #expect(table.openDescriptors == 0)
    }

    @Test func directoriesOfRememberedNamesAreKept() throws {
        let table = try tree.table(fileHandles: false)
        try tree.makeDirectory("a")
        try tree.makeDirectory("a/b")
        try tree.makeFile("a/b/c")
        let a = try table.lookUp("a")
        let b = try table.lookUp("b", in: a)
        let c = try table.lookUp("c", in: b)
        let inode = try tree.status("a/b/c").ino
        table.forget(a, 1)
        table.forget(b, 1)
        _ = table.shedDescriptors()
        #expect(try table.inode(c) == inode)
        // The kernel meets the kept directory again under its old id.
        #expect(try table.lookUp("a") == a)
        table.forget(c, 1)
        #expect(table.count == 1)
        table.forget(a, 1)
        #expect(table.count == 0)
        #expect(table.store.count == 0)
    }

    @Test(arguments: [true, false]) func deepTreeIsReopenedFromTheTop(_ handles: Bool) throws {
        let table = try tree.table(fileHandles: handles, limit: 64)
        let depth = 600
        let name = String(repeating: "n", count: 255)
        var id = NodeID.root
        var ids: [NodeID] = []
        for _ in 0..<depth {
            do {
                let directory = try table.borrow(id)
                try checked(linux_mkdirat(directory.descriptor, name, 0o755))
            }
            id = try table.lookUp(name, in: id)
            ids.append(id)
        }
        var status = try Lower.status(of: table.borrow(id).descriptor)
        _ = table.shedDescriptors()
        #expect(table.openDescriptors == 0)
        #expect(try table.inode(id) == status.ino)
        status = try tree.status(name)
        _ = table.shedDescriptors()
        #expect(try table.inode(ids[0]) == status.ino)
        // Forgetting the deepest last lets the whole chain go.
        for id in ids { table.forget(id, 1) }
        #expect(table.count == 0)
        #expect(table.openDescriptors == 0)
        try removeChain(name)
    }

    /// Removes a chain of directories that is too deep for a path: each is moved to the top and removed.
    private func removeChain(_ name: String) throws {
        while linux_unlinkat(LINUX_AT_FDCWD, "\(tree.path)/\(name)", LINUX_AT_REMOVEDIR) == -Int64(ENOTEMPTY) {
            try tree.rename("\(name)/\(name)", "next")
            try checked(linux_unlinkat(LINUX_AT_FDCWD, "\(tree.path)/\(name)", LINUX_AT_REMOVEDIR))
            try tree.rename("next", name)
        }
    }

    @Test func openingWithoutDescriptorsLeft() async {
        await #expect(processExitsWith: .success) {
            let tree = try TemporaryTree()
            for handles in [true, false] {
                let table = try tree.table(fileHandles: handles, limit: 1000)
                var ids: [NodeID] = []
                for number in 0..<100 {
                    try? tree.makeFile("\(number)")
                    ids.append(try table.lookUp("\(number)"))
                }
                _ = table.cache.shed(50, table.nodes)
                var limit = rlimit()
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                limit.rlim_cur = 256
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                var fillers: [Int32] = []
                defer { for filler in fillers { close(filler) } }
                func fill() {
                    while true {
                        let filler = dup(0)
                        if filler < 0 { break }
                        fillers.append(filler)
                    }
                    precondition(errno == EMFILE)
                }
                fill()
                for (number, id) in ids.enumerated() {
                    let reference = try table.borrow(id)
                    precondition(fcntl(reference.descriptor, F_GETFD) >= 0, "node \(number)")
                }
                // Now not even closing everything helps: an error, and no crash.
                while table.shedDescriptors() > 0 {}
                fill()
                do throws(Errno) {
                    _ = try table.borrow(ids[0])
                    preconditionFailure()
                } catch {
                    precondition(error == .emfile)
                }
            }
        }
    }
}
