import Glibc
import SystemCalls
import Testing

@testable import stackfs

/// Looks at trees of plain files.
@Suite struct GroupReaderTests {
    private func look(_ tree: PlainTree, _ name: String = "", depth: Int? = nil) throws -> [String: GroupFigures] {
        let found = try GroupTree(at: name.isEmpty ? tree.path : "\(tree.path)/\(name)")
        return Dictionary(
            uniqueKeysWithValues: try GroupReader(tree: found, depth: depth).look().map {
                (DisplayText($0.key).text, $0.value)
            })
    }

    @Test func unifiedFigures() throws {
        let tree = try PlainTree()
        try tree.unified("")
        try tree.unified(
            "a",
            [
                "cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n", "memory.current": "4096\n",
                "memory.max": "max\n", "pids.current": "3\n",
                "io.stat": "8:0 rbytes=100 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n8:16 \n8:32 rbytes=1 wbytes=2\n",
            ])
        try tree.unified("b", ["memory.max": "8192\n", "io.stat": "", "cgroup.threads": "1\n2\n"])
        let groups = try look(tree)
        #expect(groups.keys.sorted() == ["/", "/a", "/b"])
        let a = try #require(groups["/a"])
        #expect(a.cpu?.value == 1_500_000)
        #expect(a.memory == 4096)
        #expect(a.limit == GroupFigures.noLimit)
        #expect(a.tasks == 3)
        #expect(a.read?.value == 101)
        #expect(a.written?.value == 22)
        let b = try #require(groups["/b"])
        #expect(b.cpu == nil)
        #expect(b.memory == nil)
        #expect(b.limit == 8192)
        #expect(b.read?.value == 0)
        #expect(b.tasks == 2)
        // Its own none, and those of its groups.
        #expect(groups["/"]?.tasks == 5)
        #expect(groups["/"]?.read == nil)
    }

    /// A file of v2 that has another meaning in v1 is not read there, and the other way round.
    @Test func legacyHierarchiesAreJoined() throws {
        let tree = try PlainTree()
        for hierarchy in ["cpu,cpuacct", "memory", "blkio", "pids"] { try tree.legacy(hierarchy) }
        symlink("cpu,cpuacct", "\(tree.path)/cpu")
        try tree.legacy("cpu,cpuacct/a", ["cpuacct.usage": "77\n", "cpu.stat": "usage_usec 5\n", "tasks": "1\n2\n"])
        try tree.legacy(
            "memory/a", ["memory.usage_in_bytes": "10\n", "memory.limit_in_bytes": "9223372036854771712\n"])
        try tree.legacy(
            "blkio/a",
            [
                "blkio.throttle.io_service_bytes": "8:0 Read 1\n8:0 Write 1\n8:0 Total 2\nTotal 2\n",
                "blkio.throttle.io_service_bytes_recursive":
                    "8:0 Read 30\n8:0 Write 4\n8:0 Sync 34\n8:0 Total 34\n8:16 Read 5\n8:16 Write 6\nTotal 45\n",
            ])
        try tree.legacy("pids/a", ["pids.current": "9\n", "tasks": "1\n"])
        try tree.legacy("blkio/own", ["blkio.throttle.io_service_bytes": "8:0 Read 7\n8:0 Write 8\nTotal 15\n"])
        try tree.legacy("memory/only", ["memory.limit_in_bytes": "4096\n", "tasks": "4\n5\n6\n"])
        let groups = try look(tree)
        #expect(groups.keys.sorted() == ["/", "/a", "/only", "/own"])
        let a = try #require(groups["/a"])
        #expect(a.cpu?.value == 77)
        #expect(a.memory == 10)
        #expect(a.limit == GroupFigures.noLimit)
        #expect(a.read?.value == 35)
        #expect(a.written?.value == 10)
        #expect(a.tasks == 9)
        #expect(groups["/own"]?.written?.value == 8)
        #expect(groups["/only"]?.limit == 4096)
        #expect(groups["/only"]?.tasks == 3)
        #expect(groups["/only"]?.cpu == nil)
        #expect(groups["/"]?.tasks == 9)
    }

    /// From the directory of a group in one hierarchy the others are found.
    @Test func legacyGroupByOneOfItsDirectories() throws {
        let tree = try PlainTree()
        try tree.legacy("pids")
        try tree.legacy("memory")
        try tree.legacy("pids/a/b", ["pids.current": "2\n"])
        try tree.legacy("pids/a", ["pids.current": "2\n"])
        try tree.legacy("memory/a", ["memory.usage_in_bytes": "5\n"])
        let groups = try look(tree, "memory/a")
        #expect(groups.keys.sorted() == ["/", "/b"])
        #expect(groups["/"]?.memory == 5)
        #expect(groups["/"]?.tasks == 2)
        #expect(groups["/b"]?.memory == nil)
    }

    /// What is below is counted where a group itself does not tell, and nothing else is read there.
    @Test func depth() throws {
        let tree = try PlainTree()
        try tree.unified("", ["cgroup.threads": "1\n"])
        try tree.unified("a", ["cgroup.threads": "2\n3\n"])
        try tree.unified("a/b", ["cgroup.threads": "4\n"])
        try tree.unified("a/b/c", ["pids.current": "10\n"])
        let groups = try look(tree, depth: 1)
        #expect(groups.keys.sorted() == ["/", "/a"])
        #expect(groups["/"]?.tasks == 14)
        #expect(groups["/a"]?.tasks == 13)
        #expect(try look(tree, depth: 0).keys.sorted() == ["/"])
        #expect(try look(tree).count == 4)
    }

    /// Nothing is made of what is no figure.
    @Test(arguments: ["", "max", "x\n", "-1\n", "1 2\n", "99999999999999999999999\n"])
    func textsThatAreNoFigures(_ text: String) throws {
        let tree = try PlainTree()
        try tree.unified(
            "",
            [
                "cpu.stat": "usage_usec \(text)", "memory.current": text, "memory.max": text, "pids.current": text,
                "io.stat": "8:0 rbytes=x\(text)",
            ])
        let figures = try #require(try look(tree)["/"])
        #expect(figures.cpu == nil && figures.memory == nil && figures.limit == nil && figures.read == nil)
        // Counted then.
        #expect(figures.tasks == 0)
    }

    @Test func groupsThatGo() throws {
        let tree = try PlainTree()
        try tree.unified("t")
        try tree.unified("t/a")
        let reader = GroupReader(tree: try GroupTree(at: "\(tree.path)/t"))
        #expect(try reader.look().count == 2)
        tree.remove("t/a")
        #expect(try reader.look().count == 1)
        tree.remove("t")
        let failure = #expect(throws: Failure.self) { try reader.look() }
        #expect(failure?.message == "\(tree.path)/t is no group any more: it was removed")
    }

    @Test func placesOfTrees() throws {
        let tree = try PlainTree()
        try tree.group("mount/other/deep", [:])
        func version(_ name: String) throws -> GroupTree { try GroupTree(at: "\(tree.path)/\(name)") }
        let none = #expect(throws: Failure.self) { try version("mount") }
        #expect(none?.message.hasPrefix("\(tree.path)/mount is no control group, and no tree") == true)
        try tree.unified("mount/sys/fs/cgroup")
        #expect(try version("mount").directories == ["\(tree.path)/mount/sys/fs/cgroup"])
        try tree.legacy("mount/old/memory")
        try tree.legacy("mount/old/pids")
        let several = #expect(throws: Failure.self) { try version("mount") }
        #expect(
            several?.message
                == "\(tree.path)/mount has several trees of control groups, \(tree.path)/mount/old, \(tree.path)/mount/sys/fs/cgroup: name one"
        )
        #expect(try version("mount/old").directories == ["pids", "memory"].map { "\(tree.path)/mount/old/\($0)" })
        #expect(try version("mount/old").version == .v1)
        #expect(try version("mount/sys/fs/cgroup").version == .v2)
        let missing = #expect(throws: Failure.self) { try version("missing") }
        #expect(missing?.message == "\(tree.path)/missing does not exist")
        let file = #expect(throws: Failure.self) { try version("mount/old/pids/tasks") }
        #expect(file?.message == "\(tree.path)/mount/old/pids/tasks is not a directory")
    }
}
