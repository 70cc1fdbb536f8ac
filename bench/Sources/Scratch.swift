import CLoops
import Foundation

/// The place of all measurements: a journaled ext4 in a file, mounted in a mount namespace of the benchmark's own.
///
/// Journaled because creating files without a journal is so much cheaper that no file system on top could be compared; a file
/// of its own because the state of the machine's file system is nobody's choice.
struct Scratch: Sendable {
    /// Removed at the end.
    let directory: String

    /// What the systems show.
    var lower: String { directory + "/disk/lower" }
    /// On the same file system, and never shown.
    var beside: String { directory + "/disk/beside" }
    var mountPoint: String { directory + "/mount" }

    /// - Parameter parent: where the image is made, which grows to about `megabytes`.
    init(in parent: String, megabytes: Int) throws {
        try valid(bench_private_mounts(), "making a mount namespace")
        (directory, _) = try Cleanup.shared.perform {
            var template = Array("\(parent)/stackfs-bench.XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw Failure("a directory in \(parent)", code: errno) }
            return template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        } undo: { directory in
            // Never through a mount, were one still there.
            Self.quietly(["rm", "-rf", "--one-file-system", directory])
        }
        chmod(directory, 0o755)
        let image = directory + "/image"
        for name in ["disk", "mount"] { mkdir("\(directory)/\(name)", 0o755) }
        try Subprocess.run(["truncate", "-s", "\(megabytes)M", image])
        // Inodes for trees of a million files; their tables stay unwritten until they are used.
        try Subprocess.run(
            [Self.mkfs, "-q", "-F", "-N", "1500000", "-m", "0", "-E", "lazy_itable_init=1", "-O", "has_journal", image])
        let disk = directory + "/disk"
        _ = try Cleanup.shared.perform {
            true
        } undo: { _ in
            for _ in 0..<50 where bench_unmount(disk, 0) == -EBUSY { usleep(100_000) }
            _ = bench_unmount(disk, 1)
        }
        // The loop device goes away with the mount.
        try Subprocess.run(["mount", "-o", "loop,noinit_itable", image, disk])
        for path in [lower, beside] { mkdir(path, 0o755) }
    }

    private static let mkfs = Subprocess.find("mkfs.ext4") ?? "mkfs.ext4"

    /// For the way out, where ``Cleanup`` takes no new actions.
    private static func quietly(_ arguments: [String]) {
        var pointers = arguments.map { UnsafePointer(strdup($0)) }
        pointers.append(nil)
        let identifier = bench_spawn(pointers, nil, -1, -1, -1, -1)
        var status: Int32 = 0
        if identifier > 0 { waitpid(identifier, &status, 0) }
    }

    /// Removes a directory of the lower file system, natively.
    func remove(_ path: String) throws { try Subprocess.run(["rm", "-rf", "--one-file-system", path]) }
}
