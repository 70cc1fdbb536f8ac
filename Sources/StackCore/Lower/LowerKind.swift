import CLinux
import Glibc

/// What is known of a lower file system by its type, which is all that can be had without changing something in it.
struct LowerKind: Sendable {
    /// Closing a file tells no error: it has no flush (struct file_operations), unlike NFS and other FUSE file systems.
    let closesQuietly: Bool
    /// A directory's time of change is another after each change that somebody may have missed (multigrain timestamps, Linux 6.13), and
    /// offsets in it mean the same in all open files.
    let tellsChangesApart: Bool
    /// The first store into a page through a mapping sets the file's time of change. It does not on tmpfs, where a page that was read before is
    /// stored into without the kernel's knowledge; an overlay may lie on one.
    let stampsStores: Bool

    /// Of the file system that `descriptor` is on.
    init(of descriptor: Int32) {
        var status = linux_statfs()
        let type = linux_fstatfs(descriptor, &status) == 0 ? status.type : 0
        closesQuietly = Self.local.contains(type)
        stampsStores = Self.stamping.contains(type)
        tellsChangesApart = Self.multigrain.contains(type) && Self.kernel >= (6, 13)
    }

    // linux/magic.h
    private static let ext4: Int64 = 0xef53
    private static let xfs: Int64 = 0x5846_5342
    private static let btrfs: Int64 = 0x9123_683e
    private static let tmpfs: Int64 = 0x0102_1994
    private static let f2fs: Int64 = 0xf2f5_2010
    private static let multigrain: Set<Int64> = [ext4, xfs, btrfs, tmpfs]
    private static let stamping: Set<Int64> = [ext4, xfs, btrfs, f2fs]
    private static let local: Set<Int64> = stamping.union([tmpfs])

    /// The running kernel's version, as far as uname(2) tells: "6.18.44-generic".
    private static let kernel: (Int, Int) = {
        var name = utsname()
        guard uname(&name) == 0 else { return (0, 0) }
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let numbers = release.split { $0 == "." || $0 == "-" }.prefix(2).map { Int($0) ?? 0 }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : (0, 0)
    }()
}
