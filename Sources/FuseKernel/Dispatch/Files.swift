import CLinux
import SystemCalls

extension Dispatcher {
    /// The operations on open files and directories.
    func callFiles(_ opcode: Opcode, _ request: Request, _ body: inout Arguments, into reply: inout Reply)
        throws(Errno)
    {
        switch opcode {
        case .open:
            try fileSystem.open(request, body.take(fuse_open_in.self), into: &reply)
        case .create:
            let arguments = try body.take(fuse_create_in.self)
            try fileSystem.create(request, body.name(), arguments, into: &reply)
        case .tmpfile:
            let arguments = try body.take(fuse_create_in.self)
            // The kernel's placeholder, "/": it means nothing.
            _ = try body.string()
            try fileSystem.tmpfile(request, arguments, into: &reply)
        case .read:
            try fileSystem.read(request, body.take(fuse_read_in.self), into: &reply)
        case .write:
            let arguments = try body.take(fuse_write_in.self)
            try fileSystem.write(request, arguments, body.bytes(Int(arguments.size)), into: &reply)
        case .flush:
            try fileSystem.flush(request, body.take(fuse_flush_in.self))
        case .release:
            try fileSystem.release(request, body.take(fuse_release_in.self))
        case .fsync:
            let arguments = try body.take(fuse_fsync_in.self)
            try fileSystem.fsync(request, handle: arguments.fh, dataOnly: arguments.isDataOnly)
        case .opendir:
            try fileSystem.opendir(request, body.take(fuse_open_in.self), into: &reply)
        case .readdir:
            try fileSystem.readdir(request, body.take(fuse_read_in.self), into: &reply)
        case .readdirplus:
            try fileSystem.readdirplus(request, body.take(fuse_read_in.self), into: &reply)
        case .releasedir:
            try fileSystem.releasedir(request, body.take(fuse_release_in.self))
        case .fsyncdir:
            let arguments = try body.take(fuse_fsync_in.self)
            try fileSystem.fsyncdir(request, handle: arguments.fh, dataOnly: arguments.isDataOnly)
        default:
            throw .enosys
        }
    }
}

extension fuse_fsync_in {
    fileprivate var isDataOnly: Bool { fsync_flags & RequestFlags.fsyncDataOnly != 0 }
}
