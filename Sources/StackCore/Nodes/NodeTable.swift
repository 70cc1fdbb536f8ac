import CLinux
import Glibc
import SystemCalls

/// Which references to lower inodes a ``NodeTable`` may use, decided by the caller at start by trying.
public struct NodeTableOptions: Sendable {
    /// Whether name_to_handle_at(2) and open_by_handle_at(2) may be used: CAP_DAC_READ_SEARCH is there.
    public var fileHandles: Bool
    /// How many O_PATH descriptors may stay open; at least 64. Those that must not be closed (``NodeTable/pin(_:_:)``) count, but
    /// are kept above it.
    public var descriptorLimit: Int
    /// The most nodes there can be. Only address space is reserved for them.
    public var capacity: Int

    public init(fileHandles: Bool, descriptorLimit: Int, capacity: Int = 1 << 27) {
        self.fileHandles = fileHandles
        self.descriptorLimit = descriptorLimit
        self.capacity = capacity
    }
}

/// The lower inodes that the kernel knows, and how to come back to each.
///
/// A node is a record of 64 bytes in the ``Arena``, an index word or two, and, where file handles do not work or are
/// long, a block of the store. All names of a lower inode lead to one node.
///
/// - A node *lives* from its adoption until its lookups are forgotten. Its id is then stale for good, but its record stays
///   until the last operation that borrowed it has ended.
/// - It is *hashed* while it is what its (mount, inode number) leads to. When a lower inode number turns out to have been given to
///   another file, the old node lives on unhashed.
///
/// Every call may be made from any thread, and none allocates. Locks, outermost first:
/// 1. a shard's, chosen by (mount, inode number): the shard's index, and the lookups of nodes that belong to it;
/// 2. a name's, chosen by slot: the remembered name of a node;
/// 3. that of the mounts; 4. a ring's in the ``DescriptorCache``; 5. a pool's.
///
/// Of each kind at most one is held. Borrowing and its end take none: see ``Use``. System calls are made without a lock, but
/// for the first look at a lower mount (3) and for taking or giving back a chunk of memory (5).
public final class NodeTable: @unchecked Sendable {
    typealias Shard = UnsafeMutablePointer<Guarded<SlotIndex>>
    static let shardCount = 64

    let arena: Arena
    let nodes: Pool
    let store: Store
    let mounts: MountTable
    let cache: DescriptorCache
    private let shards: Shard
    private let nameLocks: UnsafeMutablePointer<Guarded<Void>>
    /// Users choose inode numbers to some degree; where they go in the index they shall not.
    private let seed = UInt64.random(in: .min ... .max)
    private let rootDescriptor: Int32
    /// Who is told of nodes that come and go; set before any thread serves.
    nonisolated(unsafe) var observer: (any NodeObserver)?

    /// A table that knows only the root.
    ///
    /// - Parameter root: open on the lower root directory, O_PATH or for reading; kept as long as the table.
    /// - Throws: `.enomem`, `.enotdir`, and what statx(2) and memfd_create(2) give.
    public init(root: consuming Descriptor, options: NodeTableOptions) throws(Errno) {
        let status = try Lower.status(of: root.number)
        guard status.mode & 0o170000 == 0o040000 else { throw .enotdir }
        arena = try Arena(nodes: options.capacity)
        nodes = try Pool(arena, .nodes, link: MemoryLayout<NodeRecord>.offset(of: \.inode).unsafelyUnwrapped)
        store = try Store(arena)
        mounts = try MountTable(arena, root: root.number, status, fileHandles: options.fileHandles)
        cache = try DescriptorCache(limit: options.descriptorLimit)
        shards = try PrivateMemory.map(NodeTable.shardCount, of: Guarded<SlotIndex>.self)
        nameLocks = try PrivateMemory.map(NodeTable.shardCount, of: Guarded<Void>.self)
        rootDescriptor = root.take()
        for number in 0..<NodeTable.shardCount {
            (shards + number).initializeLock(SlotIndex())
            (nameLocks + number).initializeLock(())
        }
        try adoptRoot(status)
    }

    /// Closes what is open. No reference may be left.
    deinit {
        nodes.forEachBlock { slot in
            let descriptor = record(slot).use.current.descriptor
            if descriptor >= 0 { _ = linux_close(descriptor) }
        }
        for number in 0..<NodeTable.shardCount { shards[number].state.removeAll() }
        PrivateMemory.unmap(shards, NodeTable.shardCount)
        PrivateMemory.unmap(nameLocks, NodeTable.shardCount)
    }

    /// The root has slot 1 and generation 0, and no reference: its descriptor is never closed.
    private func adoptRoot(_ status: borrowing linux_statx) throws(Errno) {
        let unused = record(try nodes.allocate())
        unused.empty()
        let root = record(try nodes.allocate())
        let identity = Identity(mount: 0, status)
        root.fill(identity, generation: 0, lookups: 1, PreparedReference())
        root.use.publish(descriptor: rootDescriptor, holds: 0, Use.pinned | Use.directory)
        let (shard, tag) = place(identity.mount, identity.inode)
        try shard.pointee.state.reserve()
        shard.pointee.state.insert(tag, NodeID.root.slot)
    }

    /// Nodes in the table besides the root; those that are forgotten but still borrowed count.
    public var count: Int { nodes.count - 2 }

    /// Descriptors open for nodes besides the root's: cached, pinned, or about to go.
    public var openDescriptors: Int { cache.openCount }

    /// Memory that nodes and open files occupy, in bytes: the arena and the indexes.
    public var memoryInUse: Int {
        var bytes = arena.residentBytes
        for number in 0..<NodeTable.shardCount {
            let shard = shards + number
            shard.lock()
            bytes += shard.pointee.state.bytes
            shard.unlock()
        }
        return bytes
    }

    /// Closes every cached descriptor that is neither pinned nor in use: for when the daemon meets EMFILE. Returns how many.
    public func shedDescriptors() -> Int { cache.shed(.max, nodes) }

    /// Small number of the device that `status` is of, 0 for the root's: inode numbers are unique within one device only. A device
    /// keeps its number; beyond 65,535 devices the last number is shared.
    public func deviceIndex(of status: borrowing linux_statx) -> UInt16 { mounts.deviceIndex(of: status) }

    /// Forgets `count` lookups of a node, or as many as it has: FORGET. Unknown ids and the root are ignored.
    ///
    /// - Returns: whether that was the end of the node.
    @discardableResult
    public func forget(_ id: NodeID, _ count: UInt64) -> Bool {
        var next = drop(id, count)
        // The last node that remembered its name in a directory lets go of that directory, and so on upwards.
        while let parent = next { next = drop(parent, 1) }
        return id != .root && !isLive(id)
    }

    /// Drops lookups of one node; returns the directory that must be forgotten once in consequence.
    private func drop(_ id: NodeID, _ count: UInt64) -> NodeID? {
        guard id != .root, hold(id) != nil else { return nil }
        let record = record(id.slot)
        let (shard, tag) = place(record[\.mount], record[\.inode])
        shard.lock()
        if record.dropLookups(count), record.use.end() { shard.pointee.state.remove(tag, id.slot) }
        shard.unlock()
        return endHold(id.slot)
    }

    // MARK: Records

    @inline(__always)
    func record(_ slot: UInt32) -> NodePointer { nodes.address(slot).assumingMemoryBound(to: NodeRecord.self) }

    func id(_ slot: UInt32) -> NodeID { NodeID(slot: slot, generation: record(slot)[\.generation]) }

    /// Where a (mount, inode number) is indexed: the shard, whose lock guards it, and the tag in its index.
    @inline(__always)
    func place(_ mount: UInt16, _ inode: UInt64) -> (shard: Shard, tag: UInt32) {
        let product = (inode ^ seed ^ UInt64(mount) &* 0x9e37_79b9_7f4a_7c15)
            .multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
        let hash = product.high ^ product.low
        return (shards + Int(hash >> 32) & (NodeTable.shardCount - 1), UInt32(truncatingIfNeeded: hash))
    }

    /// The slot hashed under (mount, inode number), 0 if there is none. Under the lock of the shard.
    @inline(__always)
    func search(_ shard: Shard, _ tag: UInt32, _ mount: UInt16, _ inode: UInt64) -> UInt32 {
        var position = shard.pointee.state.start(tag)
        while true {
            let slot = shard.pointee.state.next(tag, &position)
            if slot == 0 { return 0 }
            let record = record(slot)
            if record[\.inode] == inode, record[\.mount] == mount { return slot }
        }
    }

    /// Holds the record of a live node, for which any number may be given; nil if there is none.
    @inline(__always)
    func hold(_ id: NodeID, _ flags: UInt64 = 0) -> Use? {
        guard nodes.contains(id.slot) else { return nil }
        let record = record(id.slot)
        guard record.loadGeneration() == id.generation, let use = record.use.hold(flags) else { return nil }
        // The slot may have changed hands between the two looks; from now on it cannot.
        if record.loadGeneration() == id.generation { return use }
        release(id.slot)
        return nil
    }

    /// Ends a hold, and the record if it was the last of a node that does not live any more.
    @inline(__always)
    func release(_ slot: UInt32) {
        if let parent = endHold(slot) { forget(parent, 1) }
    }

    /// Ends a hold; returns a directory that must be forgotten once in consequence.
    @inline(__always)
    private func endHold(_ slot: UInt32) -> NodeID? {
        let (descriptor, last) = record(slot).use.release()
        if descriptor < 0, !last { return nil }
        return discard(slot, descriptor, last)
    }

    @inline(never)
    private func discard(_ slot: UInt32, _ descriptor: Int32, _ last: Bool) -> NodeID? {
        if descriptor >= 0 {
            if last { cache.remove(slot) }
            cache.close(descriptor)
        }
        guard last else { return nil }
        let record = record(slot)
        let parent = freeReference(record[\.form], record[\.reference])
        let mount = record[\.mount]
        if record.use.current.rawValue & Use.tracked != 0 { observer?.nodeEnds(id(slot), lowerInode(slot)) }
        record.empty()
        nodes.free(slot)
        mounts.leave(mount)
        return parent
    }

    /// Frees what a reference has in the store; returns a directory that must be forgotten once in consequence.
    func freeReference(_ form: ReferenceForm, _ words: (UInt64, UInt64, UInt64)) -> NodeID? {
        if form == .name {
            let name = StoredName(words: words)
            store.free(name)
            return name.parent
        }
        if form == .storedHandle { store.free(StoredHandle(words: words)) }
        return nil
    }

    /// The lock of the remembered name of the node in `slot`.
    func nameLock(_ slot: UInt32) -> UnsafeMutablePointer<Guarded<Void>> {
        nameLocks + Int(slot) & (NodeTable.shardCount - 1)
    }
}
