/// The answer to OPEN, CREATE and OPENDIR (FOPEN_* of the protocol).
public struct OpenReplyFlags: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let directIO = OpenReplyFlags(rawValue: 1 << 0)
    public static let keepCache = OpenReplyFlags(rawValue: 1 << 1)
    public static let nonseekable = OpenReplyFlags(rawValue: 1 << 2)
    public static let cacheDirectory = OpenReplyFlags(rawValue: 1 << 3)
    public static let stream = OpenReplyFlags(rawValue: 1 << 4)
    public static let noFlush = OpenReplyFlags(rawValue: 1 << 5)
    public static let parallelDirectWrites = OpenReplyFlags(rawValue: 1 << 6)
    public static let passthrough = OpenReplyFlags(rawValue: 1 << 7)
}

/// Which fields of a SETATTR count (FATTR_*).
public struct SetattrFields: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let mode = SetattrFields(rawValue: 1 << 0)
    public static let uid = SetattrFields(rawValue: 1 << 1)
    public static let gid = SetattrFields(rawValue: 1 << 2)
    public static let size = SetattrFields(rawValue: 1 << 3)
    public static let atime = SetattrFields(rawValue: 1 << 4)
    public static let mtime = SetattrFields(rawValue: 1 << 5)
    public static let handle = SetattrFields(rawValue: 1 << 6)
    public static let atimeNow = SetattrFields(rawValue: 1 << 7)
    public static let mtimeNow = SetattrFields(rawValue: 1 << 8)
    public static let lockOwner = SetattrFields(rawValue: 1 << 9)
    public static let ctime = SetattrFields(rawValue: 1 << 10)
    public static let killSetID = SetattrFields(rawValue: 1 << 11)
}

/// What a WRITE is (FUSE_WRITE_*).
public struct WriteFlags: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Dirty pages written back: the file handle is any writable one of the inode, the credentials are not the writer's.
    public static let fromCache = WriteFlags(rawValue: 1 << 0)
    public static let lockOwner = WriteFlags(rawValue: 1 << 1)
    /// The writer lacks CAP_FSETID: set-user-id, set-group-id and capabilities are to go (7.32).
    public static let killSetID = WriteFlags(rawValue: 1 << 2)
}

/// Single-bit flags of other requests, under the protocol's names.
public enum RequestFlags {
    /// FUSE_GETATTR_FH: the file handle of a GETATTR or STATX is valid.
    public static let getattrHandle: UInt32 = 1 << 0
    /// FUSE_OPEN_KILL_SUIDGID: an O_TRUNC by a caller without CAP_FSETID.
    public static let openKillSetID: UInt32 = 1 << 0
    /// FUSE_RELEASE_FLUSH and FUSE_RELEASE_FLOCK_UNLOCK.
    public static let releaseFlush: UInt32 = 1 << 0
    public static let releaseFlockUnlock: UInt32 = 1 << 1
    /// FUSE_LK_FLOCK: flock(2) and not a POSIX lock.
    public static let lockFlock: UInt32 = 1 << 0
    /// FUSE_FSYNC_FDATASYNC.
    public static let fsyncDataOnly: UInt32 = 1 << 0
    /// FUSE_SETXATTR_ACL_KILL_SGID: the ACL's setter may not keep the set-group-id bit (7.34).
    public static let setxattrKillSetGID: UInt32 = 1 << 0
    /// FUSE_IOCTL_DIR: the handle is a directory's.
    public static let ioctlDirectory: UInt32 = 1 << 4
    /// FUSE_IOCTL_COMPAT | FUSE_IOCTL_32BIT | FUSE_IOCTL_COMPAT_X32: the caller is a 32-bit program.
    public static let ioctlCompatible: UInt32 = 1 << 0 | 1 << 3 | 1 << 5
}
