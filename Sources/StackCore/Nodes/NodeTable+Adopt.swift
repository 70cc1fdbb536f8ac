import CLinux
import SystemCalls

/// From a lower inode to its node.
extension NodeTable {
    /// The node of an inode that the kernel is to be told of, with one more lookup; nil if it is not known.
    ///
    /// Identity is (mount, inode number, birth time). A `status` without birth time or mount id (STATX_BTIME, STATX_MNT_ID)
    /// does not tell enough: nil, and ``adopt(_:_:parent:name:)`` decides.
    ///
    /// An inode number that was given away and taken again outside of the mount within one tick of the lower file
    /// system's clock is not seen here; the stale reference is found out when it is used, and the node unhashed.
    public func known(_ status: borrowing linux_statx) -> NodeID? {
        let needed = LINUX_STATX_BTIME | LINUX_STATX_MNT_ID
        guard status.mask & needed == needed, let mount = mounts.find(status) else { return nil }
        let (shard, tag) = place(mount, status.ino)
        shard.lock()
        defer { shard.unlock() }
        let slot = search(shard, tag, mount, status.ino)
        guard slot != 0, record(slot)[\.birth] == Identity.birth(status), mounts.isMount(mount, status) else {
            return nil
        }
        record(slot).addLookup()
        return id(slot)
    }

    /// The node of (mount, inode number) without a lookup: the victim of an UNLINK, RMDIR or RENAME. Nil if it is not known.
    public func find(_ status: borrowing linux_statx) -> NodeID? {
        guard let mount = mounts.find(status) else { return nil }
        let identity = Identity(mount: mount, status)
        let (shard, tag) = place(mount, identity.inode)
        shard.lock()
        defer { shard.unlock() }
        let slot = search(shard, tag, mount, identity.inode)
        guard slot != 0, identity.mayBe(born: record(slot)[\.birth]), mounts.isMount(mount, status) else {
            return nil
        }
        return id(slot)
    }

    /// The node of the inode behind an O_PATH descriptor, made if there is none, with one more lookup.
    ///
    /// Where there are file handles, they decide whether it is the same inode: an inode number used again makes a new node, and
    /// the old one stays valid, unhashed, until it is forgotten. `parent` and `name` are remembered only for nodes without file handle,
    /// which are opened by them again; the directory is then kept from being forgotten. With "." or ".." as name such a node, if it
    /// is new, keeps its descriptor instead.
    ///
    /// - Parameters:
    ///   - descriptor: becomes the node's, unless it has one.
    ///   - status: of that descriptor, statx(2).
    /// - Throws: `.enomem`, `.enfile` when the table is full.
    public func adopt(
        _ descriptor: consuming Descriptor, _ status: borrowing linux_statx, parent: NodeID,
        name: UnsafePointer<CChar>
    ) throws(Errno) -> NodeID {
        let identity = Identity(mount: try mounts.enter(status, descriptor.number), status)
        var handle = linux_file_handle()
        if mounts.handleDescriptor(identity.mount) >= 0 {
            do throws(Errno) {
                try LowerReference.handle(of: descriptor.number, &handle)
            } catch {
                // This inode has none; there are such on file systems that have them.
                handle.bytes = 0
            }
        }
        var slot = handle.bytes == 0 ? join(identity, handle) : 0
        let joined = slot != 0
        if !joined {
            var reference = PreparedReference()
            do throws(Errno) {
                reference = try prepare(handle, parent, name)
                slot = try joinOrMake(identity, handle, reference)
            } catch {
                discard(reference)
                mounts.leave(identity.mount)
                throw error
            }
        } else {
            mounts.leave(identity.mount)
        }
        let record = record(slot)
        give(descriptor.take(), to: slot, record[\.form] == .none ? Use.pinned : 0)
        if joined, record[\.form] == .name { remember(slot, parent, name) }
        let id = id(slot)
        release(slot)
        return id
    }

    /// The node of an inode that nobody has opened, made if there is none, with one more lookup; nil where only an open inode tells
    /// which one it is.
    ///
    /// - Parameters:
    ///   - handle: what its name led to.
    ///   - mount: the mount that came with the handle.
    ///   - status: what the same name led to afterwards. If the name was given to another inode between the two, the numbers differ; if
    ///     that inode was given the former's number too, the handle is stale from the beginning, and says so when it is used.
    /// - Throws: `.enomem`, `.enfile` when the table is full.
    public func adopt(
        _ handle: linux_file_handle, mount: Int32, _ status: borrowing linux_statx
    ) throws(Errno) -> NodeID? {
        guard LowerReference.inodeNumber(in: handle) == status.ino, status.mask & LINUX_STATX_MNT_ID != 0,
            status.mnt_id == UInt64(bitPattern: Int64(mount)), let number = mounts.enterWithHandles(status)
        else { return nil }
        let identity = Identity(mount: number, status)
        var reference = PreparedReference()
        let slot: UInt32
        do throws(Errno) {
            reference = try prepare(handle, .root, "")
            slot = try joinOrMake(identity, handle, reference)
        } catch {
            discard(reference)
            mounts.leave(number)
            throw error
        }
        let id = id(slot)
        release(slot)
        return id
    }

    /// Adds a lookup and a hold to the node of an identity; 0 if there is none.
    private func join(_ identity: Identity, _ handle: linux_file_handle) -> UInt32 {
        let (shard, tag) = place(identity.mount, identity.inode)
        shard.lock()
        defer { shard.unlock() }
        return joinLocked(shard, tag, identity, handle)
    }

    private func joinLocked(
        _ shard: Shard, _ tag: UInt32, _ identity: Identity, _ handle: linux_file_handle
    ) -> UInt32 {
        let slot = search(shard, tag, identity.mount, identity.inode)
        guard slot != 0, isSame(record(slot), identity, handle), record(slot).use.hold() != nil else { return 0 }
        record(slot).addLookup()
        return slot
    }

    /// Like ``join(_:_:)``, but makes the node if there is none. The reference and the mount's count are used up either way.
    private func joinOrMake(
        _ identity: Identity, _ handle: linux_file_handle, _ reference: PreparedReference
    ) throws(Errno) -> UInt32 {
        let (shard, tag) = place(identity.mount, identity.inode)
        shard.lock()
        var slot = joinLocked(shard, tag, identity, handle)
        if slot != 0 {
            shard.unlock()
            discard(reference)
            mounts.leave(identity.mount)
            return slot
        }
        defer { shard.unlock() }
        try shard.pointee.state.reserve()
        slot = try nodes.allocate()
        let former = search(shard, tag, identity.mount, identity.inode)
        let record = record(slot)
        record.fill(identity, generation: arena.nextGeneration(), lookups: 1, reference)
        let isTracked = observer?.tracksEveryNode ?? false && mounts.isLocal(identity.mount)
        record.use.publish(
            descriptor: -1, holds: 1,
            (isTracked ? Use.tracked | Use.watched : 0) | (identity.isDirectory ? Use.directory : 0))
        if isTracked { observer?.nodeBegins(id(slot), lowerInode(slot)) }
        // The room that was reserved is used before the index may shrink.
        shard.pointee.state.insert(tag, slot)
        if former != 0 { shard.pointee.state.remove(tag, former) }
        return slot
    }

    /// Whether a hashed node of the same mount and inode number is the inode of `identity` and `handle` (0 bytes: none).
    private func isSame(
        _ record: NodePointer, _ identity: Identity, _ handle: linux_file_handle
    ) -> Bool {
        if handle.bytes != 0 {
            if let length = record[\.form].inlineLength {
                return length == Int(handle.bytes) && Int32(record[\.handleType]) == handle.type
                    && record[\.reference] == (handle.data.0, handle.data.1, handle.data.2)
            }
            if record[\.form] == .storedHandle {
                var stored = linux_file_handle()
                store.load(StoredHandle(words: record[\.reference]), &stored)
                return isEqual(stored, handle)
            }
        }
        return identity.mayBe(born: record[\.birth])
    }

    private func isEqual(_ left: linux_file_handle, _ right: linux_file_handle) -> Bool {
        guard left.type == right.type, left.bytes == right.bytes else { return false }
        return withUnsafeBytes(of: left.data) { left in
            withUnsafeBytes(of: right.data) { right in left.elementsEqual(right) }
        }
    }

    /// Makes the reference for a new record: the handle, or parent and name, or none.
    private func prepare(
        _ handle: linux_file_handle, _ parent: NodeID, _ name: UnsafePointer<CChar>
    ) throws(Errno) -> PreparedReference {
        var reference = PreparedReference()
        if handle.bytes == 0 {
            // The directory may have been forgotten while it was borrowed: then nothing is remembered.
            guard !isDots(name), retain(parent) else { return reference }
            do throws(Errno) {
                reference.words = try store.store(name, in: parent).words
            } catch {
                forget(parent, 1)
                throw error
            }
            reference.form = .name
        } else if handle.bytes <= ReferenceForm.longestInline, let type = UInt8(exactly: handle.type) {
            reference.form = .inlineHandle(Int(handle.bytes))
            reference.handleType = type
            reference.words = (handle.data.0, handle.data.1, handle.data.2)
        } else {
            reference.words = try store.store(handle).words
            reference.form = .storedHandle
        }
        return reference
    }

    /// Whether a name leads along the tree instead of down, and so is none to remember: "." or "..".
    func isDots(_ name: UnsafePointer<CChar>) -> Bool {
        let dot = CChar(bitPattern: UInt8(ascii: "."))
        return name[0] == dot && (name[1] == 0 || name[1] == dot && name[2] == 0)
    }

    /// Undoes ``prepare(_:_:_:)``.
    private func discard(_ reference: PreparedReference) {
        if let parent = freeReference(reference.form, reference.words) { forget(parent, 1) }
    }

    /// Adds a lookup to a directory for a node that remembers its name in it; false if the directory does not live.
    func retain(_ id: NodeID) -> Bool {
        if id == .root { return true }
        guard hold(id) != nil else { return false }
        defer { release(id.slot) }
        let record = record(id.slot)
        let (shard, _) = place(record[\.mount], record[\.inode])
        shard.lock()
        defer { shard.unlock() }
        guard record.use.current.isLive else { return false }
        record.addLookup()
        return true
    }

    /// Takes a node out of the index without ending its life: its inode is gone, and the number may be another's.
    func unhash(_ slot: UInt32) {
        let record = record(slot)
        let (shard, tag) = place(record[\.mount], record[\.inode])
        shard.lock()
        shard.pointee.state.remove(tag, slot)
        shard.unlock()
    }
}
