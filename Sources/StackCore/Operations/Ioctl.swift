import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension Mirror {
    // MARK: IOCTL

    /// The requests that lsattr, chattr and project quotas use (ioctl_iflags(2)); any other is ENOTTY: what a request of a lower
    /// file system would do with the daemon's rights is not known.
    ///
    /// The kernel has checked owner and CAP_LINUX_IMMUTABLE (vfs_fileattr_set).
    public func ioctl(_ request: Request, _ arguments: fuse_ioctl_in, _ input: RawSpan, into reply: inout Reply)
        throws(Errno)
    {
        guard let known = KnownIoctl(rawValue: arguments.cmd) else { throw .enotty }
        let file = try lowerFile(request.nodeid, arguments.fh, flags: O_RDONLY)
        // struct fsxattr has 28 bytes, the flags word 4 (its request number says 8, for long).
        var value: InlineArray<4, UInt64> = InlineArray(repeating: 0)
        if known.changes {
            guard input.byteCount >= known.size else { throw .einval }
            input.withUnsafeBytes { bytes in
                withUnsafeMutableBytes(of: &value) {
                    $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<known.size]))
                }
            }
        }
        let descriptor = file.descriptor
        let call = { () throws(Errno) in
            try checked(
                withUnsafeMutableBytes(of: &value) { linux_ioctl(descriptor, known.rawValue, $0.baseAddress) })
        }
        let result =
            known.changes
            ? try mutate(request) { () throws(Errno) in
                // xfs clears set-id bits for a caller without CAP_FSETID.
                request.uid != 0 ? try credentials.without(LINUX_CAP_FSETID, call) : try call()
            } : try call()
        // The kernel does not know that the time of change is another.
        if known.changes { connection?.invalidateAttributes(nodeid: request.nodeid) }
        try reply.append(fuse_ioctl_out(result: Int32(truncatingIfNeeded: result), flags: 0, in_iovs: 0, out_iovs: 0))
        if !known.changes {
            let count = min(Int(arguments.out_size), MemoryLayout.size(ofValue: value))
            withUnsafeBytes(of: &value) { bytes in
                reply.room(upTo: count).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
            reply.advance(by: count)
        }
    }
}

private enum KnownIoctl {
    case getFlags, setFlags, getVersion, getExtended, setExtended

    init?(rawValue: UInt32) {
        switch rawValue {
        case LINUX_FS_IOC_GETFLAGS: self = .getFlags
        case LINUX_FS_IOC_SETFLAGS: self = .setFlags
        case LINUX_FS_IOC_GETVERSION: self = .getVersion
        case LINUX_FS_IOC_FSGETXATTR: self = .getExtended
        case LINUX_FS_IOC_FSSETXATTR: self = .setExtended
        default: return nil
        }
    }

    var rawValue: UInt32 {
        switch self {
        case .getFlags: return LINUX_FS_IOC_GETFLAGS
        case .setFlags: return LINUX_FS_IOC_SETFLAGS
        case .getVersion: return LINUX_FS_IOC_GETVERSION
        case .getExtended: return LINUX_FS_IOC_FSGETXATTR
        case .setExtended: return LINUX_FS_IOC_FSSETXATTR
        }
    }

    /// The bytes that go in or come out.
    var size: Int {
        switch self {
        case .getFlags, .setFlags, .getVersion: return 4
        case .getExtended, .setExtended: return 28
        }
    }

    var changes: Bool { self == .setFlags || self == .setExtended }
}
