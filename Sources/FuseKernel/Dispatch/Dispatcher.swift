import CLinux
import SystemCalls

/// Takes a message apart, checks it, and calls the file system: the one place where a message becomes a typed call and a
/// thrown ``Errno`` the number in a reply.
struct Dispatcher<F: FileSystem>: Sendable {
    let fileSystem: F
    /// What INIT settled; some structures are shorter without their flag.
    let inForce: InitFlags
    /// With `allow_root`: the mount's owner. Others than the owner and root get EACCES, as in libfuse 2.
    let soleUser: UInt32?

    /// Answers one message, as long as it was read. Returns 0 or a positive error number.
    func dispatch(_ message: UnsafeRawBufferPointer, into reply: inout Reply) -> Int32 {
        do throws(Errno) {
            try handle(message, into: &reply)
            return 0
        } catch {
            reply.fail()
            return error.numberInReply
        }
    }

    private func handle(_ message: UnsafeRawBufferPointer, into reply: inout Reply) throws(Errno) {
        let headerSize = MemoryLayout<fuse_in_header>.size
        guard message.count >= headerSize else { throw .einval }
        let header = message.loadUnaligned(as: fuse_in_header.self)
        let opcode = Opcode(rawValue: header.opcode)
        if let opcode, !opcode.hasReply { reply.omit() }
        // A length that does not agree with what was read cannot be taken apart.
        guard header.len == message.count else { throw .einval }
        var request = Request(header)
        let extensionSize = Int(header.total_extlen) * 8
        guard message.count - headerSize >= extensionSize else { throw .einval }
        let body = UnsafeRawBufferPointer(rebasing: message[headerSize..<(message.count - extensionSize)])
        if extensionSize > 0 {
            request.supplementaryGroup = try supplementaryGroup(
                UnsafeRawBufferPointer(rebasing: message[(message.count - extensionSize)...]))
        }
        guard let opcode else { throw .enosys }
        if let soleUser, request.uid != soleUser, request.uid != 0, opcode.isRefusedToOthers { throw .eacces }
        try call(opcode, request, Arguments(body), into: &reply)
    }

    /// The extensions of a creating request (struct fuse_ext_header, 7.38): security contexts are not asked for at INIT, so
    /// only groups come.
    private func supplementaryGroup(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> UInt32? {
        var arguments = Arguments(bytes)
        let extensionGroups: UInt32 = 32
        while arguments.remaining >= MemoryLayout<fuse_ext_header>.size {
            let header = try arguments.take(fuse_ext_header.self)
            let content = try arguments.bytes(Int(header.size) - MemoryLayout<fuse_ext_header>.size)
            if header.type == extensionGroups {
                // struct fuse_supp_groups: the number of groups, then the groups.
                guard content.byteCount >= 4 else { throw .einval }
                let count = content.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self)
                guard content.byteCount / 4 - 1 >= Int(count) else { throw .einval }
                return count > 0 ? content.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt32.self) : nil
            }
        }
        return nil
    }

    private func call(_ opcode: Opcode, _ request: Request, _ body: consuming Arguments, into reply: inout Reply)
        throws(Errno)
    {
        var body = body
        switch opcode {
        case .lookup, .symlink, .mknod, .mkdir, .unlink, .rmdir, .rename, .rename2, .link, .readlink, .forget,
            .batchForget:
            try callNames(opcode, request, &body, into: &reply)
        case .getattr, .setattr, .statx, .access, .statfs, .syncfs, .setxattr, .getxattr, .listxattr, .removexattr:
            try callAttributes(opcode, request, &body, into: &reply)
        case .open, .create, .tmpfile, .read, .write, .flush, .release, .fsync, .opendir, .readdir, .readdirplus,
            .releasedir, .fsyncdir:
            try callFiles(opcode, request, &body, into: &reply)
        case .fallocate, .lseek, .copyFileRange, .copyFileRange64, .ioctl, .poll, .bmap, .getlk, .setlk, .setlkw:
            try callSpecials(opcode, request, &body, into: &reply)
        case .interrupt:
            fileSystem.interrupt(unique: try body.take(fuse_interrupt_in.self).unique)
        case .destroy:
            fileSystem.destroy()
        case .notifyReply:
            // The answer to a notification that nobody sends (FUSE_NOTIFY_RETRIEVE).
            return
        case .initialize:
            // The session answers the first one; another is a protocol error.
            throw .eio
        case .setupMapping, .removeMapping:
            throw .enosys
        }
    }
}

extension Opcode {
    /// Whether `allow_root` refuses it to users other than the owner and root; what follows an open is not refused, as
    /// libfuse 2.9 does it.
    fileprivate var isRefusedToOthers: Bool {
        switch self {
        case .initialize, .destroy, .interrupt, .forget, .batchForget, .notifyReply, .read, .write, .flush, .release,
            .fsync, .readdir, .readdirplus, .releasedir, .fsyncdir:
            return false
        default:
            return true
        }
    }
}
