import CFuse
import CLinux
import Glibc
import SystemCalls

/// Why a mount could not be made; each says what to do about it.
public enum MountError: Error, Equatable {
    /// There is no /dev/fuse.
    case deviceMissing
    /// /dev/fuse is there, but may not be opened.
    case deviceRefused(Errno)
    /// An ordinary user mounts through fusermount3, and it is not installed.
    case fusermountMissing
    /// libfuse left an option over that neither it nor the kernel knows.
    case unknownOption(String)
    /// The kernel or fusermount3 refused; libfuse has printed its own line about it on standard error.
    case refused(Errno)
}

extension MountError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .deviceMissing:
            return "/dev/fuse is missing: load the module (modprobe fuse), or give the container --device /dev/fuse"
        case .deviceRefused(let error):
            return "/dev/fuse cannot be opened: \(error); run as root, or have its mode made 0666"
        case .fusermountMissing:
            return "fusermount3 is not installed, and an ordinary user mounts through it: apt-get install fuse3"
        case .unknownOption(let option):
            return "unknown mount option '\(option)'"
        case .refused(let error):
            return "the mount was refused: \(error)"
        }
    }
}

/// A FUSE mount that this process has made, by way of libfuse 2.9 (fuse_mount of fuse_lowlevel.h): directly as root, through
/// fusermount3 otherwise.
public struct Mount: Sendable {
    /// The mount point, absolute and free of symbolic links.
    public let path: String
    /// The kernel's number of the connection, under /sys/fs/fuse/connections.
    public let connectionNumber: UInt32

    /// Mounts at `path`, an absolute path without symbolic links.
    ///
    /// - Parameter options: as mount(8) takes them, one an element; commas and backslashes inside one are escaped here.
    public static func make(at path: String, options: [String]) throws(MountError) -> (Mount, Connection) {
        try checkDevice()
        var arguments = fuse_args()
        defer { fuse_opt_free_args(&arguments) }
        guard fuse_opt_add_arg(&arguments, "stackfs") == 0 else { throw .refused(.enomem) }
        for option in options {
            guard fuse_opt_add_arg(&arguments, "-o") == 0, fuse_opt_add_arg(&arguments, escaped(option)) == 0 else {
                throw .refused(.enomem)
            }
        }
        errno = 0
        guard let channel = fuse_mount(path, &arguments) else {
            throw errno == 0 ? .refused(.eperm) : .refused(.last)
        }
        // The channel stays allocated: freeing it would close the descriptor, which is the connection's now.
        let connection = Connection(owning: Descriptor(owning: fuse_chan_fd(channel)))
        let mount: Mount
        do throws(Errno) {
            mount = Mount(path: path, connectionNumber: try Connection.number(ofMountAt: path))
        } catch {
            throw .refused(error)
        }
        if let leftOver = leftOverOption(arguments) {
            try? mount.unmount(lazily: true)
            throw .unknownOption(leftOver)
        }
        return (mount, connection)
    }

    /// Whether a mount can be tried at all.
    ///
    /// - Throws: ``MountError/deviceMissing``, ``MountError/deviceRefused(_:)`` or ``MountError/fusermountMissing``.
    public static func checkDevice() throws(MountError) {
        let device = linux_openat(LINUX_AT_FDCWD, "/dev/fuse", O_RDWR | LINUX_O_CLOEXEC, 0)
        switch device {
        case 0...: _ = linux_close(Int32(device))
        case Int64(-ENOENT), Int64(-ENODEV), Int64(-ENXIO): throw .deviceMissing
        default: throw .deviceRefused(Errno(rawValue: Int32(-device)))
        }
        if geteuid() != 0, Fusermount.path == nil { throw .fusermountMissing }
    }

    private static func escaped(_ option: String) -> String {
        var result = ""
        for character in option {
            if character == "," || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result
    }

    /// libfuse leaves in `arguments` what it does not know: the program's name, then options.
    private static func leftOverOption(_ arguments: fuse_args) -> String? {
        guard arguments.argc > 1 else { return nil }
        for index in 1..<Int(arguments.argc) {
            let text = String(cString: arguments.argv[index]!)
            // libfuse keeps max_read for its own session as well as giving it to the kernel.
            if text != "-o", !text.hasPrefix("max_read=") { return text }
        }
        return nil
    }

    /// Sets the mount's flags, MS_NOSUID and the like of mount(2), which fusermount3 does not leave to root either.
    ///
    /// - Throws: EPERM for an ordinary user.
    public func setFlags(_ flags: Int) throws(Errno) {
        let remount = 1 << 5 | 1 << 12  // MS_REMOUNT | MS_BIND: this mount's flags alone
        try checked(linux_mount(nil, path, nil, remount | flags, nil))
    }

    /// Whether this process can unmount only by running fusermount3, being an ordinary user.
    public var needsFusermount: Bool { geteuid() != 0 }

    /// Unmounts, if the mount at the path is still this one.
    ///
    /// - Parameter lazily: detach a busy mount (MNT_DETACH); its users go on until they have closed what they hold.
    /// - Throws: EBUSY while somebody uses the mount and `lazily` is false.
    public func unmount(lazily: Bool) throws(Errno) {
        guard try Connection.number(ofMountAt: path) == connectionNumber else { return }
        try Mount.unmount(at: path, lazily: lazily)
    }

    /// Unmounts whatever FUSE file system is mounted at `path`.
    ///
    /// - Parameter forcibly: end the connection first (MNT_FORCE): every call that waits for the daemon fails. Only root may.
    public static func unmount(at path: String, lazily: Bool, forcibly: Bool = false) throws(Errno) {
        let flags =
            LINUX_UMOUNT_NOFOLLOW | (lazily ? LINUX_MNT_DETACH : 0) | (forcibly ? LINUX_MNT_FORCE : 0)
        let result = linux_umount2(path, flags)
        if result >= 0 { return }
        // An ordinary user may not; fusermount3, which is set-user-id, may for whoever mounted.
        guard result == Int64(-EPERM), !forcibly, Fusermount.path != nil else { throw Errno(rawValue: Int32(-result)) }
        try Fusermount.run(lazily ? ["-u", "-q", "-z", "--", path] : ["-u", "-q", "--", path])
    }
}

/// The set-user-id program that mounts and unmounts for ordinary users.
public enum Fusermount {
    /// Where it is: fusermount3 of the package fuse3, or fusermount of libfuse 2.
    public static var path: String? {
        for directory in ["/usr/bin", "/bin", "/usr/local/bin"] {
            for name in ["fusermount3", "fusermount"] where access("\(directory)/\(name)", X_OK) == 0 {
                return "\(directory)/\(name)"
            }
        }
        return nil
    }

    /// Runs it and waits.
    ///
    /// - Throws: EBUSY if it fails, which with `-u` is what it mostly means: it gives no more than exit status 1.
    static func run(_ arguments: [String]) throws(Errno) {
        guard let path else { throw .enoent }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        defer { words.forEach { free($0) } }
        words.append(nil)
        var child = pid_t()
        let result = posix_spawn(&child, path, nil, nil, words, environ)
        guard result == 0 else { throw Errno(rawValue: result) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { throw .last }
        }
        if status != 0 { throw .ebusy }
    }
}
