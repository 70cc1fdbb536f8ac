import CLinux
import Glibc
import SystemCalls

/// A node's descriptor for the length of one operation. As long as it exists the descriptor is neither closed nor evicted, and
/// the node's record stays, even if the kernel forgets the node. The table must outlive it.
public struct NodeReference: ~Copyable, @unchecked Sendable {
    public let id: NodeID
    /// O_PATH (the root's: as it was given); of a directory, good for the *at calls.
    public let descriptor: Int32
    /// ``Use/tracked`` and ``Use/watched`` as they were when it was borrowed.
    let marks: UInt64
    private let table: Unmanaged<NodeTable>

    fileprivate init(_ id: NodeID, _ descriptor: Int32, _ use: Use, _ table: NodeTable) {
        self.id = id
        self.descriptor = descriptor
        marks = use.rawValue
        self.table = Unmanaged.passUnretained(table)
    }

    @inline(__always)
    deinit { table._withUnsafeGuaranteedRef { $0.release(id.slot) } }
}

/// From a node to its lower inode.
extension NodeTable {
    /// A descriptor on the node, opened if it is not.
    ///
    /// Call it with the daemon's own credentials: a thread whose file system user is a caller's has no CAP_DAC_READ_SEARCH, and
    /// open_by_handle_at(2) answers EPERM.
    /// - Throws: `.estale` for an unknown id, or if the inode is gone; `.emfile`, `.enfile`, and what open(2) gives.
    public func borrow(_ id: NodeID) throws(Errno) -> NodeReference {
        guard let use = hold(id, Use.hot) else { throw .estale }
        if use.descriptor >= 0 { return NodeReference(id, use.descriptor, use, self) }
        return NodeReference(id, try openHeld(id), use, self)
    }

    /// Keeps the node's descriptor open until the node is forgotten: neither handle nor name leads to an unlinked inode. Unknown
    /// ids are ignored.
    /// - Parameter descriptor: an O_PATH descriptor on the node, taken if the node has none; nil: opened from what is known, if possible.
    public func pin(_ id: NodeID, _ descriptor: consuming Descriptor?) {
        guard id != .root, hold(id) != nil else { return }
        let use = record(id.slot).use
        if !use.pin() {
            if let descriptor {
                give(descriptor.take(), to: id.slot, Use.pinned)
            } else {
                do throws(Errno) {
                    // A failure ends the hold.
                    _ = try openHeld(id)
                } catch {
                    return
                }
            }
            _ = use.pin()
        }
        cache.remove(id.slot)
        release(id.slot)
    }

    /// Remembers that a node without file handle is now `name` in `parent`: after RENAME, and when a remembered name was removed and
    /// another one is known. Nothing happens for other nodes and unknown ids.
    public func moved(_ id: NodeID, to parent: NodeID, name: UnsafePointer<CChar>) {
        guard hold(id) != nil else { return }
        if record(id.slot)[\.form] == .name { remember(id.slot, parent, name) }
        release(id.slot)
    }

    /// Replaces the remembered name of a node that has one and is held, if it is another. Without memory the old one stays, and leads
    /// nowhere.
    func remember(_ slot: UInt32, _ parent: NodeID, _ name: UnsafePointer<CChar>) {
        let lock = nameLock(slot)
        let record = record(slot)
        var current = RememberedName()
        _ = readName(slot, &current)
        guard current.parent != parent || !current.equals(name), !isDots(name), parent.slot != slot, retain(parent)
        else { return }
        do throws(Errno) {
            let new = try store.store(name, in: parent)
            lock.lock()
            let old = record.setName(new)
            lock.unlock()
            if let former = freeReference(.name, old.words) { forget(former, 1) }
        } catch {
            forget(parent, 1)
        }
    }

    /// Gives a held record a descriptor, or closes it if the record has one. Returns the one that it has then.
    @discardableResult
    func give(_ descriptor: Int32, to slot: UInt32, _ flags: UInt64 = 0) -> Int32 {
        let use = record(slot).use
        if use.install(descriptor, flags) {
            cache.opened()
            if flags & Use.pinned == 0 { cache.insert(slot, nodes) }
            return descriptor
        }
        _ = linux_close(descriptor)
        if flags & Use.pinned != 0 { _ = use.pin() }
        return use.current.descriptor
    }

    // MARK: Opening again

    /// Opens the descriptor of a held record that has none, and gives it to it. A failure ends the hold.
    @inline(never)
    private func openHeld(_ id: NodeID) throws(Errno) -> Int32 {
        do throws(Errno) {
            return give(try openLower(id).take(), to: id.slot)
        } catch {
            release(id.slot)
            throw error
        }
    }

    /// Opens the inode of a held node; short of descriptors, cached ones are closed: some, then all.
    private func openLower(_ id: NodeID) throws(Errno) -> Descriptor {
        var attempt = 0
        while true {
            do throws(Errno) {
                return record(id.slot)[\.form] == .name ? try openByName(id) : try openByHandle(id.slot)
            } catch {
                guard error == .emfile || error == .enfile, attempt < 2 else { throw error }
                if cache.shed(attempt == 0 ? 16 : .max, nodes) == 0, attempt == 1 { throw error }
                attempt += 1
            }
        }
    }

    private func openByHandle(_ slot: UInt32) throws(Errno) -> Descriptor {
        let record = record(slot)
        var handle = linux_file_handle()
        if let length = record[\.form].inlineLength {
            handle.bytes = UInt32(length)
            handle.type = Int32(record[\.handleType])
            (handle.data.0, handle.data.1, handle.data.2) = record[\.reference]
        } else if record[\.form] == .storedHandle {
            store.load(StoredHandle(words: record[\.reference]), &handle)
        } else {
            throw .estale
        }
        do throws(Errno) {
            return try LowerReference.open(&handle, mount: mounts.handleDescriptor(record[\.mount]))
        } catch {
            if error == .estale { unhash(slot) }
            throw error
        }
    }

    /// Opens a held node by its name in its directory, and the directory before that if need be, up to one that is open.
    ///
    /// A loop instead of recursion, as trees may be deeper than the stack: each round opens the highest directory on the way that is not
    /// open, beginning at one that is, and holds it for the next.
    private func openByName(_ id: NodeID) throws(Errno) -> Descriptor {
        var anchor: (id: NodeID, descriptor: Int32)?
        defer { if let anchor { release(anchor.id.slot) } }
        var name = RememberedName()
        // A tree that changes at the same time may lead astray, but not for ever.
        var steps = 1 << 26
        while true {
            var current = id
            guard hold(id) != nil else { throw .estale }
            while true {
                guard readName(current.slot, &name) else {
                    release(current.slot)
                    throw .estale
                }
                if let anchor, anchor.id == name.parent { break }
                let above = openWithoutName(name.parent)
                if above >= 0 {
                    if let anchor { release(anchor.id.slot) }
                    anchor = (name.parent, above)
                    break
                }
                steps -= 1
                guard steps > 0, hold(name.parent) != nil else {
                    release(current.slot)
                    throw .estale
                }
                release(current.slot)
                current = name.parent
            }
            defer { release(current.slot) }
            guard let directory = anchor else { throw .estale }
            let descriptor = try open(name, in: directory.descriptor, of: record(current.slot))
            if current == id { return descriptor }
            guard hold(current) != nil else { throw .estale }
            release(directory.id.slot)
            anchor = (current, give(descriptor.take(), to: current.slot))
        }
    }

    /// Holds a node and gives its descriptor, if that needs no name: it is open, or has a file handle. -1, and no hold, otherwise.
    private func openWithoutName(_ id: NodeID) -> Int32 {
        guard let use = hold(id, Use.hot) else { return -1 }
        if use.descriptor >= 0 { return use.descriptor }
        if record(id.slot)[\.form] == .name {
            release(id.slot)
            return -1
        }
        do throws(Errno) {
            return try openHeld(id)
        } catch {
            return -1
        }
    }

    /// Opens a name and makes sure that it is the inode of `record`.
    private func open(
        _ name: borrowing RememberedName, in directory: Int32, of record: NodePointer
    ) throws(Errno) -> Descriptor {
        let descriptor = try name.open(in: directory)
        let status = try Lower.status(of: descriptor.number)
        guard mounts.isMount(record[\.mount], status), status.ino == record[\.inode],
            Identity(mount: record[\.mount], status).mayBe(born: record[\.birth])
        else { throw .estale }
        return descriptor
    }

    /// Copies the remembered name of a held node; false if it has none.
    private func readName(_ slot: UInt32, _ name: inout RememberedName) -> Bool {
        guard record(slot)[\.form] == .name else { return false }
        let lock = nameLock(slot)
        lock.lock()
        defer { lock.unlock() }
        name.fill(StoredName(words: record(slot)[\.reference]), store)
        return true
    }
}

/// A copy of a remembered name on the stack, so that no lock is held during the system call.
private struct RememberedName: ~Copyable {
    private(set) var parent = NodeID.root
    private var bytes = InlineArray<256, CChar>(repeating: 0)

    mutating func fill(_ name: StoredName, _ store: Store) {
        parent = name.parent
        withUnsafeMutableBytes(of: &bytes) { bytes in
            store.load(name, bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self))
        }
    }

    borrowing func equals(_ name: UnsafePointer<CChar>) -> Bool {
        withUnsafePointer(to: bytes) { strcmp(UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self), name) == 0 }
    }

    /// A name that is no longer there is as stale as an inode that is gone.
    borrowing func open(in directory: Int32) throws(Errno) -> Descriptor {
        do throws(Errno) {
            return try withUnsafePointer(to: bytes) { bytes throws(Errno) in
                try LowerReference.open(UnsafeRawPointer(bytes).assumingMemoryBound(to: CChar.self), in: directory)
            }
        } catch {
            throw error == .enoent || error == .enotdir ? .estale : error
        }
    }
}
