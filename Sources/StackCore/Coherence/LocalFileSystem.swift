import CLinux
import Glibc

/// File systems on which nothing changes but by system calls of this machine, so that whoever watches these sees every change. On
/// network file systems others change things, and in /proc and the like the kernel itself does, without a word. Those left out too
/// that know a file by more than one spelling (vfat, exfat, ntfs3): a change is reported of one, and the kernel may have kept another.
public enum LocalFileSystem {
    // linux/magic.h, and the file systems' own headers.
    private static let types: Set<Int64> = [
        0xef53,  // ext2, ext3, ext4
        0x5846_5342,  // xfs
        0x9123_683e,  // btrfs
        0x0102_1994,  // tmpfs
        0x8584_58f6,  // ramfs
        0xf2f5_2010,  // f2fs
        0xca45_1a4e,  // bcachefs
        0x2fc1_2fc1,  // zfs
        0x794c_7630,  // overlay
        0x3153_464a,  // jfs
        0x3434,  // nilfs2
        0x2405_1905,  // ubifs
        0x1501_3346,  // udf
        0x9660,  // iso9660
        0x7371_7368,  // squashfs
        0xe0f5_e1e2,  // erofs
    ]

    /// Whether the file system that a descriptor (O_PATH will do) is on is one of them.
    public static func contains(_ descriptor: Int32) -> Bool {
        var status = linux_statfs()
        return linux_fstatfs(descriptor, &status) == 0 && types.contains(status.type)
    }

    /// Why others are not watched.
    public static let obstacle = ChangeSourceError(
        "the lower file system may change without this machine's doing (network file systems, /proc), which nobody here would see"
    )
}
