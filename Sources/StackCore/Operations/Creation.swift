import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension Mirror {
    // MARK: SYMLINK, MKNOD, MKDIR

    public func symlink(_ request: Request, _ name: Name, target: Name, into reply: inout Reply) throws(Errno) {
        let link = name.pointer
        let target = target.pointer
        try makeNode(request, name, into: &reply) { (directory) throws(Errno) in
            try checked(linux_symlinkat(target, directory, link))
        }
    }

    public func mknod(_ request: Request, _ name: Name, _ arguments: fuse_mknod_in, into reply: inout Reply)
        throws(Errno)
    {
        let pointer = name.pointer
        try makeNode(request, name, into: &reply) { (directory) throws(Errno) in
            linux_umask(arguments.umask)
            try checked(linux_mknodat(directory, pointer, arguments.mode, arguments.rdev))
        }
    }

    public func mkdir(_ request: Request, _ name: Name, _ arguments: fuse_mkdir_in, into reply: inout Reply)
        throws(Errno)
    {
        let pointer = name.pointer
        try makeNode(request, name, into: &reply) { (directory) throws(Errno) in
            linux_umask(arguments.umask)
            try checked(linux_mkdirat(directory, pointer, arguments.mode))
        }
    }

    /// Makes a name as the caller, then answers with its node.
    private func makeNode(
        _ request: Request, _ name: borrowing Name, into reply: inout Reply, _ make: (Int32) throws(Errno) -> Void
    ) throws(Errno) {
        let parent = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let directory = parent.descriptor
        try mutate(request, .made, name, in: parent) { () throws(Errno) in
            try credentials.creating(request) { () throws(Errno) in try make(directory) }
        }
        try answering(name, in: parent) { () throws(Errno) in
            let (id, status) = try lookUp(name, in: parent)
            try reply.append(entry(id, status, in: parent))
        }
    }

    /// Runs `body`, which answers for a name that was made. If it fails, the kernel keeps what it has believed before: that there is none.
    private func answering(
        _ name: borrowing Name, in parent: borrowing NodeReference, _ body: () throws(Errno) -> Void
    ) throws(Errno) {
        do throws(Errno) {
            try body()
        } catch {
            coherence?.entryChanged(name.bytes, in: parent.id)
            throw error
        }
    }

    // MARK: LINK

    /// One more name for an inode. The new name leads to the node that already stands for it.
    public func link(_ request: Request, node: UInt64, as name: Name, into reply: inout Reply) throws(Errno) {
        let inode = try nodes.borrow(NodeID(rawValue: node))
        let parent = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let (from, into) = (inode.descriptor, parent.descriptor)
        let linked = name.pointer
        try mutate(request, .made, name, in: parent) { () throws(Errno) in
            try Lower.link(from, as: linked, in: into)
        }
        try answering(name, in: parent) { () throws(Errno) in
            let (id, status) = try lookUp(name, in: parent)
            try reply.append(entry(id, status, in: parent))
        }
    }

    // MARK: CREATE, TMPFILE

    /// CREATE: makes and opens a regular file.
    ///
    /// Another may have made the name since the kernel looked it up. Without O_EXCL that file is opened, if it is a regular one;
    /// anything else sends the kernel back to look again (ESTALE), as a symbolic link or a FIFO must not be opened here.
    public func create(_ request: Request, _ name: Name, _ arguments: fuse_create_in, into reply: inout Reply)
        throws(Errno)
    {
        let parent = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let directory = parent.descriptor
        let flags = lowerFlags(arguments.flags)
        let pointer = name.pointer
        do throws(Errno) {
            let file = try mutate(request, .made, name, in: parent) { () throws(Errno) in
                try withRoomForDescriptors { () throws(Errno) in
                    linux_umask(arguments.umask)
                    return Descriptor(
                        owning: try credentials.creating(request) { () throws(Errno) in
                            try Lower.create(pointer, in: directory, flags: flags, mode: arguments.mode).take()
                        })
                }
            }
            try finishCreation(request, file, parent, name, arguments.flags, into: &reply)
        } catch let error where error == .eexist && arguments.flags & UInt32(O_EXCL) == 0 {
            let (id, status) = try lookUp(name, in: parent)
            do throws(Errno) {
                guard status.isRegular else { throw .estale }
                let opened = try openNode(
                    request, id, fuse_open_in(flags: arguments.flags, open_flags: arguments.open_flags))
                try reply.append(entry(id, status, in: parent))
                try reply.append(opened)
            } catch {
                nodes.forget(id, 1)
                throw error
            }
        }
    }

    /// TMPFILE: a regular file without a name (O_TMPFILE of open(2)). Its node keeps a descriptor, as no name leads to it.
    public func tmpfile(_ request: Request, _ arguments: fuse_create_in, into reply: inout Reply) throws(Errno) {
        let parent = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let directory = parent.descriptor
        // O_EXCL: the file cannot be given a name later.
        let flags = lowerFlags(arguments.flags) | Int32(bitPattern: arguments.flags) & O_EXCL
        let file = try mutate(request) { () throws(Errno) in
            linux_umask(arguments.umask)
            return Descriptor(
                owning: try credentials.creating(request) { () throws(Errno) in
                    try Lower.createUnnamed(in: directory, flags: flags, mode: arguments.mode).take()
                })
        }
        try finishCreation(request, file, parent, Name("."), arguments.flags, unnamed: true, into: &reply)
    }

    private func finishCreation(
        _ request: Request, _ file: consuming Descriptor, _ parent: borrowing NodeReference, _ name: borrowing Name,
        _ flags: UInt32, unnamed: Bool = false,
        into reply: inout Reply
    ) throws(Errno) {
        let moment = coherence?.moment
        var status = try Lower.status(of: file.number)
        let number = file.number
        let inode = try withRoomForDescriptors { () throws(Errno) in try Lower.openInode(ofFile: number) }
        let id = try nodes.adopt(inode, status, parent: parent.id, name: name.pointer)
        do throws(Errno) {
            if unnamed { nodes.pin(id, try Lower.openInode(ofFile: file.number)) }
            let node = try nodes.borrow(id)
            coherence?.gives(id)
            if let coherence, coherence.moment != moment || coherence.seesAttributes(of: id) {
                status = try Lower.status(of: node.descriptor)
            }
            // The open file is taken in first, as it decides whether the attributes may be kept.
            let opened = try enter(request, file, id, node.descriptor, status, flags)
            try reply.append(entry(id, status, in: parent))
            try reply.append(opened)
        } catch {
            nodes.forget(id, 1)
            throw error
        }
    }
}
