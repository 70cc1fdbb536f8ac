import CTestCalls
import Glibc

/// Removes trees that hold immutable and append-only files, names of any bytes, and paths longer than PATH_MAX.
enum TreeRemoval {
    static func remove(_ path: String) { remove(Path(path), in: Linux.atFdcwd) }

    private static func remove(_ name: Path, in parent: Int32) {
        if unlink(name, in: parent, flags: 0) { return }
        let fd = Kernel.openat(parent, name, TC_O_DIRECTORY | TC_O_NOFOLLOW)
        if fd >= 0 {
            let fd = Int32(fd)
            clearFlags(fd)
            for entry in Listing.rest(fd).entries where entry.name != .here && entry.name != Path("..") {
                remove(entry.name, in: fd)
            }
            Kernel.close(fd)
            _ = unlink(name, in: parent, flags: Linux.removeDirectory)
        } else {
            let file = Kernel.openat(parent, name, O_NONBLOCK | TC_O_NOFOLLOW)
            guard file >= 0 else { return }
            clearFlags(Int32(file))
            Kernel.close(Int32(file))
            _ = unlink(name, in: parent, flags: 0)
        }
    }

    private static func unlink(_ name: Path, in parent: Int32, flags: Int32) -> Bool {
        name.withPointer { Kernel.call(TC_unlinkat, parent, $0, Int64(flags)) } == 0
    }

    private static func clearFlags(_ fd: Int32) {
        var flags: UInt32 = 0
        withUnsafeMutablePointer(to: &flags) { flags in
            guard Kernel.call(TC_ioctl, fd, Linux.getFlags, Kernel.address(flags)) == 0 else { return }
            flags.pointee &= ~0x30  // FS_IMMUTABLE_FL, FS_APPEND_FL
            _ = Kernel.call(TC_ioctl, fd, Linux.setFlags, Kernel.address(flags))
        }
    }
}
