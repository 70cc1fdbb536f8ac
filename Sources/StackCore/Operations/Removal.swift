import CLinux
import FuseKernel
import SystemCalls

extension Mirror {
    // MARK: UNLINK, RMDIR

    public func unlink(_ request: Request, _ name: Name) throws(Errno) {
        try remove(request, name, flags: 0)
    }

    public func rmdir(_ request: Request, _ name: Name) throws(Errno) {
        try remove(request, name, flags: LINUX_AT_REMOVEDIR)
    }

    private func remove(_ request: Request, _ name: borrowing Name, flags: Int32) throws(Errno) {
        let parent = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let directory = parent.descriptor
        let pointer = name.pointer
        try keepingVictim(name, in: parent) { () throws(Errno) in
            try mutate(request, .removed, name, in: parent) { () throws(Errno) in
                _ = try checked(linux_unlinkat(directory, pointer, flags))
            }
        }
    }

    /// Runs `body`, which takes a name away, so that the node behind the name lives on for those who still hold it.
    ///
    /// An inode without a name cannot be found again, neither by handle nor by name: whoever has it as its working directory, or
    /// open with O_PATH, needs the descriptor that is kept here until the kernel forgets the node.
    private func keepingVictim(
        _ name: borrowing Name, in parent: borrowing NodeReference, _ body: () throws(Errno) -> Void
    ) throws(Errno) {
        guard let status = try? Lower.status(of: name, in: parent.descriptor), let victim = nodes.find(status) else {
            try body()
            return
        }
        // Without a descriptor to keep (EMFILE), what matters more is that the name goes.
        let inode = try? nodes.borrow(victim)
        try body()
        guard let inode else { return }
        var isLast = status.isDirectory || status.nlink <= 1
        if !isLast { isLast = (try? Lower.status(of: inode.descriptor))?.nlink ?? 0 == 0 }
        if isLast || !nodes.hasFileHandle(victim) { nodes.pin(victim, nil) }
    }

    // MARK: RENAME, RENAME2

    public func rename(_ request: Request, _ name: Name, to newParent: UInt64, _ newName: Name, flags: UInt32)
        throws(Errno)
    {
        let known = LINUX_RENAME_NOREPLACE | LINUX_RENAME_EXCHANGE | LINUX_RENAME_WHITEOUT
        guard flags & ~known == 0 else { throw .einval }
        let from = try nodes.borrow(NodeID(rawValue: request.nodeid))
        let to = try nodes.borrow(NodeID(rawValue: newParent))
        let status = try? Lower.status(of: name, in: from.descriptor)
        let moved = status.flatMap { nodes.find($0) }
        let inode = status?.ino ?? 0
        let (fromDescriptor, toDescriptor) = (from.descriptor, to.descriptor)
        let (oldPointer, newPointer) = (name.pointer, newName.pointer)
        func call() throws(Errno) {
            try mutate(request) { () throws(Errno) in
                // The whiteout is a device node that belongs to whoever renames.
                guard flags & LINUX_RENAME_WHITEOUT != 0 else {
                    try checked(linux_renameat2(fromDescriptor, oldPointer, toDescriptor, newPointer, flags))
                    return
                }
                do throws(Errno) {
                    try credentials.creating(request) { () throws(Errno) in
                        _ = try checked(linux_renameat2(fromDescriptor, oldPointer, toDescriptor, newPointer, flags))
                    }
                } catch {
                    // ext4 makes the whiteout before it fails, and stamps the directory.
                    connection?.invalidateAttributes(nodeid: request.nodeid)
                    throw error
                }
            }
        }
        if flags & LINUX_RENAME_EXCHANGE != 0 {
            let otherStatus = try? Lower.status(of: newName, in: to.descriptor)
            let other = otherStatus.flatMap { nodes.find($0) }
            try moving(name, in: from, inode, to: newName, in: to, exchangedWith: otherStatus?.ino ?? 0) {
                () throws(Errno) in try call()
            }
            if let other { nodes.moved(other, to: from.id, name: name.pointer) }
            coherence?.renamed(to: name, in: from.id)
        } else {
            try keepingVictim(newName, in: to) { () throws(Errno) in
                try moving(name, in: from, inode, to: newName, in: to) { () throws(Errno) in try call() }
            }
        }
        if let moved { nodes.moved(moved, to: to.id, name: newName.pointer) }
        coherence?.renamed(to: newName, in: to.id)
    }
}
