import CLinux
import SystemCalls

/// How the lower directory and the mount point lie to one another.
enum Containment: Equatable {
    case apart
    case same
    /// The mount point lies in the lower directory: the mirror would show itself, without end.
    case mountInLower
    /// The lower directory lies below the mount point: it would be hidden by its own mirror.
    case lowerInMount

    /// Compares two open directories (O_PATH will do), whose paths are absolute and free of symbolic links.
    ///
    /// Going up from each by ".." and comparing device and inode shows what symbolic links and bound directories hide; a part
    /// of a tree that is bound elsewhere, above which ".." does not lead, is found in the mount table.
    init(lower: Int32, _ lowerPath: String, mount: Int32, _ mountPath: String, _ table: MountTable) throws(Errno) {
        let lowerIdentity = try Identity(lower)
        let mountIdentity = try Identity(mount)
        let places = (
            lower: table.place(of: lowerPath, mountID: lowerIdentity.mountID),
            mount: table.place(of: mountPath, mountID: mountIdentity.mountID)
        )
        if lowerIdentity == mountIdentity {
            self = .same
        } else if try Identity.ancestors(of: mount).contains(lowerIdentity) {
            self = .mountInLower
        } else if try Identity.ancestors(of: lower).contains(mountIdentity) {
            self = .lowerInMount
        } else if let lower = places.lower, let mount = places.mount, mount.isInside(lower) {
            self = mount == lower ? .same : .mountInLower
        } else if let lower = places.lower, let mount = places.mount, lower.isInside(mount) {
            self = .lowerInMount
        } else {
            self = .apart
        }
    }
}

/// What tells one directory from another.
private struct Identity: Equatable {
    let device: UInt64
    let inode: UInt64
    let mountID: UInt64

    init(_ directory: Int32) throws(Errno) {
        var status = linux_statx()
        try checked(
            linux_statx_at(
                directory, "", LINUX_AT_EMPTY_PATH, LINUX_STATX_BASIC_STATS | LINUX_STATX_MNT_ID, &status))
        device = UInt64(status.dev_major) << 32 | UInt64(status.dev_minor)
        inode = status.ino
        mountID = status.mnt_id
    }

    static func == (a: Identity, b: Identity) -> Bool { a.device == b.device && a.inode == b.inode }

    /// The directories above, up to the root of this process.
    static func ancestors(of directory: Int32) throws(Errno) -> [Identity] {
        var result: [Identity] = []
        var last = try Identity(directory)
        var opened = linux_openat(directory, "..", LINUX_O_PATH | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC, 0)
        // A directory above that may not be searched ends the walk: the mount table has to do.
        while opened >= 0 {
            let parent = Descriptor(owning: Int32(opened))
            let identity = try Identity(parent.number)
            if identity == last, identity.mountID == last.mountID { break }
            result.append(identity)
            last = identity
            opened = linux_openat(parent.number, "..", LINUX_O_PATH | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC, 0)
        }
        return result
    }
}
