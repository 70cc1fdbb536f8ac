import CLinux
import Glibc
import SystemCalls

/// The ways to name a lower inode and to come back to it: file handles, names in a directory, /proc/self/fd.
///
/// Descriptors given here are O_PATH: they neither open a device nor wait for a FIFO's other end, and serve as directory for the
/// *at calls. Only ``openDirectory(_:)`` and ``DescriptorDirectory`` open the file itself.
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

    /// The attributes of the inode behind a descriptor, birth time and mount id included where the kernel has them.
    static func status(of descriptor: Int32) throws(Errno) -> linux_statx {
        var status = linux_statx()
        let mask = LINUX_STATX_BASIC_STATS | LINUX_STATX_BTIME | LINUX_STATX_MNT_ID
        try checked(linux_statx_at(descriptor, "", LINUX_AT_EMPTY_PATH, mask, &status))
        return status
    }
}

/// /proc/self/fd, held open: turns an O_PATH descriptor into one for reading and writing, even after the daemon has changed
/// its root to where there is no /proc.
///
/// The directory is that of the process that opens it: open it after the last fork.
struct DescriptorDirectory: ~Copyable {
    private let directory: Descriptor

    /// - Throws: `.enoent` where /proc is not mounted.
    init() throws(Errno) {
        let flags = LINUX_O_PATH | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC
        directory = Descriptor(owning: Int32(try checked(linux_openat(LINUX_AT_FDCWD, "/proc/self/fd", flags, 0))))
    }

    /// Opens the file behind `descriptor` anew with `flags` (open(2)); O_CLOEXEC is added and O_NOFOLLOW removed, as the
    /// entry of /proc is itself a link.
    ///
    /// The caller has seen that it is a regular file or a directory: opening a device or a FIFO has effects.
    /// - Throws: `.eloop` for a symbolic link, and what open(2) gives.
    func reopen(_ descriptor: Int32, flags: Int32) throws(Errno) -> Descriptor {
        // At most ten digits and the final zero, written from the end.
        var text: (UInt64, UInt64) = (0, 0)
        let flags = flags & ~LINUX_O_NOFOLLOW | LINUX_O_CLOEXEC
        let result = withUnsafeMutableBytes(of: &text) { bytes in
            var position = bytes.count - 1
            var number = descriptor.magnitude
            repeat {
                position -= 1
                bytes[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10)
                number /= 10
            } while number != 0
            let name = (bytes.baseAddress.unsafelyUnwrapped + position).assumingMemoryBound(to: CChar.self)
            return linux_openat(directory.number, name, flags, 0)
        }
        return Descriptor(owning: Int32(try checked(result)))
    }
}
