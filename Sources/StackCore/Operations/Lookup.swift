import CLinux
import FuseKernel
import Glibc
import Synchronization
import SystemCalls

extension Mirror {
    // MARK: LOOKUP, FORGET

    public func lookup(_ request: Request, _ name: Name, into reply: inout Reply) throws(Errno) {
        let parent = try nodes.borrow(NodeID(rawValue: request.nodeid))
        if name.isDot || name.isDotDot {
            try lookUpDots(name, parent, into: &reply)
            return
        }
        do throws(Errno) {
            let (id, status) = try lookUp(name, in: parent)
            try reply.append(entry(id, status, in: parent))
        } catch let error where error == .enoent {
            let timeout = timeouts(in: parent).negative
            guard timeout != .none else { throw error }
            try reply.append(negativeEntry(timeout))
        }
    }

    /// Finds a name's node, or makes one, and counts one lookup on it.
    ///
    /// A known inode costs one system call, an unknown one two or three where its file handle tells which inode it is, five
    /// elsewhere. The attributes are those of the inode that the node stands for, also when the name is replaced meanwhile.
    func lookUp(_ name: borrowing Name, in parent: borrowing NodeReference) throws(Errno) -> (NodeID, linux_statx) {
        guard let coherence else { return try find(name, in: parent) }
        let moment = coherence.moment
        let (id, status) = try find(name, in: parent)
        coherence.gives(id)
        return (id, coherence.moment == moment ? status : current(id) ?? status)
    }

    /// A node's attributes, now that changes find it. Nil where its inode is gone, which changes of its names tell.
    func current(_ id: NodeID) -> linux_statx? {
        do throws(Errno) {
            return try Lower.status(of: nodes.borrow(id).descriptor)
        } catch {
            return nil
        }
    }

    private func find(_ name: borrowing Name, in parent: borrowing NodeReference) throws(Errno) -> (
        NodeID, linux_statx
    ) {
        // Who walks through a new tree goes on doing so, and asks for the handle first.
        if !meetsNewInodes.load(ordering: .relaxed) || !nodes.usesFileHandles {
            let seen = try Lower.status(of: name, in: parent.descriptor)
            if let id = nodes.known(seen) { return (id, seen) }
            meetsNewInodes.store(true, ordering: .relaxed)
        }
        if let found = try lookUpByHandle(name, in: parent) { return found }
        let directory = parent.descriptor
        let pointer = name.pointer
        let inode = try withRoomForDescriptors { () throws(Errno) in try LowerReference.open(pointer, in: directory) }
        let status = try Lower.status(of: inode.number)
        return (try nodes.adopt(inode, status, parent: parent.id, name: name.pointer), status)
    }

    /// ``lookUp(_:in:)`` without opening the inode: its file handle first, its attributes then. Nil where that does not tell.
    private func lookUpByHandle(_ name: borrowing Name, in parent: borrowing NodeReference) throws(Errno) -> (
        NodeID, linux_statx
    )? {
        var handle = linux_file_handle()
        let mount: Int32
        do throws(Errno) {
            mount = try LowerReference.handle(of: name.pointer, in: parent.descriptor, &handle)
        } catch .enoent {
            throw .enoent
        } catch {
            return nil
        }
        let status = try Lower.status(of: name, in: parent.descriptor)
        if let id = nodes.known(status) {
            meetsNewInodes.store(false, ordering: .relaxed)
            return (id, status)
        }
        return try nodes.adopt(handle, mount: mount, status).map { ($0, status) }
    }

    /// "." and ".." come when a file handle of the mount is opened (FUSE_EXPORT_SUPPORT) and the kernel connects what it
    /// finds to the tree. ".." of a directory that has been moved out of the lower directory leads nowhere.
    private func lookUpDots(_ name: borrowing Name, _ node: borrowing NodeReference, into reply: inout Reply)
        throws(Errno)
    {
        var inode = try Lower.openInode(name.isDot || node.id == .root ? Name(".") : Name(".."), in: node.descriptor)
        let status = try Lower.status(of: inode.number)
        if name.isDotDot, node.id != .root { inode = try insideLower(inode) }
        let id = try nodes.adopt(inode, status, parent: .root, name: Name(".").pointer)
        coherence?.gives(id)
        try reply.append(entry(id, current(id) ?? status, in: node))
    }

    /// Hands a directory back if walking up from it meets the lower root.
    private func insideLower(_ directory: consuming Descriptor) throws(Errno) -> Descriptor {
        let root = try Lower.status(of: nodes.borrow(.root).descriptor)
        var above = try Lower.openInode(Name("."), in: directory.number)
        var previous: UInt64?
        while true {
            let status = try Lower.status(of: above.number)
            if status.ino == root.ino, status.mnt_id == root.mnt_id { return directory }
            // The root of the whole tree is its own parent.
            if status.ino == previous { throw .estale }
            previous = status.ino
            above = try Lower.openInode(Name(".."), in: above.number)
        }
    }

    public func forget(nodeid: UInt64, count: UInt64) {
        let id = NodeID(rawValue: nodeid)
        guard nodes.forget(id, count) else { return }
        backing?.forgotten(id)
        directoryStreams.close(id)
    }

    // MARK: READLINK

    public func readlink(_ request: Request, into reply: inout Reply) throws(Errno) {
        let node = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let room = reply.room(upTo: Int(PATH_MAX))
        guard let start = room.baseAddress else { throw .erange }
        let length = try checked(linux_readlinkat(node.descriptor, "", start, room.count))
        reply.advance(by: length)
    }
}

extension Name {
    var isDot: Bool { count == 1 && pointer[0] == CChar(UInt8(ascii: ".")) }
    var isDotDot: Bool {
        count == 2 && pointer[0] == CChar(UInt8(ascii: ".")) && pointer[1] == CChar(UInt8(ascii: "."))
    }
}
