/// Who is told of nodes that come and go. Calls come from any thread, under a lock of the table: they must not call it.
protocol NodeObserver: AnyObject, Sendable {
    /// Whether ``nodeBegins(_:_:)`` is wanted.
    var tracksEveryNode: Bool { get }

    /// A node has come to be, and nobody has been told of it yet.
    func nodeBegins(_ node: NodeID, _ inode: LowerInode)

    /// A node that was tracked is forgotten.
    func nodeEnds(_ node: NodeID, _ inode: LowerInode)
}

/// From what is known of a change to the nodes that it concerns.
extension NodeTable {
    /// The inode of a record that is held.
    func lowerInode(_ slot: UInt32) -> LowerInode {
        let record = record(slot)
        return LowerInode(device: mounts.device(record[\.mount]), inode: record[\.inode])
    }

    /// Calls `body` for each node that stands for the inode: one for each lower mount that shows it.
    func forEachNode(of inode: LowerInode, _ body: (NodeID) -> Void) {
        for mount in mounts.numbers(ofDevice: inode.device) {
            let (shard, tag) = place(mount, inode.inode)
            shard.lock()
            let slot = search(shard, tag, mount, inode.inode)
            let node = slot == 0 ? nil : id(slot)
            shard.unlock()
            if let node { body(node) }
        }
    }

    /// Calls `body` for each node that lives. Nodes that come to be meanwhile may be left out.
    func forEachLiveNode(_ body: (NodeID) -> Void) {
        nodes.forEachBlock { slot in
            guard slot >= NodeID.root.slot, record(slot).use.hold() != nil else { return }
            let node = id(slot)
            release(slot)
            body(node)
        }
    }

    /// Calls `body` for each node, of directories or of all else, of which the kernel may keep what no time ends, and whether that may be a
    /// directory's entries.
    ///
    /// A node that is not given out anew is left out the time after next: an answer that was under way the first time is met the
    /// second time.
    func forEachGivenNode(directories: Bool, _ body: (NodeID, _ isListed: Bool) -> Void) {
        nodes.forEachBlock { slot in
            let use = record(slot).use
            let marks = use.current.rawValue
            guard slot >= NodeID.root.slot, marks & (Use.given | Use.aged | Use.listed) != 0,
                (marks & Use.directory != 0) == directories, use.hold() != nil
            else { return }
            let node = id(slot)
            use.age()
            release(slot)
            body(node, marks & Use.listed != 0)
        }
    }

    /// Sets a mark that is mostly set already.
    func note(_ id: NodeID, _ mark: UInt64) {
        if marks(id) & mark == 0 { _ = self.mark(id, mark) }
    }

    func isLive(_ id: NodeID) -> Bool {
        guard hold(id) != nil else { return false }
        release(id.slot)
        return true
    }

    /// The marks of a node that the kernel knows.
    func marks(_ id: NodeID) -> UInt64 { nodes.contains(id.slot) ? record(id.slot).use.current.rawValue : 0 }

    /// Sets marks of a node; false if it is not there or has them.
    func mark(_ id: NodeID, _ marks: UInt64) -> Bool {
        guard hold(id) != nil else { return false }
        defer { release(id.slot) }
        return record(id.slot).use.mark(marks)
    }

    /// The inode of a node, nil if the node is not there.
    func lowerInode(of id: NodeID) -> LowerInode? {
        guard hold(id) != nil else { return nil }
        defer { release(id.slot) }
        return lowerInode(id.slot)
    }
}
