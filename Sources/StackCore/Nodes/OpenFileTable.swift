import CLinux
import Synchronization
import SystemCalls

/// An open file in the arena.
struct OpenFileRecord {
    /// The ``Use`` word; only through ``UseWord``.
    var use: UInt64
    /// The node that was opened. In a free record the first two bytes are the pool's.
    var node: UInt64
    /// The upper half of the file handle. Read atomically by whoever does not hold the record.
    var generation: UInt32
    /// The flags of the OPEN, and what fcntl(2) has changed of them; atomic.
    var flags: UInt32
    /// Where the next READDIR of a directory goes on; atomic.
    var position: Int64
    /// What was opened, as the inserter counts it.
    var kind: UInt32
    /// The id of the kernel's passthrough backing, 0 if there is none; atomic.
    var backing: Int32
    var unused: (UInt64, UInt64, UInt64)
}

/// The files that the kernel holds open, by the handle (fh) it was given.
///
/// Records lie in the ``Arena`` of a ``NodeTable``. A handle is the record's index with a generation above it, never 0, and a stale one is
/// recognised. One lock, that of the pool, for inserting and freeing; borrowing takes none.
public final class OpenFileTable: @unchecked Sendable {
    private let arena: Arena
    private let files: Pool

    /// An empty table in the arena of `nodes`. An arena has room for one.
    /// - Throws: `.enomem`.
    public init(_ nodes: NodeTable) throws(Errno) {
        arena = nodes.arena
        files = try Pool(arena, .openFiles, link: MemoryLayout<OpenFileRecord>.offset(of: \.node).unsafelyUnwrapped)
    }

    /// Closes what is open. No reference may be left.
    deinit {
        files.forEachBlock { index in
            let descriptor = use(index).current.descriptor
            if descriptor >= 0 { _ = linux_close(descriptor) }
        }
    }

    /// Open files, those included that are removed but still borrowed.
    public var count: Int { files.count }

    /// Takes an open file in and gives its handle.
    /// - Parameters:
    ///   - descriptor: of the lower file; the table's from now on, closed also on failure.
    ///   - flags: of the OPEN, kept for the caller.
    ///   - kind: kept for the caller.
    /// - Throws: `.enomem`, `.enfile`.
    public func insert(
        descriptor: consuming Descriptor, node: NodeID, flags: UInt32, kind: UInt32 = 0
    ) throws(Errno) -> UInt64 {
        let handle = try insert(number: descriptor.number, node: node, flags: flags, kind: kind)
        _ = descriptor.take()
        return handle
    }

    private func insert(number: Int32, node: NodeID, flags: UInt32, kind: UInt32) throws(Errno) -> UInt64 {
        let index = try files.allocate()
        let record = record(index)
        let generation = arena.nextGeneration()
        record[\.node] = node.rawValue
        record[\.flags] = flags
        record[\.kind] = kind
        record.atomic(\.position).pointee.store(0, ordering: .relaxed)
        record.atomic(\.backing).pointee.store(0, ordering: .relaxed)
        record.atomic(\.generation).pointee.store(generation, ordering: .relaxed)
        use(index).publish(descriptor: number, holds: 0)
        return UInt64(generation) << 32 | UInt64(index)
    }

    /// Takes in a file whose lower file is to be opened when it is first needed: ``OpenFileReference/install(_:)``.
    /// - Throws: `.enomem`, `.enfile`.
    public func insertUnopened(node: NodeID, flags: UInt32) throws(Errno) -> UInt64 {
        try insert(number: -1, node: node, flags: flags, kind: 0)
    }

    /// An open file for the length of one operation; removing it meanwhile takes effect at the end.
    /// - Throws: `.ebadf` for unknown and stale handles.
    public func borrow(_ fh: UInt64) throws(Errno) -> OpenFileReference {
        let index = UInt32(truncatingIfNeeded: fh)
        guard let use = hold(index, UInt32(truncatingIfNeeded: fh >> 32)) else { throw .ebadf }
        return OpenFileReference(self, index, record(index), use.descriptor)
    }

    /// Closes an open file: RELEASE. Unknown and stale handles are ignored.
    public func remove(_ fh: UInt64) {
        let index = UInt32(truncatingIfNeeded: fh)
        guard hold(index, UInt32(truncatingIfNeeded: fh >> 32)) != nil else { return }
        _ = use(index).end()
        release(index)
    }

    /// Whether anybody has a node open for writing. Looks at every open file: for rare questions only.
    public func isOpenForWriting(_ node: NodeID) -> Bool {
        var found = false
        files.forEachBlock { index in
            guard !found, use(index).hold() != nil else { return }
            let record = record(index)
            found = record[\.node] == node.rawValue && record[\.flags] & 3 != 0
            release(index)
        }
        return found
    }

    private func hold(_ index: UInt32, _ generation: UInt32) -> Use? {
        guard generation != 0, files.contains(index) else { return nil }
        let field = record(index).atomic(\.generation)
        guard field.pointee.load(ordering: .relaxed) == generation, let use = use(index).hold() else { return nil }
        // The record may have changed hands between the two looks; from now on it cannot.
        if field.pointee.load(ordering: .relaxed) == generation { return use }
        release(index)
        return nil
    }

    fileprivate func release(_ index: UInt32) {
        let (descriptor, last) = use(index).release()
        if descriptor >= 0 { _ = linux_close(descriptor) }
        guard last else { return }
        record(index).atomic(\.generation).pointee.store(0, ordering: .relaxed)
        use(index).clear()
        files.free(index)
    }

    private func record(_ index: UInt32) -> UnsafeMutablePointer<OpenFileRecord> {
        files.address(index).assumingMemoryBound(to: OpenFileRecord.self)
    }

    private func use(_ index: UInt32) -> UseWord { UseWord(files.address(index)) }
}

/// An open file for the length of one operation: its descriptor is not closed meanwhile. The table must outlive it.
public struct OpenFileReference: ~Copyable, @unchecked Sendable {
    /// Of the lower file, -1 if that was not opened yet.
    public let descriptor: Int32
    private let index: UInt32
    private let record: UnsafeMutablePointer<OpenFileRecord>
    private let table: Unmanaged<OpenFileTable>

    fileprivate init(
        _ table: OpenFileTable, _ index: UInt32, _ record: UnsafeMutablePointer<OpenFileRecord>, _ descriptor: Int32
    ) {
        self.descriptor = descriptor
        self.index = index
        self.record = record
        self.table = Unmanaged.passUnretained(table)
    }

    deinit { table._withUnsafeGuaranteedRef { $0.release(index) } }

    /// Ends the reference before its scope does.
    public consuming func end() {}

    /// Gives a file that was not opened yet its lower file, unless another thread has. Returns the descriptor that it has then.
    public func install(_ descriptor: consuming Descriptor) -> Int32 {
        let use = UseWord(UnsafeMutableRawPointer(record))
        let number = descriptor.number
        if use.install(number, 0) {
            _ = descriptor.take()
            return number
        }
        return use.current.descriptor
    }

    /// The node that was opened.
    public var node: NodeID { NodeID(rawValue: record[\.node]) }

    /// The flags it was inserted with, as they are now.
    public var flags: UInt32 {
        get { record[\.flags] }
        nonmutating set { record[\.flags] = newValue }
    }

    /// The kind it was inserted with.
    public var kind: UInt32 { record[\.kind] }

    /// Where the next READDIR of a directory goes on, in the lower file system's own offsets; 0 at first.
    public var position: Int64 {
        get { record.atomic(\.position).pointee.load(ordering: .relaxed) }
        nonmutating set { record.atomic(\.position).pointee.store(newValue, ordering: .relaxed) }
    }

    /// The id of the kernel's passthrough backing (FUSE_DEV_IOC_BACKING_OPEN), 0 at first.
    public var backing: Int32 {
        get { record.atomic(\.backing).pointee.load(ordering: .relaxed) }
        nonmutating set { record.atomic(\.backing).pointee.store(newValue, ordering: .relaxed) }
    }
}
