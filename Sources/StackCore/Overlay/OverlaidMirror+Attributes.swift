import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension OverlaidMirror {
    // MARK: GETATTR, STATX, SETATTR, ACCESS, STATFS

    public func getattr(_ request: Request, handle: UInt64?, into reply: inout Reply) throws(Errno) {
        if case .lower = try node(request.nodeid) {
            return try lower().getattr(request, handle: handle, into: &reply)
        }
        try reply.append(attributesReply(try attributes(request)))
    }

    public func statx(_ request: Request, _ arguments: fuse_statx_in, into reply: inout Reply) throws(Errno) {
        if case .lower = try node(request.nodeid) { return try lower().statx(request, arguments, into: &reply) }
        let attributes = try attributes(request)
        var out = fuse_statx_out()
        out.attr_valid = Timeout.forEver.seconds
        out.stat.mask = LINUX_STATX_BASIC_STATS
        out.stat.blksize = attributes.blksize
        out.stat.nlink = attributes.nlink
        out.stat.uid = attributes.uid
        out.stat.gid = attributes.gid
        out.stat.mode = UInt16(truncatingIfNeeded: attributes.mode)
        out.stat.ino = attributes.ino
        out.stat.size = attributes.size
        out.stat.atime = fuse_sx_time(attributes.atime, attributes.atimensec)
        out.stat.mtime = fuse_sx_time(attributes.mtime, attributes.mtimensec)
        out.stat.ctime = fuse_sx_time(attributes.ctime, attributes.ctimensec)
        try reply.append(out)
    }

    public func setattr(_ request: Request, _ arguments: fuse_setattr_in, into reply: inout Reply) throws(Errno) {
        switch try node(request.nodeid) {
        case .lower: try lower().setattr(request, arguments, into: &reply)
        case .way: throw .eperm
        case .overlay(let index, let node):
            if modifications.isOwn(request) {
                return try reply.append(attributesReply(attributes(index, try overlays[index].attributes(of: node))))
            }
            let fields = SetattrFields(rawValue: arguments.valid)
            var change = OverlayAttributeChange()
            if fields.contains(.mode) { change.mode = arguments.mode }
            if fields.contains(.uid) { change.uid = arguments.uid }
            if fields.contains(.gid) { change.gid = arguments.gid }
            if fields.contains(.atime) { change.accessed = nanoseconds(arguments.atime, arguments.atimensec) }
            if fields.contains(.mtime) { change.modified = nanoseconds(arguments.mtime, arguments.mtimensec) }
            try reply.append(attributesReply(attributes(index, overlays[index].setAttributes(of: node, change))))
        }
    }

    public func access(_ request: Request, mask: UInt32) throws(Errno) {
        if case .lower = try node(request.nodeid) { return try lower().access(request, mask: mask) }
        let attributes = try attributes(request)
        if request.uid == 0 { return }
        let shift: UInt32 = request.uid == attributes.uid ? 6 : request.gid == attributes.gid ? 3 : 0
        if attributes.mode >> shift & mask & 7 != mask & 7 { throw .eacces }
    }

    public func statfs(_ request: Request, into reply: inout Reply) throws(Errno) {
        if case .lower = try node(request.nodeid) { return try lower().statfs(request, into: &reply) }
        var out = fuse_statfs_out()
        out.st.bsize = 4096
        out.st.frsize = 4096
        out.st.namelen = 255
        try reply.append(out)
    }

    public func syncfs(_ request: Request) throws(Errno) { try mirror?.syncfs(request) }

    private func attributes(_ request: Request) throws(Errno) -> fuse_attr {
        switch try node(request.nodeid) {
        case .lower: throw .estale
        case .way(let way):
            _ = try ways.path(way)
            return wayAttributes(way)
        case .overlay(let index, let node): return attributes(index, try overlays[index].attributes(of: node))
        }
    }

    private func attributesReply(_ attributes: fuse_attr) -> fuse_attr_out {
        var reply = fuse_attr_out()
        reply.attr_valid = Timeout.forEver.seconds
        reply.attr = attributes
        return reply
    }

    func attributes(_ index: Int, _ given: OverlayAttributes) -> fuse_attr {
        var attributes = fuse_attr()
        attributes.ino = OverlaidNode.number(index, given.node)
        attributes.size = given.size
        (attributes.atime, attributes.atimensec) = seconds(given.accessed)
        (attributes.mtime, attributes.mtimensec) = seconds(given.modified)
        (attributes.ctime, attributes.ctimensec) = seconds(given.changed)
        attributes.mode = given.mode
        attributes.nlink = given.links
        attributes.uid = given.uid
        attributes.gid = given.gid
        attributes.blksize = 4096
        return attributes
    }

    func wayAttributes(_ way: Int) -> fuse_attr {
        var attributes = fuse_attr()
        attributes.ino = OverlaidNode.number(way: way)
        (attributes.atime, attributes.atimensec) = seconds(created)
        (attributes.mtime, attributes.mtimensec) = seconds(created)
        (attributes.ctime, attributes.ctimensec) = seconds(created)
        attributes.mode = S_IFDIR | 0o555
        attributes.nlink = 2
        attributes.blksize = 4096
        return attributes
    }

    private func seconds(_ nanoseconds: Int64) -> (UInt64, UInt32) {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest < 0
            ? (UInt64(bitPattern: seconds - 1), UInt32(rest + 1_000_000_000))
            : (UInt64(bitPattern: seconds), UInt32(rest))
    }

    private func nanoseconds(_ seconds: UInt64, _ rest: UInt32) -> Int64 {
        let whole = Int64(bitPattern: seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let sum = whole.partialValue.addingReportingOverflow(Int64(rest))
        return whole.overflow || sum.overflow ? Int64.max : sum.partialValue
    }

    // MARK: extended attributes

    public func setxattr(_ request: Request, _ name: Name, _ value: RawSpan, flags: UInt32, extended: UInt32)
        throws(Errno)
    {
        switch try node(request.nodeid) {
        case .lower: try lower().setxattr(request, name, value, flags: flags, extended: extended)
        case .way: throw .eopnotsupp
        case .overlay(let index, let node):
            let bytes = value.withUnsafeBytes { $0 }
            try overlays[index].setAttribute(name.bytes, of: node, to: bytes, flags: flags)
        }
    }

    public func removexattr(_ request: Request, _ name: Name) throws(Errno) {
        switch try node(request.nodeid) {
        case .lower: try lower().removexattr(request, name)
        case .way: throw .eopnotsupp
        case .overlay(let index, let node): try overlays[index].removeAttribute(name.bytes, of: node)
        }
    }

    public func getxattr(_ request: Request, _ name: Name, size: UInt32, into reply: inout Reply) throws(Errno) {
        switch try node(request.nodeid) {
        case .lower: try lower().getxattr(request, name, size: size, into: &reply)
        case .way: throw .eopnotsupp
        case .overlay(let index, let node):
            try answer(try overlays[index].attribute(name.bytes, of: node), size: size, into: &reply)
        }
    }

    public func listxattr(_ request: Request, size: UInt32, into reply: inout Reply) throws(Errno) {
        switch try node(request.nodeid) {
        case .lower: try lower().listxattr(request, size: size, into: &reply)
        case .way: try answer([], size: size, into: &reply)
        case .overlay(let index, let node):
            try answer(try overlays[index].attributeNames(of: node), size: size, into: &reply)
        }
    }

    private func answer(_ bytes: [UInt8], size: UInt32, into reply: inout Reply) throws(Errno) {
        if size == 0 { return try reply.append(fuse_getxattr_out(size: UInt32(bytes.count), padding: 0)) }
        let room = reply.room(upTo: Int(size))
        if room.count < bytes.count { throw .erange }
        room.copyBytes(from: bytes)
        reply.advance(by: bytes.count)
    }
}

extension fuse_sx_time {
    fileprivate init(_ seconds: UInt64, _ nanoseconds: UInt32) {
        self.init(tv_sec: Int64(bitPattern: seconds), tv_nsec: nanoseconds, reserved: 0)
    }
}
