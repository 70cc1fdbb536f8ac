import CLinux
import FuseKernel
import Glibc
import SystemCalls

/// The system calls that the mirror makes on the lower directory, each with its kernel's quirk.
///
/// All go relative to a directory descriptor or to an inode's own descriptor; no path is ever put together. `inode` is an
/// O_PATH descriptor, `file` one that is open for reading or writing.
enum Lower {
    /// What every statx(2) of the mirror asks for: identity (mount, inode, birth time) beside the attributes.
    static let statusMask = LINUX_STATX_BASIC_STATS | LINUX_STATX_BTIME | LINUX_STATX_MNT_ID

    /// Attributes by name, the name's own if it is a symbolic link. Mount points give what is mounted there, but nothing
    /// is mounted for the asking.
    @inline(__always)
    static func status(of name: borrowing Name, in directory: Int32) throws(Errno) -> linux_statx {
        var status = linux_statx()
        let flags = LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_NO_AUTOMOUNT
        try checked(linux_statx_at(directory, name.pointer, flags, statusMask, &status))
        return status
    }

    /// Attributes of an open inode or file.
    @inline(__always)
    static func status(of descriptor: Int32) throws(Errno) -> linux_statx {
        var status = linux_statx()
        try checked(linux_statx_at(descriptor, "", LINUX_AT_EMPTY_PATH, statusMask, &status))
        return status
    }

    /// An O_PATH descriptor of a name: no permission on the inode itself is needed, and nothing happens to a FIFO or device.
    static func openInode(_ name: borrowing Name, in directory: Int32) throws(Errno) -> Descriptor {
        try LowerReference.open(name.pointer, in: directory)
    }

    /// An O_PATH descriptor of what an open file is, under whatever name it now has, or none.
    static func openInode(ofFile file: Int32) throws(Errno) -> Descriptor {
        try reopen(file, LINUX_O_PATH)
    }

    /// Opens an inode through /proc/self/fd: the one way from O_PATH to reading and writing that no rename can mislead.
    ///
    /// The caller has made sure that it is a regular file or a directory: special files are never opened (CVE-2020-35517).
    ///
    /// A lease by which another thread asks after writers (``hasNoWriter(_:)``) is met with EAGAIN, and is over in a moment.
    static func reopen(_ inode: Int32, _ flags: Int32) throws(Errno) -> Descriptor {
        let path = DescriptorPath(inode)
        var result = path.withPointer { linux_openat(LINUX_AT_FDCWD, $0, flags | LINUX_O_CLOEXEC, 0) }
        var attempts = 100
        while result == Int64(-EAGAIN), attempts > 0 {
            usleep(50)
            attempts -= 1
            result = path.withPointer { linux_openat(LINUX_AT_FDCWD, $0, flags | LINUX_O_CLOEXEC, 0) }
        }
        return Descriptor(owning: Int32(try checked(result)))
    }

    /// Whether nobody has a file open for writing, or mapped so; false also where that cannot be known. `file` is open for reading only.
    ///
    /// A read lease is given only where that is so, and a mapping keeps its file open (F_SETLEASE of fcntl(2)). Who opens the file
    /// meanwhile breaks the lease and sends SIGIO, which ends a process that does not ignore it: ``Mirror`` does.
    static func hasNoWriter(_ file: Int32) -> Bool {
        guard linux_fcntl(file, LINUX_F_SETLEASE, Int(F_RDLCK)) == 0 else { return false }
        _ = linux_fcntl(file, LINUX_F_SETLEASE, Int(F_UNLCK))
        return true
    }

    // MARK: creation

    static func create(_ name: UnsafePointer<CChar>, in directory: Int32, flags: Int32, mode: UInt32) throws(Errno)
        -> Descriptor
    {
        let flags = flags | O_CREAT | O_EXCL | LINUX_O_NOFOLLOW | LINUX_O_CLOEXEC
        return Descriptor(owning: Int32(try checked(linux_openat(directory, name, flags, mode))))
    }

    static func createUnnamed(in directory: Int32, flags: Int32, mode: UInt32) throws(Errno) -> Descriptor {
        let flags = flags | LINUX_O_TMPFILE_BIT | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC
        return Descriptor(owning: Int32(try checked(linux_openat(directory, ".", flags, mode))))
    }

    /// linkat(2) of an inode. AT_EMPTY_PATH wants CAP_DAC_READ_SEARCH and says ENOENT without it; /proc wants nothing.
    static func link(_ inode: Int32, as name: UnsafePointer<CChar>, in directory: Int32) throws(Errno) {
        let result = linux_linkat(inode, "", directory, name, LINUX_AT_EMPTY_PATH)
        if result != Int64(-ENOENT) {
            try checked(result)
            return
        }
        let path = DescriptorPath(inode)
        try checked(path.withPointer { linux_linkat(LINUX_AT_FDCWD, $0, directory, name, LINUX_AT_SYMLINK_FOLLOW) })
    }

    // MARK: attributes

    /// fchmodat(2) through /proc: fchmod refuses O_PATH, and fchmodat2 came with Linux 6.6 only. A symbolic link's mode
    /// cannot be changed.
    static func changeMode(_ inode: Int32, _ mode: UInt32) throws(Errno) {
        let path = DescriptorPath(inode)
        try checked(path.withPointer { linux_fchmodat(LINUX_AT_FDCWD, $0, mode) })
    }

    /// fchownat(2); 0xffffffff leaves an id alone.
    static func changeOwner(_ inode: Int32, uid: UInt32, gid: UInt32) throws(Errno) {
        try checked(linux_fchownat(inode, "", uid, gid, LINUX_AT_EMPTY_PATH))
    }

    /// utimensat(2) on an inode itself, a symbolic link included (AT_EMPTY_PATH: Linux 5.8).
    static func changeTimes(_ inode: Int32, access: linux_timespec, modification: linux_timespec) throws(Errno) {
        var times = (access, modification)
        try withUnsafePointer(to: &times) { (pointer) throws(Errno) in
            _ = try pointer.withMemoryRebound(to: linux_timespec.self, capacity: 2) { (pair) throws(Errno) in
                try checked(linux_utimensat(inode, "", pair, LINUX_AT_EMPTY_PATH))
            }
        }
    }

    /// truncate(2) of a regular file that is not open.
    static func truncate(_ inode: Int32, _ length: Int64) throws(Errno) {
        let path = DescriptorPath(inode)
        try checked(path.withPointer { linux_truncate($0, length) })
    }

    // MARK: extended attributes
    //
    // f*xattr(2) refuse O_PATH, and setxattrat(2) came with Linux 6.13 only. The magic link of /proc ends the walk, so a
    // symbolic link's own attributes are meant, not its target's.

    static func setExtendedAttribute(
        _ inode: Int32, _ name: UnsafePointer<CChar>, _ value: UnsafeRawBufferPointer, flags: Int32
    ) throws(Errno) {
        let path = DescriptorPath(inode)
        try checked(path.withPointer { linux_setxattr($0, name, value.baseAddress, value.count, flags) })
    }

    /// The length of the value; an empty `buffer` asks for it only.
    static func extendedAttribute(
        _ inode: Int32, _ name: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
    )
        throws(Errno) -> Int
    {
        let path = DescriptorPath(inode)
        return try checked(path.withPointer { linux_getxattr($0, name, buffer.baseAddress, buffer.count) })
    }

    static func listExtendedAttributes(_ inode: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int
    {
        let path = DescriptorPath(inode)
        return try checked(path.withPointer { linux_listxattr($0, buffer.baseAddress, buffer.count) })
    }

    static func removeExtendedAttribute(_ inode: Int32, _ name: UnsafePointer<CChar>) throws(Errno) {
        let path = DescriptorPath(inode)
        try checked(path.withPointer { linux_removexattr($0, name) })
    }
}
