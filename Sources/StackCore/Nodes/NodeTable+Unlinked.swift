import CLinux
import SystemCalls

extension NodeTable {
    /// Whether the root's lower file system gives file handles, and they may be used.
    public var usesFileHandles: Bool { mounts.handleDescriptor(0) >= 0 }

    /// A name of the node was removed: UNLINK, RMDIR, or a RENAME onto it.
    ///
    /// The node keeps its descriptor until it is forgotten if nothing else would find its inode again: that was the last name, or
    /// the node has no file handle.
    public func unlinked(_ id: NodeID, _ inode: consuming Descriptor, isLast: Bool) {
        guard isLast || !hasFileHandle(id) else { return }
        pin(id, inode)
    }

    private func hasFileHandle(_ id: NodeID) -> Bool {
        guard hold(id) != nil else { return false }
        defer { release(id.slot) }
        let form = record(id.slot)[\.form]
        return form.inlineLength != nil || form == .storedHandle
    }
}
