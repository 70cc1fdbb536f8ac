import CLinux
import FuseKernel
import Glibc
import Synchronization
import SystemCalls

/// What keeps a mirror that is broken from breaking the machine: the calling thread, and those it starts, see every mount
/// read-only and without devices, but for a file system in memory of their own.
///
/// A fuzzer that runs as root and finds the way out of the lower directory would otherwise go on in `/`.
enum Containment {
    /// Where the writable file system is.
    private static let mountPoint = "/tmp"

    /// Enters a mount namespace of its own for good; returns the one directory that can be written.
    ///
    /// - Throws: EPERM without CAP_SYS_ADMIN, ENOTRECOVERABLE if something outside could still be written.
    static func enter() throws(Errno) -> String {
        let cloneNewNamespace: Int32 = 0x20000
        try checked(linux_unshare(cloneNewNamespace))
        // struct mount_attr of linux/mount.h; no change is to come in or go out (MS_PRIVATE).
        var attributes = MountAttributes(set: 0x1 | 0x4, clear: 0, propagation: 1 << 18, userNamespace: 0)
        let recursive = 0x8000
        try checked(
            Int64(
                withUnsafeMutablePointer(to: &attributes) { attributes in
                    "/".withCString {
                        linux_syscall(
                            numberOfMountSetattr, Int(LINUX_AT_FDCWD), Int(bitPattern: $0), recursive,
                            Int(bitPattern: attributes), MemoryLayout<MountAttributes>.size, 0)
                    }
                }))
        guard mount("tmpfs", mountPoint, "tmpfs", 0, "size=256m,mode=0755") == 0 else { throw .last }
        for directory in ["/", "/usr", "/dev", "/dev/shm", "/var/tmp", "/proc/sys/kernel"]
        where access(directory, F_OK) == 0 && access(directory, W_OK) == 0 {
            throw Errno(rawValue: ENOTRECOVERABLE)
        }
        return mountPoint
    }

    /// Whether this process may: root with CAP_SYS_ADMIN, and Linux 5.12. Found by trying, in a thread that then ends.
    static let isPossible: Bool = {
        let outcome = Outcome()
        do throws(Errno) {
            try Thread.start {
                outcome.value.store((try? enter()) == nil ? 2 : 1, ordering: .releasing)
            }
        } catch {
            return false
        }
        while outcome.value.load(ordering: .acquiring) == 0 { usleep(1000) }
        return outcome.value.load(ordering: .acquiring) == 1
    }()

    private final class Outcome: Sendable {
        let value = Atomic<Int>(0)
    }

    private struct MountAttributes {
        var set: UInt64
        var clear: UInt64
        var propagation: UInt64
        var userNamespace: UInt64
    }

    /// mount_setattr(2) has one number on every architecture.
    private static let numberOfMountSetattr = 442
}
