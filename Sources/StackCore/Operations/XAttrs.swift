import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension Mirror {
    /// XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h.
    private var largestAttribute: Int { 65_536 }

    // MARK: SETXATTR, REMOVEXATTR

    public func setxattr(_ request: Request, _ name: Name, _ value: RawSpan, flags: UInt32, extended: UInt32)
        throws(Errno)
    {
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let (inode, attribute) = (node.descriptor, name.pointer)
        let bytes = value.withUnsafeBytes { $0 }
        try mutate(request) { () throws(Errno) in
            try Lower.setExtendedAttribute(inode, attribute, bytes, flags: Int32(bitPattern: flags))
        }
        // The daemon may keep a set-group-id bit that the caller may not when it sets an access ACL (7.34).
        if extended & RequestFlags.setxattrKillSetGID != 0 {
            let mode = UInt32(try Lower.status(of: inode).mode)
            if mode & 0o2000 != 0 { try Lower.changeMode(inode, mode & 0o7777 & ~0o2000) }
        }
    }

    public func removexattr(_ request: Request, _ name: Name) throws(Errno) {
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let (inode, attribute) = (node.descriptor, name.pointer)
        try mutate(request) { () throws(Errno) in try Lower.removeExtendedAttribute(inode, attribute) }
    }

    // MARK: GETXATTR, LISTXATTR

    public func getxattr(_ request: Request, _ name: Name, size: UInt32, into reply: inout Reply) throws(Errno) {
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        if isAccessControlList(name) { coherence?.givesList(node.id) }
        let room = reply.room(upTo: min(Int(size), largestAttribute))
        let length: Int
        do throws(Errno) {
            length = try Lower.extendedAttribute(node.descriptor, name.pointer, into: room)
        } catch .enodata where !hasSELinux && strcmp(name.pointer, "security.selinux") == 0 {
            // ls(1) asks for each file, and no more once it is told that there are no labels.
            throw .eopnotsupp
        }
        try answer(length, size: size, into: &reply)
    }

    public func listxattr(_ request: Request, size: UInt32, into reply: inout Reply) throws(Errno) {
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let room = reply.room(upTo: largestAttribute)
        var length = try Lower.listExtendedAttributes(node.descriptor, into: room)
        // Most file systems list what is trusted to who has CAP_SYS_ADMIN only: the daemon has it, the caller may not.
        if hasTrusted(UnsafeRawBufferPointer(rebasing: room[..<length])),
            !CallerProcess(request).has(LINUX_CAP_SYS_ADMIN)
        {
            let inode = node.descriptor
            length = try credentials.without(LINUX_CAP_SYS_ADMIN) { () throws(Errno) in
                try Lower.listExtendedAttributes(inode, into: room)
            }
        }
        guard size == 0 || length <= Int(size) else { throw .erange }
        try answer(length, size: size, into: &reply)
    }

    /// The two that the kernel keeps (FUSE_POSIX_ACL), also that there is none: system.posix_acl_access and system.posix_acl_default.
    private func isAccessControlList(_ name: borrowing Name) -> Bool {
        let prefix: StaticString = "system.posix_acl_"
        return name.count > prefix.utf8CodeUnitCount
            && memcmp(name.pointer, prefix.utf8Start, prefix.utf8CodeUnitCount) == 0
    }

    private func answer(_ length: Int, size: UInt32, into reply: inout Reply) throws(Errno) {
        if size == 0 {
            try reply.append(fuse_getxattr_out(size: UInt32(length), padding: 0))
        } else {
            reply.advance(by: length)
        }
    }

    /// Whether a list of names, each ended by a zero byte, has one that begins with "trusted.".
    private func hasTrusted(_ list: UnsafeRawBufferPointer) -> Bool {
        let prefix: StaticString = "trusted."
        guard var name = list.baseAddress else { return false }
        let end = name + list.count
        while name < end {
            let length = strnlen(name.assumingMemoryBound(to: CChar.self), end - name)
            if length > prefix.utf8CodeUnitCount, memcmp(name, prefix.utf8Start, prefix.utf8CodeUnitCount) == 0 {
                return true
            }
            name += length + 1
        }
        return false
    }
}
