import CLinux
import SystemCalls

extension Dispatcher {
    /// Locks, and the operations on open files that few programs use.
    func callSpecials(_ opcode: Opcode, _ request: Request, _ body: inout Arguments, into reply: inout Reply)
        throws(Errno)
    {
        switch opcode {
        case .fallocate:
            try fileSystem.fallocate(request, body.take(fuse_fallocate_in.self))
        case .lseek:
            try fileSystem.lseek(request, body.take(fuse_lseek_in.self), into: &reply)
        case .copyFileRange:
            // The count goes back in a fuse_write_out: 32 bits.
            let copied = try fileSystem.copyFileRange(
                request, body.take(fuse_copy_file_range_in.self), limit: UInt64(UInt32.max))
            try reply.append(fuse_write_out(size: UInt32(truncatingIfNeeded: copied), padding: 0))
        case .copyFileRange64:
            let copied = try fileSystem.copyFileRange(
                request, body.take(fuse_copy_file_range_in.self), limit: UInt64(Int64.max))
            try reply.append(fuse_copy_file_range_out(bytes_copied: copied))
        case .ioctl:
            let arguments = try body.take(fuse_ioctl_in.self)
            try fileSystem.ioctl(request, arguments, body.bytes(Int(arguments.in_size)), into: &reply)
        case .poll:
            try fileSystem.poll(request, body.take(fuse_poll_in.self), into: &reply)
        case .bmap:
            try fileSystem.bmap(request, body.take(fuse_bmap_in.self), into: &reply)
        case .getlk:
            try fileSystem.getlk(request, body.take(fuse_lk_in.self), into: &reply)
        case .setlk, .setlkw:
            let arguments = try body.take(fuse_lk_in.self)
            try fileSystem.setlk(request, arguments, wait: opcode == .setlkw, into: &reply)
        default:
            throw .enosys
        }
    }
}
