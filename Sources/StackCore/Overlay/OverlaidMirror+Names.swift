import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension OverlaidMirror {
    // MARK: LOOKUP, FORGET, READLINK

    public func lookup(_ request: Request, _ name: Name, into reply: inout Reply) throws(Errno) {
        switch try node(request.nodeid) {
        case .overlay(let index, let parent):
            let overlay = overlays[index]
            if name.isDot { return try append(entry(index, overlay.attributes(of: parent)), into: &reply) }
            if name.isDotDot {
                // What is above the overlay's root cannot be found from it.
                if parent == overlay.root { throw .estale }
                let above = try overlay.attributes(of: overlay.parent(of: parent))
                return try append(entry(index, above), into: &reply)
            }
            let found = try overlay.lookUp(name.bytes, in: parent)
            // Files that may be watched are to be forgotten when nobody uses them.
            let mayBeWatched = overlay.tellsChanges(of: found.node)
            try append(entry(index, found, mayBeWatched ? .none : nameTimeout), into: &reply)
            if mayBeWatched { modifications.lookedUp(OverlaidNode.number(index, found.node)) }
        case .way(let way):
            if name.isDot { return try append(wayEntry(way), into: &reply) }
            if name.isDotDot { throw .estale }
            let path = try ways.path(way)
            try append(entry(at: places.place(of: name.text, in: path), path + [name.text]), into: &reply)
        case .lower:
            let mirror = try lower()
            if name.isDot || name.isDotDot { return try mirror.lookup(request, name, into: &reply) }
            let (place, path) = try place(of: name.text, in: request.nodeid)
            switch place {
            case .lower: try mirror.lookup(request, name, into: &reply)
            case .way:
                if try mirror.lowerHas(name.text, in: request.nodeid) {
                    try mirror.lookup(request, name, into: &reply)
                } else {
                    try append(entry(at: place, path + [name.text]), into: &reply)
                }
            case .root(let index):
                if try !shows(index, name.text, in: request.nodeid) { throw .enoent }
                try append(entry(at: place, path), into: &reply)
            }
        }
    }

    /// An overlay whose place ends in a wildcard is there only where the lower directory has the name.
    private func shows(_ index: Int, _ name: String, in directory: UInt64) throws(Errno) -> Bool {
        guard OverlayPattern.isWildcard(places.patterns[index].components.last ?? "") else { return true }
        return try lower().lowerHas(name, in: directory)
    }

    private func append(_ entry: fuse_entry_out, into reply: inout Reply) throws(Errno) { try reply.append(entry) }

    private func entry(at place: OverlayPlace, _ path: [String]) throws(Errno) -> fuse_entry_out {
        switch place {
        case .lower: throw .enoent
        case .root(let index):
            return entry(index, try overlays[index].attributes(of: overlays[index].root), placeTimeout)
        case .way: return wayEntry(try ways.index(of: path))
        }
    }

    private func entry(_ index: Int, _ given: OverlayAttributes) -> fuse_entry_out {
        entry(index, given, nameTimeout)
    }

    private func entry(_ index: Int, _ given: OverlayAttributes, _ timeout: Timeout) -> fuse_entry_out {
        entry(attributes(index, given), timeout)
    }

    private func wayEntry(_ way: Int) -> fuse_entry_out { entry(wayAttributes(way), placeTimeout) }

    private func entry(_ attributes: fuse_attr, _ timeout: Timeout) -> fuse_entry_out {
        var entry = fuse_entry_out()
        entry.nodeid = attributes.ino
        entry.attr = attributes
        entry.attr_valid = Timeout.forEver.seconds
        entry.entry_valid = timeout.seconds
        entry.entry_valid_nsec = timeout.nanoseconds
        return entry
    }

    public func forget(nodeid: UInt64, count: UInt64) {
        // Overlays' nodes do not end with what the kernel knows of them.
        switch OverlaidNode(nodeid) {
        case .lower: mirror?.forget(nodeid: nodeid, count: count)
        case .overlay: modifications.forgotten(nodeid, count)
        case .way: break
        }
    }

    public func readlink(_ request: Request, into reply: inout Reply) throws(Errno) {
        switch try node(request.nodeid) {
        case .lower: try lower().readlink(request, into: &reply)
        case .way: throw .einval
        case .overlay(let index, let node):
            reply.advance(by: try overlays[index].readLink(node, into: reply.room(upTo: Int(PATH_MAX))))
        }
    }

    // MARK: MKDIR, RMDIR, RENAME

    public func mkdir(_ request: Request, _ name: Name, _ arguments: fuse_mkdir_in, into reply: inout Reply)
        throws(Errno)
    {
        switch try node(request.nodeid) {
        case .overlay(let index, let parent):
            let made = try overlays[index].makeDirectory(
                name.bytes, in: parent, mode: arguments.mode & ~arguments.umask, caller(request))
            try append(entry(index, made), into: &reply)
        case .way: throw .eperm
        case .lower:
            try refuseToMake(name, in: request.nodeid)
            try lower().mkdir(request, name, arguments, into: &reply)
        }
    }

    public func rmdir(_ request: Request, _ name: Name) throws(Errno) {
        switch try node(request.nodeid) {
        case .overlay(let index, let parent): try overlays[index].removeDirectory(name.bytes, in: parent)
        case .way: throw .ebusy
        case .lower:
            switch try place(of: name.text, in: request.nodeid).0 {
            case .root: throw .ebusy
            // An overlay stands below: the directory is not empty.
            case .way: throw .enotempty
            case .lower: try lower().rmdir(request, name)
            }
        }
    }

    public func unlink(_ request: Request, _ name: Name) throws(Errno) {
        switch try node(request.nodeid) {
        case .overlay(let index, _): throw overlays[index].refusal(of: .unlink)
        case .way: throw .eisdir
        case .lower:
            if case .root = try place(of: name.text, in: request.nodeid).0 { throw .eisdir }
            try lower().unlink(request, name)
        }
    }

    /// A name at which an overlay stands, or leads to it through a directory that is only shown, is like a mount point.
    public func rename(_ request: Request, _ name: Name, to newParent: UInt64, _ newName: Name, flags: UInt32)
        throws(Errno)
    {
        switch (try node(request.nodeid), try node(newParent)) {
        case (.overlay(let index, let from), .overlay(let other, let to)):
            if index != other { throw .exdev }
            try overlays[index].rename(name.bytes, in: from, to: newName.bytes, in: to, flags: flags)
        case (.lower, .lower):
            let mirror = try lower()
            let from = try place(of: name.text, in: request.nodeid).0
            let to = try place(of: newName.text, in: newParent).0
            if case .root = from { throw .ebusy }
            if case .root = to { throw .ebusy }
            if from == .way, try !mirror.lowerHas(name.text, in: request.nodeid) { throw .ebusy }
            if to == .way, try !mirror.lowerHas(newName.text, in: newParent) { throw .ebusy }
            try mirror.rename(request, name, to: newParent, newName, flags: flags)
            // What is kept below a directory that comes to be, or ceases to be, on the way to an overlay was answered for another place.
            if places.mayMatter(name.text) || places.mayMatter(newName.text) { namesChanged() }
        default: throw .exdev
        }
    }

    // MARK: what overlays do not do

    public func symlink(_ request: Request, _ name: Name, target: Name, into reply: inout Reply) throws(Errno) {
        try refuse(.symlink, name, in: request.nodeid)
        try lower().symlink(request, name, target: target, into: &reply)
    }

    public func mknod(_ request: Request, _ name: Name, _ arguments: fuse_mknod_in, into reply: inout Reply)
        throws(Errno)
    {
        try refuse(arguments.mode & S_IFMT == S_IFREG ? .create : .makeNode, name, in: request.nodeid)
        try lower().mknod(request, name, arguments, into: &reply)
    }

    public func link(_ request: Request, node other: UInt64, as name: Name, into reply: inout Reply) throws(Errno) {
        if case .lower = try node(other), case .lower = try node(request.nodeid) {
            try refuseToMake(name, in: request.nodeid)
            return try lower().link(request, node: other, as: name, into: &reply)
        }
        if case .overlay(let index, _) = try node(request.nodeid) { throw overlays[index].refusal(of: .link) }
        throw .exdev
    }

    public func create(_ request: Request, _ name: Name, _ arguments: fuse_create_in, into reply: inout Reply)
        throws(Errno)
    {
        try refuse(.create, name, in: request.nodeid)
        try lower().create(request, name, arguments, into: &reply)
    }

    public func tmpfile(_ request: Request, _ arguments: fuse_create_in, into reply: inout Reply) throws(Errno) {
        guard case .lower = try node(request.nodeid) else { throw .eopnotsupp }
        try lower().tmpfile(request, arguments, into: &reply)
    }

    private func refuse(_ what: OverlayRefused, _ name: borrowing Name, in nodeid: UInt64) throws(Errno) {
        switch try node(nodeid) {
        case .overlay(let index, _): throw overlays[index].refusal(of: what)
        case .way: throw .eperm
        case .lower: try refuseToMake(name, in: nodeid)
        }
    }

    /// A name that is shown already.
    private func refuseToMake(_ name: borrowing Name, in nodeid: UInt64) throws(Errno) {
        if try place(of: name.text, in: nodeid).0 != .lower { throw .eexist }
    }

    func caller(_ request: Request) -> OverlayCaller {
        OverlayCaller(thread: Int32(bitPattern: request.pid), uid: request.uid, gid: request.gid)
    }
}

extension Name {
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: pointer, count: count) }
    var text: String { String(decoding: bytes, as: UTF8.self) }
}
