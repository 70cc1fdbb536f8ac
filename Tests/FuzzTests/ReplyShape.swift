import CLinux
import FuseKernel
import FuseMessages

/// Whether the kernel would take a reply: what fuse_dev_do_write and its copy_out_args check, and what readers of listings
/// rely on.
struct ReplyShape {
    /// What is wrong with the answer to `request`; nil if nothing is.
    static func complaint(_ request: [UInt8], error: Int32, body: UnsafeRawBufferPointer, isDue: Bool) -> String? {
        guard (0...511).contains(error) else { return "error \(error)" }
        if error != 0, !body.isEmpty { return "\(body.count) bytes beside an error" }
        let opcode = Opcode(rawValue: request.structure(fuse_in_header.self).opcode)
        switch opcode {
        case .forget, .batchForget, .interrupt, .notifyReply:
            return isDue ? "a reply to what has none" : nil
        case .setlkw where !isDue:
            return error == 0 && body.isEmpty ? nil : "postponed with an answer"
        default: break
        }
        guard isDue else { return "no reply" }
        guard error == 0 else { return nil }
        guard let opcode else { return "an unknown opcode has succeeded" }
        return success(opcode, request, body)
    }

    private static func success(_ opcode: Opcode, _ request: [UInt8], _ body: UnsafeRawBufferPointer) -> String? {
        switch opcode {
        case .lookup, .symlink, .mknod, .mkdir, .link: return exactly(128, body)
        case .getattr, .setattr: return exactly(104, body)
        case .statx: return exactly(288, body)
        case .open, .opendir: return exactly(16, body)
        case .create, .tmpfile: return exactly(144, body)
        case .statfs: return exactly(80, body)
        case .getlk: return exactly(24, body)
        case .lseek, .copyFileRange, .copyFileRange64, .poll, .bmap: return exactly(8, body)
        case .write:
            if let complaint = exactly(8, body) { return complaint }
            let written = body.loadUnaligned(as: UInt32.self)
            return written > request.structure(UInt32.self, at: 56) ? "\(written) bytes written, more than came" : nil
        case .readlink: return atMost(4095, body)
        case .read: return atMost(request.structure(UInt32.self, at: 56), body)
        case .readdir, .readdirplus:
            return atMost(request.structure(UInt32.self, at: 56), body)
                ?? listing(body, headers: opcode == .readdir ? 24 : 152)
        case .getxattr, .listxattr:
            let size = request.structure(UInt32.self, at: 40)
            return size == 0 ? exactly(8, body) : atMost(size, body)
        case .ioctl:
            let size = request.structure(UInt32.self, at: 68)
            return body.count < 16
                ? exactly(16, body) : atMost(size.addingReportingOverflow(16).0, body, size > .max - 16)
        case .initialize, .setupMapping, .removeMapping: return "\(opcode.name) has succeeded"
        default: return exactly(0, body)
        }
    }

    private static func exactly(_ count: Int, _ body: UnsafeRawBufferPointer) -> String? {
        body.count == count ? nil : "\(body.count) bytes instead of \(count)"
    }

    private static func atMost(_ count: UInt32, _ body: UnsafeRawBufferPointer, _ unbounded: Bool = false) -> String? {
        unbounded || body.count <= Int(count) ? nil : "\(body.count) bytes, more than the \(count) asked for"
    }

    /// A chain of struct fuse_dirent or fuse_direntplus.
    private static func listing(_ body: UnsafeRawBufferPointer, headers: Int) -> String? {
        var position = 0
        while position < body.count {
            guard body.count - position >= headers else { return "half an entry at \(position)" }
            let entry = body.loadUnaligned(fromByteOffset: position + headers - 24, as: fuse_dirent.self)
            let length = Int(entry.namelen)
            guard 1...255 ~= length else { return "a name of \(length) bytes" }
            guard body.count - position - headers >= length else { return "a name beyond the end" }
            let name = body[(position + headers)..<(position + headers + length)]
            if name.contains(0) || name.contains(UInt8(ascii: "/")) { return "a name that no entry has" }
            position += (headers + length + 7) & ~7
        }
        return position == body.count ? nil : "an entry that is not padded"
    }
}
