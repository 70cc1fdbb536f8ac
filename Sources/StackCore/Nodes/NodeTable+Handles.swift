import CLinux
import SystemCalls

extension NodeTable {
    /// Whether the root's lower file system gives file handles, and they may be used.
    public var usesFileHandles: Bool { mounts.handleDescriptor(0) >= 0 }

    /// Whether the node can be opened again without any of its names.
    public func hasFileHandle(_ id: NodeID) -> Bool {
        guard hold(id) != nil else { return false }
        defer { release(id.slot) }
        let form = record(id.slot)[\.form]
        return form.inlineLength != nil || form == .storedHandle
    }
}
