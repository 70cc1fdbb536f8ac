import ExtCache
import Glibc
import MountSupport
import StackCore
import SystemCalls
import Testing

extension Coherence {
    /// What the kernel's programs see. `make test-vm` runs these on Debian's own kernel.
    @Suite(.serialized, .enabled(if: ebpfObstacle == nil, "\(ebpfObstacle ?? "")")) struct ByPrograms {
        /// After every kind of change the mount looks as the lower directory does.
        @Test func everyChange() throws { try make(LowerChange.all(on: .ext4), on: .ext4) }

        /// The same of what no notification tells.
        @Test(arguments: LowerFileSystem.allCases.filter { $0 != .plain })
        func changesWithoutNotification(_ kind: LowerFileSystem) throws {
            try make(LowerChange.all(on: kind) { !$0.isNotified }, on: kind)
        }

        private func make(_ changes: [(directory: String, change: LowerChange)], on kind: LowerFileSystem) throws {
            let pair = try WatchedPair(kind, options: ["watcher=ebpf"])
            try pair.run(LowerChange.script(changes, \.setup))
            try pair.prime()
            try pair.run(LowerChange.script(changes, \.change))
            try pair.expectConvergence()
            try pair.mount.unmount()
        }

        /// While the daemon stands still, more happens than there is room for.
        @Test func afterAnOverflow() throws {
            let pair = try WatchedPair(.tmpfs, options: ["watcher=ebpf"])
            try pair.run("mkdir -p a/b c many; touch a/file a/b/file c/file; ln -s x a/link")
            try pair.prime()
            pair.mount.process.stop()
            try pair.run("cd many; seq 20000 | xargs touch; seq 20000 | xargs rm")
            try pair.run("chmod 700 a/b c/file; mv a/file c/moved; rm a/link; : >a/b/new; echo data >>a/b/file")
            pair.mount.process.signal(SIGCONT)
            // Names heal after ten seconds where the kernel cannot be told to forget them all.
            try pair.expectConvergence(seconds: 60)
            try pair.mount.unmount()
        }
    }

    static let ebpfObstacle: String? = {
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

/// A lower directory and its mount, whose caches are kept until a change is reported.
final class WatchedPair {
    let scratch: Scratch
    let mount: TestMount
    let lower: String

    init(_ kind: LowerFileSystem, options: [String]) throws {
        scratch = try Scratch(kind)
        lower = try scratch.makeLowerDirectory("tree")
        mount = try TestMount(lower, in: scratch, options: ["cache=watched"] + options)
    }

    /// Runs a script in the lower tree.
    func run(_ script: String) throws {
        try Subprocess.run(["sh", "-euc", "cd -- \"$1\"\n" + script, "sh", lower])
    }

    /// Has the kernel know all of the tree, and that there is no `new` in it.
    func prime() throws {
        _ = try state(of: mount.path, withData: true)
        for _ in 0..<2 { _ = try state(of: mount.path) }
    }

    /// Expects the mount to come to look as the lower directory does.
    ///
    /// Where changes are lost names heal after ten seconds: it has less. Data are read in the end, as that has the kernel forget attributes.
    func expectConvergence(seconds: Double = 8, _ location: SourceLocation = #_sourceLocation) throws {
        let deadline = Deadline(seconds: seconds)
        while try state(of: lower) != state(of: mount.path), !deadline.passed {}
        try expectEqualLines(state(of: mount.path), state(of: lower), "mount and lower directory", location)
        try expectEqualLines(
            state(of: mount.path, withData: true), state(of: lower, withData: true), "mount and lower directory",
            location)
    }

    /// Names, attributes but the access time, targets, extended attributes, and data if they are asked for.
    private func state(of root: String, withData: Bool = false) throws -> String {
        try Subprocess.run(["python3", "-c", Self.look, root] + (withData ? ["data"] : []))
    }

    private static let look = """
        import os, sys
        os.chdir(sys.argv[1])
        for root, directories, files in os.walk('.'):
            directories.sort()
            print(root, 'new' if os.path.lexists(os.path.join(root, 'new')) else 'no new')
            for name in ['.'] + sorted(directories + files):
                path = os.path.join(root, name)
                s = os.lstat(path)
                text = ''
                if os.path.islink(path):
                    text = os.readlink(path)
                elif len(sys.argv) > 2 and os.path.isfile(path):
                    text = open(path, 'rb').read()[:200]
                print(path, oct(s.st_mode), s.st_ino, s.st_nlink, s.st_uid, s.st_gid, s.st_size, s.st_mtime_ns, s.st_ctime_ns,
                      [(key, os.getxattr(path, key, follow_symlinks=False)) for key in sorted(os.listxattr(path, follow_symlinks=False))],
                      text)
        """
}
