import CLinux

/// A lower inode as those name it who see it change: by numbers that need no look at the tree.
public struct LowerInode: Hashable, Sendable {
    /// The device, its major number in the upper 32 bits and its minor number in the lower, as statx(2) tells it. 0: not known, and
    /// every node of that inode number is meant. (The kernel's own s_dev is another number on btrfs.)
    public let device: UInt64
    /// st_ino.
    public let inode: UInt64

    public init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    /// The inode that a statx(2) was made of.
    public init(_ status: borrowing linux_statx) {
        device = UInt64(status.dev_major) << 32 | UInt64(status.dev_minor)
        inode = status.ino
    }

    /// The inode of a file handle on a device, of the kinds of handles that tell the number; nil for the others.
    public init?(device: UInt64, _ handle: linux_file_handle) {
        guard let inode = LowerReference.inodeNumber(in: handle) else { return nil }
        self.init(device: device, inode: inode)
    }
}
