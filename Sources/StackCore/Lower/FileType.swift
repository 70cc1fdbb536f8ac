import CLinux
import Glibc

extension linux_statx {
    /// The type bits of the mode (S_IFMT).
    var type: UInt32 { UInt32(mode) & 0o170000 }
    var isRegular: Bool { type == 0o100000 }
    var isDirectory: Bool { type == 0o040000 }
    var isSymbolicLink: Bool { type == 0o120000 }

    /// Set-user-id or set-group-id.
    var hasSetID: Bool { mode & 0o6000 != 0 }

    /// The device number of a device node as the FUSE protocol carries it, which is the kernel's new_encode_dev().
    var encodedDevice: UInt32 {
        (rdev_minor & 0xff) | (rdev_major << 8) | ((rdev_minor & ~0xff) << 12)
    }
}
