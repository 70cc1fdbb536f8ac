import CLinux
import FuseKernel
import SystemCalls

/// From the lower inode's attributes to the protocol's.
extension Mirror {
    /// The inode number that the mount shows: the lower one. Those of further lower file systems below the root are told apart by
    /// a number in the top 16 bits, as a FUSE mount has one device number.
    func inodeNumber(_ ino: UInt64, deviceIndex: UInt16) -> UInt64 {
        ino ^ UInt64(deviceIndex) << 48
    }

    /// How long the kernel may keep a node's attributes; `inode` is open on it, where one is at hand. Comes before they are read, or
    /// after ``lookUp(_:in:)``, which sees to what comes between.
    func attributeTimeout(_ id: NodeID, inode: Int32?) -> Timeout {
        if let backing, !backing.mayKeepAttributes(id, inode: inode) { return .none }
        coherence?.gives(id)
        return (coherence?.seesAttributes(of: id) ?? false ? cache.watched : cache.unwatched).attributes
    }

    func attributes(_ status: borrowing linux_statx) -> fuse_attr {
        var attributes = fuse_attr()
        attributes.ino = inodeNumber(status.ino, deviceIndex: nodes.deviceIndex(of: status))
        attributes.size = status.size
        attributes.blocks = status.blocks
        attributes.atime = UInt64(bitPattern: status.atime.sec)
        attributes.mtime = UInt64(bitPattern: status.mtime.sec)
        attributes.ctime = UInt64(bitPattern: status.ctime.sec)
        attributes.atimensec = status.atime.nsec
        attributes.mtimensec = status.mtime.nsec
        attributes.ctimensec = status.ctime.nsec
        attributes.mode = UInt32(status.mode)
        attributes.nlink = status.nlink
        attributes.uid = status.uid
        attributes.gid = status.gid
        attributes.rdev = status.encodedDevice
        attributes.blksize = status.blksize
        return attributes
    }

    /// How long what is answered about names in a directory may be kept.
    func timeouts(in directory: borrowing NodeReference) -> CachePolicy.Timeouts {
        coherence?.isWatched(directory) ?? false ? cache.watched : cache.unwatched
    }

    /// Has a directory watched, the listing of which the kernel may keep.
    func watch(_ directory: borrowing NodeReference) {
        guard let coherence else { return }
        coherence.lists(directory.id)
        _ = coherence.isWatched(directory)
    }

    func entry(_ id: NodeID, _ status: borrowing linux_statx, in directory: borrowing NodeReference) -> fuse_entry_out {
        var entry = fuse_entry_out()
        entry.nodeid = id.rawValue
        let kept = timeouts(in: directory).entry
        entry.entry_valid = kept.seconds
        entry.entry_valid_nsec = kept.nanoseconds
        let timeout = attributeTimeout(id, inode: nil)
        entry.attr_valid = timeout.seconds
        entry.attr_valid_nsec = timeout.nanoseconds
        entry.attr = attributes(status)
        return entry
    }

    /// "There is no such name", to be remembered for so long.
    func negativeEntry(_ timeout: Timeout) -> fuse_entry_out {
        var entry = fuse_entry_out()
        entry.entry_valid = timeout.seconds
        entry.entry_valid_nsec = timeout.nanoseconds
        return entry
    }

    func attributesReply(_ status: borrowing linux_statx, _ timeout: Timeout) -> fuse_attr_out {
        var reply = fuse_attr_out()
        reply.attr_valid = timeout.seconds
        reply.attr_valid_nsec = timeout.nanoseconds
        reply.attr = attributes(status)
        return reply
    }

    /// The protocol's statx, which has the kernel's own layout.
    func extendedStatus(_ status: borrowing linux_statx, _ timeout: Timeout) -> fuse_statx_out {
        var reply = fuse_statx_out()
        reply.attr_valid = timeout.seconds
        reply.attr_valid_nsec = timeout.nanoseconds
        reply.stat.mask = status.mask & (LINUX_STATX_BASIC_STATS | LINUX_STATX_BTIME)
        reply.stat.blksize = status.blksize
        reply.stat.attributes = status.attributes
        reply.stat.attributes_mask = status.attributes_mask
        reply.stat.nlink = status.nlink
        reply.stat.uid = status.uid
        reply.stat.gid = status.gid
        reply.stat.mode = status.mode
        reply.stat.ino = inodeNumber(status.ino, deviceIndex: nodes.deviceIndex(of: status))
        reply.stat.size = status.size
        reply.stat.blocks = status.blocks
        reply.stat.atime = fuse_sx_time(status.atime)
        reply.stat.btime = fuse_sx_time(status.btime)
        reply.stat.ctime = fuse_sx_time(status.ctime)
        reply.stat.mtime = fuse_sx_time(status.mtime)
        reply.stat.rdev_major = status.rdev_major
        reply.stat.rdev_minor = status.rdev_minor
        reply.stat.dev_major = status.dev_major
        reply.stat.dev_minor = status.dev_minor
        return reply
    }
}

extension fuse_sx_time {
    fileprivate init(_ time: linux_statx_time) {
        self.init(tv_sec: time.sec, tv_nsec: time.nsec, reserved: 0)
    }
}
