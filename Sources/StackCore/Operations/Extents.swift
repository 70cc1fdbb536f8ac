import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension Mirror {
    // MARK: FALLOCATE, LSEEK, COPY_FILE_RANGE

    /// Every mode that the lower file system knows; as the caller, whose quota and reserved blocks count.
    public func fallocate(_ request: Request, _ arguments: fuse_fallocate_in) throws(Errno) {
        let file = try lowerFile(request.nodeid, arguments.fh, flags: O_WRONLY)
        guard let offset = Int64(exactly: arguments.offset), let length = Int64(exactly: arguments.length) else {
            throw .einval
        }
        let descriptor = file.descriptor
        try mutate(request) { () throws(Errno) in
            try credentials.changing(descriptor, request) { () throws(Errno) in
                _ = try checked(linux_fallocate(descriptor, Int32(bitPattern: arguments.mode), offset, length))
            }
        }
    }

    /// SEEK_DATA and SEEK_HOLE; the kernel does the others itself.
    public func lseek(_ request: Request, _ arguments: fuse_lseek_in, into reply: inout Reply) throws(Errno) {
        let file = try lowerFile(request.nodeid, arguments.fh, flags: O_RDONLY)
        let whence = Int32(bitPattern: arguments.whence)
        guard whence == LINUX_SEEK_DATA || whence == LINUX_SEEK_HOLE else { throw .einval }
        // The descriptor's own position moves with it, and nothing else uses that: reads and writes name theirs.
        let position = try checked(linux_lseek(file.descriptor, Int64(bitPattern: arguments.offset), whence))
        try reply.append(fuse_lseek_out(offset: UInt64(position)))
    }

    public func copyFileRange(_ request: Request, _ arguments: fuse_copy_file_range_in, limit: UInt64)
        throws(Errno) -> UInt64
    {
        let source = try lowerFile(request.nodeid, arguments.fh_in, flags: O_RDONLY)
        let target = try lowerFile(arguments.nodeid_out, arguments.fh_out, flags: O_WRONLY)
        guard arguments.flags == 0, var from = Int64(exactly: arguments.off_in),
            var to = Int64(exactly: arguments.off_out)
        else { throw .einval }
        let length = Int(clamping: min(arguments.len, limit))
        let (input, output) = (source.descriptor, target.descriptor)
        // The source was accessed, and a copy that fails may have stamped the target's times: the kernel asks for neither again.
        var fails = true
        defer {
            connection?.invalidateAttributes(nodeid: source.node.rawValue)
            if fails { connection?.invalidateAttributes(nodeid: target.node.rawValue) }
        }
        let copied = try mutate(request) { () throws(Errno) in
            try credentials.changing(output, request) { () throws(Errno) in
                let result = linux_copy_file_range(input, &from, output, &to, length, 0)
                guard result == Int64(-EBADF) else { return try checked(result) }
                // O_APPEND refuses, and fcntl(2) may have cleared it on the mount without a word to us.
                let plain = try Lower.reopen(output, O_WRONLY)
                return try checked(linux_copy_file_range(input, &from, plain.number, &to, length, 0))
            }
        }
        fails = false
        return UInt64(copied)
    }
}
