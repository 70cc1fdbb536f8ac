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
        let room = reply.room(upTo: min(Int(size), largestAttribute))
        let length = try Lower.extendedAttribute(node.descriptor, name.pointer, into: room)
        try answer(length, size: size, into: &reply)
    }

    public func listxattr(_ request: Request, size: UInt32, into reply: inout Reply) throws(Errno) {
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let room = reply.room(upTo: largestAttribute)
        var length = try Lower.listExtendedAttributes(node.descriptor, into: room)
        length = withoutTrusted(UnsafeMutableRawBufferPointer(rebasing: room[..<length]), request)
        guard size == 0 || length <= Int(size) else { throw .erange }
        try answer(length, size: size, into: &reply)
    }

    private func answer(_ length: Int, size: UInt32, into reply: inout Reply) throws(Errno) {
        if size == 0 {
            try reply.append(fuse_getxattr_out(size: UInt32(length), padding: 0))
        } else {
            reply.advance(by: length)
        }
    }

    /// Takes the names that begin with "trusted." out of a list in place, unless the caller has CAP_SYS_ADMIN: the lower file
    /// system lists them to the daemon, and would not to the caller. Returns the new length.
    private func withoutTrusted(_ list: UnsafeMutableRawBufferPointer, _ request: Request) -> Int {
        let prefix: StaticString = "trusted."
        var kept = 0
        var position = 0
        var mayList: Bool?
        while position < list.count {
            guard let start = list.baseAddress else { break }
            let name = start + position
            let length = strnlen(name.assumingMemoryBound(to: CChar.self), list.count - position) + 1
            var keeps = true
            if length > prefix.utf8CodeUnitCount, memcmp(name, prefix.utf8Start, prefix.utf8CodeUnitCount) == 0 {
                keeps = mayList ?? CallerProcess(request).has(LINUX_CAP_SYS_ADMIN)
                mayList = keeps
            }
            let bounded = min(length, list.count - position)
            if keeps {
                if kept != position { memmove(start + kept, name, bounded) }
                kept += bounded
            }
            position += bounded
        }
        return kept
    }
}
