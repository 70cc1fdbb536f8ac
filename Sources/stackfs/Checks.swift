import CLinux
import Glibc
import SystemCalls

/// What can be known to go wrong before anything is mounted: each case its own sentence, naming the thing and the way out.
enum Checks {
    /// Opens the lower directory.
    static func openLower(_ path: String) throws(Failure) -> Descriptor {
        let flags = O_RDONLY | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC
        let opened = linux_openat(LINUX_AT_FDCWD, path, flags, 0)
        if opened < 0 {
            switch Errno(rawValue: Int32(-opened)) {
            case .enoent: throw .unable("the lower directory \(path) does not exist: create it, or name another")
            case .enotdir: throw .unable("the lower directory \(path) is not a directory: name one that is")
            case .eacces, .eperm:
                throw .unable(
                    "the lower directory \(path) may not be read by \(user): change its mode, or run as root")
            case .enotconn, .econnaborted: throw dead(path)
            case let error: throw .unable("the lower directory \(path) cannot be opened: \(error)")
            }
        }
        let lower = Descriptor(owning: Int32(opened))
        guard linux_faccessat2(lower.number, ".", X_OK, LINUX_AT_EACCESS) == 0 else {
            throw .unable("the lower directory \(path) may not be searched by \(user): change its mode, or run as root")
        }
        return lower
    }

    /// Opens the mount point (O_PATH), fit to be mounted on.
    static func openMountPoint(_ path: String, privileged: Bool) throws(Failure) -> Descriptor {
        // Open for reading first: a dead daemon answers only those who ask it something.
        var status = linux_statx()
        let found = linux_statx_at(LINUX_AT_FDCWD, path, 0, LINUX_STATX_BASIC_STATS, &status)
        if found < 0 {
            switch Errno(rawValue: Int32(-found)) {
            case .enoent: throw .unable("the mount point \(path) does not exist: create it (mkdir \(path))")
            case .enotdir: throw .unable("the mount point \(path) is not a directory: a part of its path is a file")
            case .eacces: throw .unable("the mount point \(path) may not be reached by \(user)")
            case .enotconn, .econnaborted: throw dead(path)
            case let error: throw .unable("the mount point \(path) cannot be used: \(error)")
            }
        }
        guard status.mode & UInt16(S_IFMT) == UInt16(S_IFDIR) else {
            throw .unable("the mount point \(path) is not a directory: name one that is")
        }
        let flags = LINUX_O_PATH | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC
        let opened = linux_openat(LINUX_AT_FDCWD, path, flags, 0)
        guard opened >= 0 else {
            throw .unable("the mount point \(path) cannot be used: \(Errno(rawValue: Int32(-opened)))")
        }
        let point = Descriptor(owning: Int32(opened))
        if !privileged { try checkOwnership(of: path, point.number, status) }
        return point
    }

    /// The rule of fusermount3: an ordinary user needs to be able to write, and in a sticky directory to own it.
    private static func checkOwnership(of path: String, _ point: Int32, _ status: linux_statx) throws(Failure) {
        let sticky = status.mode & UInt16(S_ISVTX) != 0
        if sticky ? status.uid != getuid() : linux_faccessat2(point, ".", W_OK, LINUX_AT_EACCESS) != 0 {
            throw .unable(
                "the mount point \(path) is not writable by \(user): name a directory of your own, or run as root")
        }
    }

    static func checkEmpty(_ path: String, _ point: Int32) throws(Failure) {
        let opened = linux_openat(point, ".", O_RDONLY | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC, 0)
        // What may not be listed cannot be called full either.
        guard opened >= 0 else { return }
        let directory = Descriptor(owning: Int32(opened))
        var buffer = [UInt64](repeating: 0, count: 128)
        let length = buffer.withUnsafeMutableBytes {
            linux_getdents64(directory.number, $0.baseAddress!, $0.count)
        }
        // "." and "..", which need 24 bytes each, are all that an empty directory lists.
        guard length > 48 else { return }
        if let entry = MountTable.read().mount(at: path), entry.isFuse {
            throw .unable(
                "the mount point \(path) already has \(entry.source) mounted on it: `stackfs umount \(path)` ends that")
        }
        throw .unable("the mount point \(path) is not empty: empty it, or hide what it holds with -o nonempty")
    }

    /// Refuses a lower directory and a mount point that lie within one another.
    static func checkApart(
        lower: borrowing Descriptor, _ lowerPath: String, mount: borrowing Descriptor, _ mountPath: String
    ) throws(Failure) {
        let containment: Containment
        do throws(Errno) {
            containment = try Containment(
                lower: lower.number, lowerPath, mount: mount.number, mountPath, MountTable.read())
        } catch {
            throw .unable("\(lowerPath) and \(mountPath) cannot be compared: \(error)")
        }
        switch containment {
        case .apart: return
        case .same:
            throw .unable(
                "the lower directory and the mount point are the same directory, \(lowerPath): mount elsewhere")
        case .mountInLower:
            throw .unable("the mount point \(mountPath) lies inside the lower directory \(lowerPath): mount elsewhere")
        case .lowerInMount:
            throw .unable(
                "the lower directory \(lowerPath) lies inside the mount point \(mountPath), which would hide it: "
                    + "mount elsewhere")
        }
    }

    /// An ordinary user may open a mount to others only where root has said so.
    static func checkUserAllowOther() throws(Failure) {
        // Where the file cannot be read, fusermount3 says what it thinks of it.
        guard FuseConfiguration.userAllowOther == false else { return }
        throw .unable(
            "allow_other and allow_root are not open to \(user) here: leave them out, or have root put "
                + "'user_allow_other' on a line of its own into /etc/fuse.conf")
    }

    /// Opens the directory for `--statsdir`.
    static func openStatistics(_ path: String) throws(Failure) -> Descriptor {
        let opened = linux_openat(LINUX_AT_FDCWD, path, O_RDONLY | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC, 0)
        guard opened >= 0, linux_faccessat2(Int32(opened), ".", W_OK | X_OK, LINUX_AT_EACCESS) == 0 else {
            if opened >= 0 { _ = linux_close(Int32(opened)) }
            let error: Errno = opened >= 0 ? .eacces : Errno(rawValue: Int32(-opened))
            throw .unable("the directory \(path) of --statsdir cannot be written to: \(error)")
        }
        return Descriptor(owning: Int32(opened))
    }

    /// Takes over the descriptor of `--fuse-fd`.
    static func connection(_ number: Int32) throws(Failure) -> Descriptor {
        var status = linux_statx()
        guard linux_statx_at(number, "", LINUX_AT_EMPTY_PATH, LINUX_STATX_BASIC_STATS, &status) == 0 else {
            throw .unable("--fuse-fd \(number) is not open in this process: have it inherited without close-on-exec")
        }
        // misc major 10, minor 229: Documentation/admin-guide/devices.txt.
        let isFuse =
            status.mode & UInt16(S_IFMT) == UInt16(S_IFCHR) && status.rdev_major == 10 && status.rdev_minor == 229
        guard isFuse else {
            throw .unable("--fuse-fd \(number) is not an open /dev/fuse: open that, and mount with fd=\(number)")
        }
        return Descriptor(owning: number)
    }

    /// A path that a killed daemon has left behind: ENOTCONN, "Transport endpoint is not connected".
    static func dead(_ path: String) -> Failure {
        let absolute = lexicallyAbsolute(path)
        let point = MountTable.read().fuseMount(above: absolute)?.point ?? absolute
        return .unable("\(point) is a mount whose daemon is dead: clear it with `stackfs umount \(point)`")
    }

    /// The user in sentences.
    static var user: String {
        guard geteuid() != 0 else { return "root" }
        guard let entry = getpwuid(geteuid()) else { return "user \(geteuid())" }
        return "user \(String(cString: entry.pointee.pw_name))"
    }
}

/// /etc/fuse.conf, which fusermount3 reads.
enum FuseConfiguration {
    /// Nil where the file cannot be read.
    static var userAllowOther: Bool? {
        if access("/etc/fuse.conf", F_OK) != 0 { return false }
        return contents(of: "/etc/fuse.conf").map(userAllowOther(in:))
    }

    static func userAllowOther(in text: String) -> Bool {
        text.split(separator: "\n").contains { line in
            let content = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
            return content.split(separator: " ").elementsEqual(["user_allow_other"])
        }
    }
}

/// The path without symbolic links, nil with errno set if a part of it is missing or cannot be asked.
func resolved(_ path: String) -> String? {
    guard let text = realpath(path, nil) else { return nil }
    defer { free(text) }
    return String(cString: text)
}

/// The absolute path of a mount point whose own daemon may be dead: of its directory without symbolic links, and its last part.
func lexicallyAbsolute(_ path: String) -> String {
    if let whole = resolved(path) { return whole }
    var parts = path.split(separator: "/").map(String.init)
    guard let last = parts.popLast() else { return "/" }
    let directory = (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    guard let parent = resolved(directory.isEmpty ? "." : directory) else { return path }
    return parent == "/" ? "/\(last)" : "\(parent)/\(last)"
}
