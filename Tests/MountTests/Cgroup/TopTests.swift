import Glibc
import MountSupport
import Testing

/// `stackfs cgroup top` on mounted trees with a process that computes.
@Suite(.serialized, .enabled(if: Requirements.met, "\(Requirements.reason)"))
struct TopTests {
    /// A mount with a tree at t whose group "busy" has a process that computes.
    private final class BusyTree {
        let fixture: Fixture
        let mount: TestMount
        let path: String
        private let child: pid_t

        init(_ version: String) throws {
            fixture = try Fixture(.tmpfs, options: ["cgroup=/t:\(version):rw"])
            mount = try #require(fixture.mount)
            path = "\(mount.path)/t"
            child = try ProcessRunner.start(["sh", "-c", "while :; do :; done"])
            var groups = ["busy"]
            if version == "v2" {
                try #require(TextFile.write("+cpu +memory +io +pids", to: "\(path)/cgroup.subtree_control"))
            } else {
                groups = ["cpu,cpuacct", "memory", "blkio", "pids"].map { "\($0)/busy" }
            }
            for group in groups {
                try #require(mkdir("\(path)/\(group)", 0o755) == 0)
                try #require(TextFile.write("\(child)", to: "\(path)/\(group)/cgroup.procs"))
            }
        }

        deinit {
            kill(child, SIGKILL)
            waitpid(child, nil, 0)
        }
    }

    private func top(_ arguments: String...) throws -> ProcessResult {
        try ProcessRunner.run([ProcessRunner.stackfs, "cgroup", "top"] + arguments)
    }

    /// The row of a group, by titles.
    private func row(_ group: String, of text: String) throws -> [String: String] {
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let row = try #require(lines.first { $0.first == group }, "no \(group) in \(text)")
        return Dictionary(uniqueKeysWithValues: zip(try #require(lines.first), row))
    }

    @Test(arguments: ["v1", "v2"]) func aTableOfOneMoment(version: String) throws {
        let tree = try BusyTree(version)
        // The mount point: the tree is found below.
        let result = try top("--once", "--bytes", tree.mount.path)
        try #require(result.status == 0, "\(result.error)")
        let busy = try row("/busy", of: result.output)
        #expect(busy["TASKS"] == "1")
        #expect(try #require(Double(busy["%CPU"] ?? "")) > 0)
        #expect(try #require(UInt64(busy["MEMORY"] ?? "")) > 0)
        #expect(busy["LIMIT"] == "max")
        #expect(busy["READ/s"].flatMap { UInt64($0) } != nil)
        let root = try row("/", of: result.output)
        #expect(try #require(UInt64(root["TASKS"] ?? "")) > 1)
        // v2's root has none, as the kernel's.
        #expect((root["LIMIT"] == "-") == (version == "v2"))
        // A group alone, by its own directory.
        let alone = try top("--once", "\(tree.path)/\(version == "v1" ? "memory/" : "")busy")
        #expect(try row("/", of: alone.output)["TASKS"] == "1", "\(alone.output)")
        try tree.mount.unmount()
    }

    @Test func asManyTablesAsAskedFor() throws {
        let tree = try BusyTree("v2")
        let result = try top("-b", "-n", "3", "-d", "0.1", "--sort", "path", tree.path)
        #expect(result.status == 0)
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(
            lines.map { String($0.prefix { $0 != " " }) }
                == Array(
                    [["GROUP", "/", "/busy"], ["GROUP", "/", "/busy"], ["GROUP", "/", "/busy", ""]].joined(separator: [
                        ""
                    ])))
        // Whoever reads ends first: no complaint.
        let shell = try ProcessRunner.run([
            "sh", "-c", "\"$0\" cgroup top -d 0.1 \"$1\" | head -1", ProcessRunner.stackfs, tree.path,
        ])
        #expect(shell.output.hasPrefix("GROUP "))
        #expect(shell.error == "")
        try tree.mount.unmount()
    }

    /// A group that was removed is not shown any more, a new one is.
    @Test func tablesFollowTheTree() throws {
        let tree = try BusyTree("v2")
        try #require(mkdir("\(tree.path)/first", 0o755) == 0)
        let terminal = try PseudoTerminal()
        try terminal.start([ProcessRunner.stackfs, "cgroup", "top", "-b", "-d", "0.1", tree.path])
        #expect(terminal.wait(for: "/first"))
        #expect(terminal.wait(for: "/first"))
        try #require(rmdir("\(tree.path)/first") == 0)
        try #require(mkdir("\(tree.path)/second", 0o755) == 0)
        #expect(terminal.wait(for: "/second"))
        #expect(terminal.wait(for: "GROUP"))
        #expect(terminal.wait(for: "/second"))
        let rest = String(decoding: terminal.output, as: UTF8.self)
        #expect(!rest.contains("/first"))
        terminal.signal(SIGTERM)
        #expect(terminal.end() == 128 + SIGTERM)
        try tree.mount.unmount()
    }

    /// A terminal on which the command watches a tree, and its modes before.
    private static func watched(_ tree: BusyTree) throws -> (terminal: PseudoTerminal, before: [UInt8]) {
        let terminal = try PseudoTerminal()
        let before = terminal.modes
        try terminal.start([ProcessRunner.stackfs, "cgroup", "top", "-d", "0.1", tree.path])
        return (terminal, before)
    }

    /// Whatever ends it, the terminal is as before.
    @Test(arguments: [("q", 0), ("\u{3}", 128 + SIGINT)]) func onATerminal(key: String, status: Int32) throws {
        let tree = try BusyTree("v2")
        let (terminal, before) = try Self.watched(tree)
        #expect(terminal.wait(for: "\u{1b}[?1049h"))
        #expect(terminal.wait(for: "/t (v2): 2 groups, by cpu"))
        #expect(terminal.wait(for: "/busy"))
        #expect(terminal.isRaw)
        terminal.type("p")
        #expect(terminal.wait(for: "by path"))
        terminal.type(key)
        #expect(terminal.end() == status)
        #expect(terminal.modes == before)
        #expect(String(decoding: terminal.output, as: UTF8.self).hasSuffix("\u{1b}[?1049l"))
        try tree.mount.unmount()
    }

    /// Stopped, it leaves the terminal to others, and goes on where it was.
    @Test func stoppedAndGoingOn() throws {
        let tree = try BusyTree("v2")
        let (terminal, before) = try Self.watched(tree)
        #expect(terminal.wait(for: "/busy"))
        terminal.signal(SIGSTOP)
        terminal.signal(SIGCONT)
        #expect(terminal.wait(for: "\u{1b}[?1049h"), "the screen is not taken again")
        #expect(terminal.wait(for: "/busy"))
        terminal.type("q")
        #expect(terminal.end() == 0)
        #expect(terminal.modes == before)
        try tree.mount.unmount()
    }

    /// A daemon that does not answer keeps nobody from leaving, and one that is dead is named.
    @Test func aDaemonThatHangsAndDies() throws {
        let tree = try BusyTree("v2")
        let (terminal, before) = try Self.watched(tree)
        #expect(terminal.wait(for: "/busy"))
        tree.mount.process.stop()
        terminal.type("h")
        #expect(terminal.wait(for: "q quit"))
        terminal.type("q")
        #expect(terminal.end() == 0)
        try terminal.start([ProcessRunner.stackfs, "cgroup", "top", "-d", "0.1", tree.path])
        tree.mount.process.signal(SIGCONT)
        #expect(terminal.wait(for: "/busy"))
        tree.mount.process.signal(SIGKILL)
        #expect(terminal.wait(for: "stackfs: \(tree.mount.path) is a mount whose daemon is dead"))
        #expect(terminal.end() == 1)
        #expect(terminal.modes == before)
    }

    @Test func whatIsNoTree() throws {
        let fixture = try Fixture(.tmpfs)
        let mount = try #require(fixture.mount)
        let result = try top("--once", mount.path)
        #expect(result.status == 1)
        #expect(result.error.hasPrefix("stackfs: \(mount.path) is no control group, and no tree of them"))
        #expect(result.output == "")
        try mount.unmount()
    }
}
