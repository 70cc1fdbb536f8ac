import CLinux
import Glibc
import SystemCalls
import Testing

@testable import StackCore

/// Whether this process may mount.
private let mountWorks: Bool = {
    guard let tree = try? TemporaryTree() else { return false }
    guard mount("stackfs-test", tree.path, "tmpfs", 0, nil) == 0 else { return false }
    return umount2(tree.path, 0) == 0
}()

/// Nodes on mounts below the lower root.
@Suite(.enabled(if: mountWorks)) struct NodeMountTests {
    let tree: TemporaryTree

    init() throws { tree = try TemporaryTree() }

    /// A tmpfs on a new directory of the tree; whoever mounts it unmounts it.
    private func mountMemory(_ name: String) throws {
        try tree.makeDirectory(name)
        try #require(mount("stackfs-test", "\(tree.path)/\(name)", "tmpfs", 0, nil) == 0)
    }

    private func detach(_ name: String) { umount2("\(tree.path)/\(name)", LINUX_MNT_DETACH) }

    @Test(arguments: [true, false]) func mountIsAnotherDevice(_ handles: Bool) throws {
        try mountMemory("m")
        defer { detach("m") }
        let table = try tree.table(fileHandles: handles)
        try tree.makeFile("m/a")
        let top = try table.lookUp("m")
        let a = try table.lookUp("a", in: top)
        #expect(table.deviceIndex(of: try tree.status("")) == 0)
        #expect(table.deviceIndex(of: try tree.status("m/a")) == 1)
        #expect(table.known(try tree.status("m/a")) == a)
        #expect(table.find(try tree.status("m")) == top)
        // The same inode number on the root's device is another inode.
        var status = try tree.status("m/a")
        let root = try tree.status("")
        (status.mnt_id, status.dev_major, status.dev_minor) = (root.mnt_id, root.dev_major, root.dev_minor)
        #expect(table.find(status) == nil)
        #expect(table.shedDescriptors() == 2)
        #expect(try table.inode(a) == tree.status("m/a").ino)
        table.forgetAll(a)
        table.forgetAll(top)
        #expect(table.count == 0)
        #expect(table.store.count == 0)
    }

    @Test(arguments: [true, false]) func forgottenMountIsNotBusy(_ handles: Bool) throws {
        try mountMemory("m")
        defer { detach("m") }
        let table = try tree.table(fileHandles: handles)
        for _ in 0..<3 {
            let top = try table.lookUp("m")
            let status = try tree.status("m")
            #expect(umount2("\(tree.path)/m", 0) == -1)
            table.forget(top, 1)
            #expect(table.find(status) == nil)
            #expect(umount2("\(tree.path)/m", 0) == 0)
            // The next one may well get the same mount id, and its root the same inode number.
            try #require(mount("stackfs-test", "\(tree.path)/m", "tmpfs", 0, nil) == 0)
        }
        #expect(table.count == 0)
    }

    /// Until a directory of a mount is met there is nothing to open its file handles with.
    @Test func fileMountIsReopenedByName() throws {
        try mountMemory("m")
        defer { detach("m") }
        try tree.makeFile("m/a")
        try tree.makeFile("b")
        try #require(mount("\(tree.path)/m/a", "\(tree.path)/b", nil, UInt(MS_BIND), nil) == 0)
        defer { detach("b") }
        let table = try tree.table()
        let b = try table.lookUp("b")
        #expect(table.shedDescriptors() == 1)
        #expect(try table.inode(b) == tree.status("m/a").ino)
        // The same inode through another mount is another node, as the two can be told apart by their mounts.
        let a = try table.lookUp("a", in: table.lookUp("m"))
        #expect(a != b)
        #expect(try table.inode(a) == table.inode(b))
        detach("b")
        _ = table.shedDescriptors()
        #expect(table.failure(b) == .estale)
        #expect(table.failure(a) == nil)
    }
}
