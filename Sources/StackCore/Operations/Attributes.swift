import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension Mirror {
    // MARK: GETATTR, STATX, ACCESS

    public func getattr(_ request: Request, handle: UInt64?, into reply: inout Reply) throws(Errno) {
        let (status, timeout) = try status(request, handle)
        try reply.append(attributesReply(status, timeout))
    }

    public func statx(_ request: Request, _ arguments: fuse_statx_in, into reply: inout Reply) throws(Errno) {
        let hasHandle = arguments.getattr_flags & RequestFlags.getattrHandle != 0
        let (status, timeout) = try status(request, hasHandle ? arguments.fh : nil)
        try reply.append(extendedStatus(status, timeout))
    }

    private func status(_ request: Request, _ handle: UInt64?) throws(Errno) -> (linux_statx, Timeout) {
        let id = NodeID(rawValue: request.nodeid)
        // An open file answers without its node having to be opened; a handle of another node does not count.
        if let handle, handle != 0 || opensFiles {
            let file = try files.borrow(handle)
            if file.node == id, file.descriptor >= 0 {
                let timeout = attributeTimeout(id, inode: file.descriptor)
                return (try Lower.status(of: file.descriptor), timeout)
            }
        }
        let node = try nodes.borrow(id)
        // Whether the attributes may be kept is asked first: what is stored between the two is asked for again.
        let timeout = attributeTimeout(id, inode: node.descriptor)
        return (try Lower.status(of: node.descriptor), timeout)
    }

    /// ACCESS is not sent under default_permissions; who serves a foreign connection without it gets the lower
    /// directory's answer to the caller.
    public func access(_ request: Request, mask: UInt32) throws(Errno) {
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let inode = node.descriptor
        try credentials.asCaller(request) { () throws(Errno) in
            _ = try checked(
                linux_faccessat2(inode, "", Int32(mask & 7), LINUX_AT_EMPTY_PATH | LINUX_AT_EACCESS))
        }
    }

    // MARK: SETATTR

    public func setattr(_ request: Request, _ arguments: fuse_setattr_in, into reply: inout Reply) throws(Errno) {
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let inode = node.descriptor
        let fields = SetattrFields(rawValue: arguments.valid)
        let counted = fields.subtracting([.handle, .lockOwner, .ctime])
        try mutate(request) { () throws(Errno) in
            if counted.isEmpty || counted == .killSetID { try killSetID(request, node.id, inode) }
            if counted.contains(.mode) { try Lower.changeMode(inode, arguments.mode & 0o7777) }
            if !counted.isDisjoint(with: [.uid, .gid]) {
                try changeOwner(
                    request, inode, uid: counted.contains(.uid) ? arguments.uid : .max,
                    gid: counted.contains(.gid) ? arguments.gid : .max)
            }
            if counted.contains(.size) { try changeSize(request, fields, arguments, inode) }
            if !counted.isDisjoint(with: [.atime, .mtime]) {
                try Lower.changeTimes(
                    inode,
                    access: time(
                        arguments.atime, arguments.atimensec, isSet: counted.contains(.atime),
                        isNow: counted.contains(.atimeNow)),
                    modification: time(
                        arguments.mtime, arguments.mtimensec, isSet: counted.contains(.mtime),
                        isNow: counted.contains(.mtimeNow)))
            }
        }
        let timeout = attributeTimeout(node.id, inode: inode)
        try reply.append(attributesReply(try Lower.status(of: inode), timeout))
    }

    /// chown(2) clears set-user-id and set-group-id itself. What it leaves is set-group-id without group execution, which marks
    /// mandatory locking: that goes unless the caller, not the daemon, may keep it.
    private func changeOwner(_ request: Request, _ inode: Int32, uid: UInt32, gid: UInt32) throws(Errno) {
        let before = try Lower.status(of: inode)
        try Lower.changeOwner(inode, uid: uid, gid: gid)
        guard before.isRegular, before.mode & 0o2010 == 0o2000 else { return }
        if !CallerProcess(request).mayKeepSetGroupID(of: before.gid, request) {
            try Lower.changeMode(inode, UInt32(try Lower.status(of: inode).mode) & 0o7777 & ~0o2000)
        }
    }

    private func time(_ seconds: UInt64, _ nanoseconds: UInt32, isSet: Bool, isNow: Bool) -> linux_timespec {
        if !isSet { return linux_timespec(sec: 0, nsec: Int64(LINUX_UTIME_OMIT)) }
        if isNow { return linux_timespec(sec: 0, nsec: Int64(LINUX_UTIME_NOW)) }
        return linux_timespec(sec: Int64(bitPattern: seconds), nsec: Int64(nanoseconds))
    }

    /// Truncates through the open file that the kernel names, as a file may be writable only to who has it open; as the caller
    /// where set-id bits are to go, as then quota and reserved blocks are the caller's too.
    private func changeSize(_ request: Request, _ fields: SetattrFields, _ arguments: fuse_setattr_in, _ inode: Int32)
        throws(Errno)
    {
        guard let size = Int64(exactly: arguments.size) else { throw .efbig }
        let kills = fields.contains(.killSetID)
        if fields.contains(.handle), arguments.fh != 0 || opensFiles {
            let file = try files.borrow(arguments.fh)
            try truncate(request, file.descriptor, size, clearsSetID: kills)
        } else {
            let status = try Lower.status(of: inode)
            guard status.isRegular else { throw .einval }
            if status.size == UInt64(size), !(kills && status.hasSetID) {
                // Where the length stays, truncate(2) leaves the times alone on most file systems, and ftruncate(2) does not.
                try checked(DescriptorPath(inode).withPointer { linux_truncate($0, size) })
                return
            }
            // The kernel has let the caller through; the daemon opens.
            let file = try Lower.reopen(inode, O_WRONLY)
            try truncate(request, file.number, size, clearsSetID: kills)
        }
    }

    func truncate(_ request: Request, _ file: Int32, _ size: Int64, clearsSetID: Bool) throws(Errno) {
        try credentials.clearing(clearsSetID, in: file, request) { () throws(Errno) in
            _ = try checked(linux_ftruncate(file, size))
        }
    }

    /// A SETATTR that changes nothing is the kernel's word that privileges are to go (FUSE_HANDLE_KILLPRIV_V2): before a write
    /// that the kernel does itself, and at chown(-1, -1). The two look the same; a stranger may cause it by writing to a file
    /// that it has open, not by chown.
    private func killSetID(_ request: Request, _ id: NodeID, _ inode: Int32) throws(Errno) {
        let status = try Lower.status(of: inode)
        // Where files are opened without a request, who may write counts as a writer: it could take the bits away by writing.
        let hasWriter = files.isOpenForWriting(id) || !opensFiles && mayWrite(request, inode)
        guard !status.isDirectory, status.hasSetID else {
            do throws(Errno) {
                // Takes capabilities away, and stamps the time of change as natively.
                try Lower.changeOwner(inode, uid: .max, gid: .max)
            } catch let error where error == .eperm && hasWriter && hasCapabilities(inode) {
                // The file was opened before it became append-only or immutable: its writer must not fail for this.
            }
            return
        }
        let caller = CallerProcess(request)
        let before = UInt32(status.mode) & 0o7777
        var mode = before & ~0o4000
        if mode & 0o010 != 0 || !caller.mayKeepSetGroupID(of: status.gid, request) { mode &= ~0o2000 }
        if hasWriter {
            // A writer with CAP_FSETID keeps the bits: the kernel speaks up for it only where capabilities are to go. So does a
            // member of the group, of whose membership the kernel has not thought.
            let hadCapabilities = removesCapabilities(inode)
            if mode == before || (hadCapabilities && caller.has(LINUX_CAP_FSETID)) { return }
        } else if request.uid != status.uid, mode != before, !caller.has(LINUX_CAP_FOWNER) {
            throw .eperm
        }
        // chown(2) clears the bits of append-only files too, but for set-group-id where the daemon may keep it.
        try Lower.changeOwner(inode, uid: .max, gid: .max)
        let left = UInt32(try Lower.status(of: inode).mode) & 0o7777
        if left != mode { try Lower.changeMode(inode, left & mode) }
    }

    private func mayWrite(_ request: Request, _ inode: Int32) -> Bool {
        let allowed: Void? = try? credentials.asCaller(request) { () throws(Errno) in
            _ = try checked(linux_faccessat2(inode, "", 2 /* W_OK */, LINUX_AT_EMPTY_PATH | LINUX_AT_EACCESS))
        }
        return allowed != nil
    }

    private func hasCapabilities(_ inode: Int32) -> Bool {
        let nowhere = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        return (try? Lower.extendedAttribute(inode, Name("security.capability").pointer, into: nowhere)) != nil
    }

    /// Takes the attribute security.capability away; false if there was none.
    private func removesCapabilities(_ inode: Int32) -> Bool {
        (try? Lower.removeExtendedAttribute(inode, Name("security.capability").pointer)) != nil
    }

    // MARK: STATFS, SYNCFS

    public func statfs(_ request: Request, into reply: inout Reply) throws(Errno) {
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        var lower = linux_statfs()
        try checked(linux_fstatfs(node.descriptor, &lower))
        var out = fuse_statfs_out()
        out.st.blocks = lower.blocks
        out.st.bfree = lower.bfree
        out.st.bavail = lower.bavail
        out.st.files = lower.files
        out.st.ffree = lower.ffree
        out.st.bsize = UInt32(clamping: lower.bsize)
        out.st.namelen = UInt32(clamping: lower.namelen)
        out.st.frsize = UInt32(clamping: lower.frsize)
        try reply.append(out)
    }

    public func syncfs(_ request: Request) throws(Errno) {
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        // syncfs(2) refuses O_PATH.
        let directory = try Lower.openInode(Name("."), in: nodes.borrow(.root).descriptor)
        let isDirectory = try Lower.status(of: node.descriptor).isDirectory
        let file = try Lower.reopen(isDirectory ? node.descriptor : directory.number, LINUX_O_DIRECTORY)
        try checked(linux_syncfs(file.number))
    }
}
