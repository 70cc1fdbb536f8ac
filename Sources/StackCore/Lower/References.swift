import CLinux
import Glibc
import SystemCalls

/// The ways to name a lower inode and to come back to it: file handles, names in a directory.
///
/// Descriptors given here are O_PATH: they neither open a device nor wait for a FIFO's other end, and serve as directory for the
/// *at calls. Only ``openDirectory(_:)`` opens the file itself.
enum LowerReference {
    /// Writes the file handle of an open descriptor to `handle`: name_to_handle_at(2), AT_EMPTY_PATH.
    ///
    /// No privilege is needed for this, only for opening it.
    /// - Throws: `.eopnotsupp` where the file system has none, `.eoverflow` where it is longer than 128 bytes.
    static func handle(of descriptor: Int32, _ handle: inout linux_file_handle) throws(Errno) {
        handle = linux_file_handle()
        handle.bytes = UInt32(MemoryLayout.size(ofValue: handle.data))
        var mount: Int32 = 0
        try checked(linux_name_to_handle_at(descriptor, "", &handle, &mount, LINUX_AT_EMPTY_PATH))
    }

    /// Writes the file handle of what `name` in `directory` is now to `handle`, a symbolic link's own, and returns the id of its mount.
    /// - Throws: as ``handle(of:_:)``, and what looking the name up gives.
    static func handle(
        of name: UnsafePointer<CChar>, in directory: Int32, _ handle: inout linux_file_handle
    ) throws(Errno) -> Int32 {
        handle = linux_file_handle()
        handle.bytes = UInt32(MemoryLayout.size(ofValue: handle.data))
        var mount: Int32 = 0
        try checked(linux_name_to_handle_at(directory, name, &handle, &mount, 0))
        return mount
    }

    /// The inode number in a handle of a file system whose handles are known to have it, nil for others (linux/exportfs.h, and
    /// each one's encode_fh).
    static func inodeNumber(in handle: borrowing linux_file_handle) -> UInt64? {
        let (first, second) = (handle.data.0, handle.data.1)
        switch (handle.type, handle.bytes) {
        // FILEID_INO32_GEN: number, generation. ext2, ext3, ext4, f2fs, and xfs where the number has 32 bits.
        case (0x01, 8): return first & 0xffff_ffff
        // The same type of tmpfs: generation, number in two halves.
        case (0x01, 12): return first >> 32 | second << 32
        // xfs: a number of 64 bits, generation.
        case (0x81, 12): return first
        // FILEID_BTRFS_WITHOUT_PARENT: number, tree, generation.
        case (0x4d, 20): return first
        default: return nil
        }
    }

    /// Opens the inode of a file handle: open_by_handle_at(2), CAP_DAC_READ_SEARCH in the initial user namespace.
    ///
    /// `mount` is any descriptor on the mount, but not an O_PATH one: the kernel answers EBADF to that.
    /// - Throws: `.estale` if the inode is gone, `.eperm` without the capability.
    static func open(_ handle: inout linux_file_handle, mount: Int32) throws(Errno) -> Descriptor {
        let flags = LINUX_O_PATH | LINUX_O_NOFOLLOW | LINUX_O_CLOEXEC
        return Descriptor(owning: Int32(try checked(linux_open_by_handle_at(mount, &handle, flags))))
    }

    /// Opens what `name` in `directory` is now; a symbolic link is opened itself.
    static func open(_ name: UnsafePointer<CChar>, in directory: Int32) throws(Errno) -> Descriptor {
        let flags = LINUX_O_PATH | LINUX_O_NOFOLLOW | LINUX_O_CLOEXEC
        return Descriptor(owning: Int32(try checked(linux_openat(directory, name, flags, 0))))
    }

    /// Opens for reading the directory that an O_PATH descriptor is on; "." needs no /proc, and never leads to another mount.
    /// - Throws: `.enotdir` for anything but a directory, which is not opened.
    static func openDirectory(_ descriptor: Int32) throws(Errno) -> Descriptor {
        let flags = O_RDONLY | LINUX_O_DIRECTORY | LINUX_O_NOFOLLOW | LINUX_O_CLOEXEC
        return Descriptor(owning: Int32(try checked(linux_openat(descriptor, ".", flags, 0))))
    }
}
