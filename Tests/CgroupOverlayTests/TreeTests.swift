import CgroupOverlay
import Glibc
import SystemCalls
import Testing

/// What every tree does.
@Suite struct TreeTests {
    @Test func readOnly() throws {
        let harness = try TreeHarness(.v2) { $0.isReadOnly = true }
        #expect(harness.makeDirectory("a") == "EROFS")
        #expect(harness.write("cgroup.procs", "0") == "EROFS")
        #expect(harness.removeDirectory("a") == "EROFS")
        #expect(harness.rename("a", "b") == "EROFS")
        #expect(throws: Errno.erofs) {
            try harness.tree.setAttributes(of: harness.tree.root, CgroupAttributeChange())
        }
        #expect(harness.read("cgroup.procs") == "1\n2\n500\n")
        #expect(harness.tree.refusal(of: .create) == .erofs)
    }

    @Test func reportedSize() throws {
        let harness = try TreeHarness(.v2) { $0.reportedSize = 4096 }
        #expect(try harness.tree.attributes(of: harness.node("cgroup.procs")).size == 4096)
        #expect(try harness.tree.attributes(of: harness.tree.root).size == 0)
    }

    /// What follows a read at offset 0 is of the same moment, whatever happens meanwhile.
    @Test func oneReadIsOneMoment() throws {
        let harness = try TreeHarness(.v2)
        let handle = try harness.tree.open(try harness.node("cgroup.procs"), flags: O_RDONLY, harness.caller)
        let first = try harness.tree.read(handle, at: 0, count: 4)
        harness.processes.reap(500)
        harness.processes.add(400)
        let rest = try harness.tree.read(handle, at: 4, count: 100)
        #expect(String(decoding: first + rest, as: UTF8.self) == "1\n2\n500\n")
        #expect(try harness.tree.readAll(handle) == Array("1\n2\n400\n".utf8))
    }

    @Test func nodesEndWithTheirGroup() throws {
        let harness = try TreeHarness(.v2)
        harness.makeDirectory("a")
        let (directory, file) = (try harness.node("a"), try harness.node("a/cgroup.procs"))
        #expect(try harness.tree.parent(of: file) == directory)
        #expect(try harness.tree.parent(of: directory) == harness.tree.root)
        harness.removeDirectory("a")
        harness.makeDirectory("b")
        #expect(try harness.node("b") != directory)
        #expect(throws: Errno.enoent) { try harness.tree.attributes(of: directory) }
        #expect(throws: Errno.enoent) { try harness.tree.attributes(of: file) }
        #expect(throws: Errno.enoent) { try harness.tree.open(file, flags: O_RDONLY, harness.caller) }
        for raw in [0, 1, 4095, UInt64.max, 1 << 55] {
            #expect(throws: Errno.self) { try harness.tree.attributes(of: CgroupNode(rawValue: raw)) }
        }
    }

    @Test func pathsOfNodes() throws {
        for (version, paths) in [
            (
                CgroupConfiguration.Version.v1,
                ["", "cpu", "memory", "memory/a", "memory/a/b/tasks", "unified/cgroup.procs"]
            ),
            (.v2, ["", "a", "a/b", "a/b/cgroup.procs", "cgroup.procs"]),
        ] {
            let harness = try TreeHarness(version)
            for prefix in version == .v1 ? ["memory/", "cpu/"] : [""] {
                harness.makeDirectory("\(prefix)a")
                harness.makeDirectory("\(prefix)a/b")
            }
            for path in paths where path != "cpu" {
                #expect(String(decoding: try harness.tree.path(of: try harness.node(path)), as: UTF8.self) == path)
            }
            #expect(throws: Errno.enoent) { try harness.tree.path(of: CgroupNode(rawValue: 1 << 50 | 1)) }
        }
    }

    @Test func attributesStick() throws {
        var harness = try TreeHarness(.v2)
        harness.caller = CgroupCaller(thread: 500, uid: 7, gid: 8)
        harness.makeDirectory("a")
        let node = try harness.node("a/cgroup.procs")
        var attributes = try harness.tree.attributes(of: node)
        #expect(attributes.uid == 7 && attributes.gid == 8 && attributes.mode == S_IFREG | 0o644)
        var change = CgroupAttributeChange()
        change.mode = 0o640
        change.gid = 9
        change.modified = 5
        attributes = try harness.tree.setAttributes(of: node, change)
        #expect(attributes.mode == S_IFREG | 0o640 && attributes.gid == 9 && attributes.modified == 5)
        #expect(try harness.tree.attributes(of: harness.node("a/cgroup.events")).gid == 8)
    }

    @Test func extendedAttributes() throws {
        let harness = try TreeHarness(.v2)
        let node = harness.tree.root
        func set(_ name: String, _ value: String, flags: UInt32 = 0) -> String {
            harness.attempt { () throws(Errno) in
                try TreeHarness.withBytes(name) { name throws(Errno) in
                    try TreeHarness.withBytes(value) { value throws(Errno) in
                        try harness.tree.setAttribute(name, of: node, to: value, flags: flags)
                    }
                }
            }
        }
        #expect(set("user.a", "1") == "OK")
        #expect(set("user.a", "2", flags: 1) == "EEXIST")
        #expect(set("user.b", "2", flags: 2) == "ENODATA")
        #expect(set("system.posix_acl_access", "") == "EOPNOTSUPP")
        #expect(set("trusted.delegate", "1") == "OK")
        #expect(try harness.tree.attributeNames(of: node) == Array("user.a\0trusted.delegate\0".utf8))
        let value = try TreeHarness.withBytes("user.a") { name throws(Errno) in
            try harness.tree.attribute(name, of: node)
        }
        #expect(value == Array("1".utf8))
        #expect(set("user.big", String(repeating: "x", count: 200_000)) == "ENOSPC")
        for index in 0..<126 { #expect(set("user.n\(index)", "") == "OK") }
        #expect(set("user.more", "") == "ENOSPC")
    }

    /// Whoever may write to a tree does not fill the daemon's memory.
    @Test func boundsOfTheTree() throws {
        let harness = try TreeHarness(.v2)
        let value = String(repeating: "x", count: 100_000)
        var results: [String] = []
        for index in 0..<200 {
            harness.makeDirectory("g\(index)")
            let node = try harness.node("g\(index)")
            results.append(
                harness.attempt { () throws(Errno) in
                    try TreeHarness.withBytes("user.a") { name throws(Errno) in
                        try TreeHarness.withBytes(value) { value throws(Errno) in
                            try harness.tree.setAttribute(name, of: node, to: value, flags: 0)
                        }
                    }
                })
        }
        #expect(results.filter { $0 == "OK" }.count == 167)
        #expect(results.last == "ENOSPC")
        harness.removeDirectory("g0")
        let node = try harness.node("g199")
        #expect(
            harness.attempt { () throws(Errno) in
                try TreeHarness.withBytes("user.a") { name throws(Errno) in
                    try TreeHarness.withBytes(value) { value throws(Errno) in
                        try harness.tree.setAttribute(name, of: node, to: value, flags: 0)
                    }
                }
            } == "OK")
        var made = 199
        while harness.makeDirectory("h\(made)") == "OK" { made += 1 }
        #expect(harness.makeDirectory("more") == "ENOSPC")
        #expect(made == 65_534)
    }

    @Test func longWrites() throws {
        let harness = try TreeHarness(.v2)
        #expect(harness.write("cgroup.procs", String(repeating: " ", count: 4097)) == "E2BIG")
        #expect(harness.write("cgroup.procs", "") == "OK")
        #expect(harness.write("cgroup.controllers", "x") == "EINVAL")
    }

    /// Groups by the thousand are made, listed in parts and removed, also while they are listed.
    @Test func tenThousandGroups() throws {
        let harness = try TreeHarness(.v2)
        for index in 0..<10_000 { #expect(harness.makeDirectory("group\(index)") == "OK") }
        #expect(harness.read("cgroup.stat") == "nr_descendants 10000\nnr_dying_descendants 0\n")
        #expect(try harness.tree.attributes(of: harness.tree.root).links == 10_002)
        var seen = 0
        var offset: UInt64 = 0
        var isAtEnd = false
        while !isAtEnd {
            isAtEnd = true
            var names: [String] = []
            try harness.tree.entries(of: harness.tree.root, from: offset) { name, _, type, next in
                offset = next
                isAtEnd = false
                if type == S_IFDIR { names.append(String(decoding: name, as: UTF8.self)) }
                return names.count < 100
            }
            for name in names { #expect(harness.removeDirectory(name) == "OK") }
            seen += names.count
        }
        #expect(seen == 10_000)
        #expect(harness.read("cgroup.stat") == "nr_descendants 0\nnr_dying_descendants 0\n")
    }

    @Test func everyFileIsDocumented() {
        let files = CgroupTree.files
        #expect(files.count > 150)
        for file in files {
            #expect(!file.summary.isEmpty && file.summary.hasSuffix("."), "\(file.name)")
            #expect([0o200, 0o444, 0o644].contains(file.mode), "\(file.name)")
        }
        for version in [CgroupConfiguration.Version.v1, .v2] {
            let names = files.filter { $0.version == version }.map(\.name)
            #expect(Set(names).count == names.count)
        }
    }
}
