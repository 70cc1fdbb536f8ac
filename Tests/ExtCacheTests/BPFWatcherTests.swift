import Glibc
import MountSupport
import StackCore
import Testing

@testable import ExtCache

/// The programs on a real kernel, without a mount. `make test-vm` runs these on Debian's.
@Suite(.serialized, .needsBPF) struct BPFWatcherTests {
    private static let systems = LowerFileSystem.allCases.filter { $0 != .plain }

    /// Every kind of change is reported, of inodes that are tracked.
    @Test(arguments: systems) func everyChange(_ kind: LowerFileSystem) throws {
        let tree = try WatchedTree(kind)
        let changes = LowerChange.all(on: kind)
        try tree.run(LowerChange.script(changes, \.setup))
        let paths = try Subprocess.run(["find", tree.scratch.directory, "-printf", "%P\\n"])
        for path in paths.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            try tree.track(path.isEmpty ? "." : String(path))
        }
        func subject(_ effect: LowerChange.Effect, in directory: String) -> UInt64? {
            tree.inode("\(directory)/\(effect.subject)")?.inode
        }
        let before = changes.map { directory, change in change.effects.map { subject($0, in: directory) } }
        tree.sink.clear()
        try tree.run(LowerChange.script(changes, \.change))
        for (number, (directory, change)) in changes.enumerated() {
            for (effect, inode) in zip(change.effects, before[number]) {
                let inode = try #require(inode ?? subject(effect, in: directory))
                #expect(
                    tree.eventually { effect.isReported(of: inode, by: tree.sink) }, "\(change): no report of \(effect)"
                )
            }
        }
        #expect(tree.sink.losses == 0)
    }

    /// What is not tracked, or no longer, is not reported; nor is what this process does itself.
    @Test func onlyWhatMatters() throws {
        let tree = try WatchedTree(.tmpfs)
        try tree.run(": >own; : >other; : >former; : >last")
        for name in ["own", "former", "last"] { try tree.track(name) }
        tree.watcher.untrack(try #require(tree.inode("former")), node: .root)
        chmod("\(tree.scratch.directory)/own", 0o600)
        try tree.run("chmod 600 other former last")
        let last = try #require(tree.inode("last")).inode
        #expect(tree.eventually { tree.sink.reports.contains(.attributes(last)) })
        #expect(tree.sink.reports == [.attributes(last)])
    }

    /// While a change of an inode is unread, no more are reported of it; after it is read, the next one is.
    @Test func changesOfOneInodeMeet() throws {
        let tree = try WatchedTree(.tmpfs)
        try tree.run(": >file")
        try tree.track("file")
        let file = try #require(tree.inode("file")).inode
        try tree.run(
            "python3 -c \"import os; fd = os.open('file', os.O_WRONLY)\nfor i in range(100000): os.pwrite(fd, b'x', 0)\""
        )
        try tree.run("chmod 600 file")
        #expect(tree.eventually { tree.sink.reports.contains(.attributes(file)) })
        #expect(tree.sink.reports.contains(.data(file)))
        #expect(tree.sink.losses == 0)
        tree.sink.clear()
        try tree.run("echo more >>file")
        #expect(tree.eventually { tree.sink.reports.contains(.data(file)) })
    }

    /// More changes than there is room for are not passed over in silence.
    @Test func overflow() throws {
        let tree = try WatchedTree(.tmpfs)
        try tree.track(".")
        tree.sink.hold()
        try tree.run("seq 40000 | xargs touch; : >after")
        tree.sink.release()
        #expect(tree.eventually { tree.sink.losses > 0 })
        let root = try #require(tree.inode(".")).inode
        try tree.run(": >later")
        #expect(tree.eventually { tree.sink.reports.contains(.name(Array("later".utf8), in: root)) })
    }

    /// A file system that is mounted below is watched from then on. Its coming is told as a change of the mount point's name, and as a loss.
    @Test func mountsBelow() throws {
        let tree = try WatchedTree(.ext4)
        try tree.run("mkdir below")
        let below = "\(tree.scratch.directory)/below"
        try Subprocess.run(["mount", "-t", "tmpfs", "below", below])
        defer { _ = try? Subprocess.run(["umount", below]) }
        #expect(tree.eventually { tree.sink.losses == 1 })
        let root = try #require(tree.inode(".")).inode
        #expect(tree.sink.reports.contains(.name(Array("below".utf8), in: root)))
        try tree.track("below")
        let inode = try #require(tree.inode("below")).inode
        try tree.run(": >new", in: "below")
        #expect(tree.eventually { tree.sink.reports.contains(.name(Array("new".utf8), in: inode)) })
    }

    /// A subvolume has a device number of its own for stat(2).
    @Test func subvolumes() throws {
        let tree = try WatchedTree(.btrfs)
        try tree.run("btrfs -q subvolume create below; : >below/file")
        try tree.track("below/file")
        #expect(tree.inode("below")?.device != tree.inode(".")?.device)
        let file = try #require(tree.inode("below/file")).inode
        try tree.run("chmod 600 below/file")
        #expect(tree.eventually { tree.sink.reports.contains(.attributes(file)) })
    }
}

extension LowerChange.Effect {
    /// The path of the inode that a report is about.
    fileprivate var subject: String {
        switch self {
        case .attributes(let path), .data(let path): path
        case .name(_, let directory): directory
        }
    }

    fileprivate func isReported(of inode: UInt64, by sink: RecordingSink) -> Bool {
        switch self {
        case .attributes: sink.reports.contains(.attributes(inode)) || sink.reports.contains(.data(inode))
        case .data: sink.reports.contains(.data(inode))
        case .name(let name, _): sink.reports.contains(.name(Array(name.utf8), in: inode))
        }
    }
}
