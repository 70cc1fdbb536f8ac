import CLinux
import SystemCalls

extension Dispatcher {
    /// The operations on names and nodes.
    func callNames(_ opcode: Opcode, _ request: Request, _ body: inout Arguments, into reply: inout Reply)
        throws(Errno)
    {
        switch opcode {
        case .lookup:
            // "." and ".." come from the kernel's own file handles, and only if that was asked for.
            let dotsAllowed = inForce.contains(.exportSupport)
            try fileSystem.lookup(request, body.name(dotsAllowed: dotsAllowed), into: &reply)
        case .symlink:
            let name = try body.name()
            try fileSystem.symlink(request, name, target: body.string(), into: &reply)
        case .mknod:
            let arguments = try body.take(fuse_mknod_in.self)
            try fileSystem.mknod(request, body.name(), arguments, into: &reply)
        case .mkdir:
            let arguments = try body.take(fuse_mkdir_in.self)
            try fileSystem.mkdir(request, body.name(), arguments, into: &reply)
        case .unlink:
            try fileSystem.unlink(request, body.name())
        case .rmdir:
            try fileSystem.rmdir(request, body.name())
        case .rename:
            let parent = try body.take(fuse_rename_in.self).newdir
            let name = try body.name()
            try fileSystem.rename(request, name, to: parent, body.name(), flags: 0)
        case .rename2:
            let arguments = try body.take(fuse_rename2_in.self)
            let name = try body.name()
            try fileSystem.rename(request, name, to: arguments.newdir, body.name(), flags: arguments.flags)
        case .link:
            let node = try body.take(fuse_link_in.self).oldnodeid
            try fileSystem.link(request, node: node, as: body.name(), into: &reply)
        case .readlink:
            try fileSystem.readlink(request, into: &reply)
        case .forget:
            fileSystem.forget(nodeid: request.nodeid, count: try body.take(fuse_forget_in.self).nlookup)
        case .batchForget:
            let count = try body.take(fuse_batch_forget_in.self).count
            // Each is checked before it is acted on; a count that promises more than came ends the loop.
            for _ in 0..<count {
                let one = try body.take(fuse_forget_one.self)
                fileSystem.forget(nodeid: one.nodeid, count: one.nlookup)
            }
        default:
            throw .enosys
        }
    }
}
