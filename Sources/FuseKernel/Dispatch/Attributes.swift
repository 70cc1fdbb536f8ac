import CLinux
import SystemCalls

extension Dispatcher {
    /// The operations on attributes, on extended ones, and on the file system as a whole.
    func callAttributes(_ opcode: Opcode, _ request: Request, _ body: inout Arguments, into reply: inout Reply)
        throws(Errno)
    {
        switch opcode {
        case .getattr:
            let arguments = try body.take(fuse_getattr_in.self)
            let hasHandle = arguments.getattr_flags & RequestFlags.getattrHandle != 0
            try fileSystem.getattr(request, handle: hasHandle ? arguments.fh : nil, into: &reply)
        case .setattr:
            try fileSystem.setattr(request, body.take(fuse_setattr_in.self), into: &reply)
        case .statx:
            try fileSystem.statx(request, body.take(fuse_statx_in.self), into: &reply)
        case .access:
            try fileSystem.access(request, mask: body.take(fuse_access_in.self).mask)
        case .statfs:
            try fileSystem.statfs(request, into: &reply)
        case .syncfs:
            _ = try body.take(fuse_syncfs_in.self)
            try fileSystem.syncfs(request)
        case .setxattr:
            let arguments = try takeSetxattr(&body)
            let name = try xattrName(&body)
            let value = try body.bytes(Int(arguments.size))
            try fileSystem.setxattr(
                request, name, value, flags: arguments.flags, extended: arguments.setxattr_flags)
        case .getxattr:
            let size = try body.take(fuse_getxattr_in.self).size
            try fileSystem.getxattr(request, xattrName(&body), size: size, into: &reply)
        case .listxattr:
            try fileSystem.listxattr(request, size: body.take(fuse_getxattr_in.self).size, into: &reply)
        case .removexattr:
            try fileSystem.removexattr(request, xattrName(&body))
        default:
            throw .enosys
        }
    }

    /// struct fuse_setxattr_in has its last two fields only under FUSE_SETXATTR_EXT (7.34).
    private func takeSetxattr(_ body: inout Arguments) throws(Errno) -> fuse_setxattr_in {
        if inForce.contains(.setxattrExtended) { return try body.take(fuse_setxattr_in.self) }
        var arguments = fuse_setxattr_in()
        arguments.size = try body.take(UInt32.self)
        arguments.flags = try body.take(UInt32.self)
        return arguments
    }

    /// The name of an extended attribute may hold any byte, also a slash.
    @_lifetime(copy body)
    @_lifetime(body: copy body)
    private func xattrName(_ body: inout Arguments) throws(Errno) -> Name {
        let name = try body.string()
        guard name.count > 0 else { throw .einval }
        return name
    }
}
