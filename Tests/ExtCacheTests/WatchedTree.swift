import CLinux
import Glibc
import MountSupport
import StackCore
import SystemCalls
import Testing

@testable import ExtCache

/// A directory on a file system of its own, and a watcher of it that records.
final class WatchedTree {
    let scratch: Scratch
    let sink = RecordingSink()
    let watcher: BPFWatcher
    private let root: Descriptor

    init(_ kind: LowerFileSystem) throws {
        scratch = try Scratch(kind)
        root = Descriptor(owning: open(scratch.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        watcher = try BPFWatcher(lower: root.number, mountPoint: nil)
        try watcher.begin(sink)
    }

    deinit { watcher.end() }

    /// Runs a script in a directory of the tree.
    func run(_ script: String, in directory: String = ".") throws {
        try Subprocess.run(["sh", "-euc", "cd -- \"$1\"\n" + script, "sh", "\(scratch.directory)/\(directory)"])
    }

    /// The inode behind a path of the tree; nil if there is none.
    func inode(_ path: String) -> LowerInode? {
        var status = linux_statx()
        let result = linux_statx_at(
            LINUX_AT_FDCWD, "\(scratch.directory)/\(path)", LINUX_AT_SYMLINK_NOFOLLOW, LINUX_STATX_BASIC_STATS, &status)
        return result == 0 ? LowerInode(status) : nil
    }

    func track(_ path: String) throws {
        watcher.track(try #require(inode(path)), node: .root)
    }

    /// Waits until something holds; false after some seconds.
    func eventually(_ condition: () -> Bool) -> Bool {
        let deadline = Deadline(seconds: 20)
        while !condition() {
            if deadline.passed { return false }
            usleep(1000)
        }
        return true
    }
}

extension BPFWatcher {
    /// Why it cannot be had here; nil if it can.
    static let obstacle: String? = {
        if let missing = Requirements.missing { return missing }
        do throws(ChangeSourceError) {
            let root = Descriptor(owning: open("/", O_RDONLY | O_CLOEXEC))
            _ = try BPFWatcher(lower: root.number, mountPoint: nil)
            return nil
        } catch {
            return "no eBPF: \(error.reason)"
        }
    }()
}

/// For tests that need it: the trait and its reason.
extension Trait where Self == ConditionTrait {
    static var needsBPF: Self { .enabled(if: BPFWatcher.obstacle == nil, "\(BPFWatcher.obstacle ?? "")") }
}
