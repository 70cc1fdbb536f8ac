import CLinux
import Synchronization

/// A node in the arena: one cache line. Everything but ``use``, ``lookups`` and, for names, ``reference`` stays as it is from
/// the moment the record is published until it is freed.
struct NodeRecord {
    /// The ``Use`` word; only through ``UseWord``.
    var use: UInt64
    /// The lower inode number. In a free record the first two bytes are the pool's.
    var inode: UInt64
    /// The birth time in nanoseconds since 1970, modulo 2^64; 0 if unknown.
    var birth: UInt64
    /// How many lookups the kernel holds, and one more for every node that remembers its name in this directory. Under the
    /// lock of the node's shard.
    var lookups: UInt64
    /// The upper half of the node's id. Read atomically by whoever does not hold the record.
    var generation: UInt32
    /// The number of the lower mount in the arena's table of mounts.
    var mount: UInt16
    /// What ``reference`` is.
    var form: ReferenceForm
    /// The type of an inline file handle.
    var handleType: UInt8
    /// An inline file handle, padded with zeros, or what ``form`` says.
    var reference: (UInt64, UInt64, UInt64)
}

/// How a node is opened again once its descriptor is closed.
struct ReferenceForm: RawRepresentable, Equatable {
    var rawValue: UInt8

    /// Not at all: its descriptor is pinned.
    static let none = ReferenceForm(rawValue: 0xfd)
    /// By a file handle in the store, ``StoredHandle``.
    static let storedHandle = ReferenceForm(rawValue: 0xfe)
    /// By directory and name, ``StoredName``.
    static let name = ReferenceForm(rawValue: 0xff)
    /// The longest handle that lies in the record.
    static let longestInline = 24

    /// By the handle in the record, of the given length up to ``longestInline``.
    static func inlineHandle(_ length: Int) -> ReferenceForm { ReferenceForm(rawValue: UInt8(length)) }

    /// The length of the handle in the record, nil for the other forms.
    var inlineLength: Int? { Int(rawValue) <= ReferenceForm.longestInline ? Int(rawValue) : nil }
}

/// What makes two looks at the lower tree the same inode, as far as attributes tell.
struct Identity {
    var mount: UInt16
    var inode: UInt64
    var birth: UInt64
    var isDirectory: Bool

    init(mount: UInt16, _ status: borrowing linux_statx) {
        self.mount = mount
        isDirectory = status.isDirectory
        inode = status.ino
        birth = Identity.birth(status)
    }

    static func birth(_ status: borrowing linux_statx) -> UInt64 {
        guard status.mask & LINUX_STATX_BTIME != 0 else { return 0 }
        return UInt64(bitPattern: status.btime.sec) &* 1_000_000_000 &+ UInt64(status.btime.nsec)
    }

    /// False if the birth times are known and differ: the inode number was given to another file.
    func mayBe(born other: UInt64) -> Bool { birth == other || birth == 0 || other == 0 }
}

typealias NodePointer = UnsafeMutablePointer<NodeRecord>

/// The changes of a record: there are no others. (A log of intentions for a successor goes here.)
extension UnsafeMutablePointer<NodeRecord> {
    /// The record's ``Use`` word.
    var use: UseWord { UseWord(UnsafeMutableRawPointer(self)) }

    /// The generation of a record that may be anything by now.
    @inline(__always)
    func loadGeneration() -> UInt32 { atomic(\.generation).pointee.load(ordering: .relaxed) }

    private func setGeneration(_ generation: UInt32) {
        atomic(\.generation).pointee.store(generation, ordering: .relaxed)
    }

    /// Fills a free record; it is published by ``UseWord/publish(descriptor:holds:_:)`` right after.
    func fill(_ identity: Identity, generation: UInt32, lookups: UInt64, _ reference: borrowing PreparedReference) {
        self[\.inode] = identity.inode
        self[\.birth] = identity.birth
        self[\.lookups] = lookups
        self[\.mount] = identity.mount
        self[\.form] = reference.form
        self[\.handleType] = reference.handleType
        self[\.reference] = reference.words
        setGeneration(generation)
    }

    /// One lookup more, or one name more that is remembered in this directory.
    func addLookup() {
        let sum = self[\.lookups].addingReportingOverflow(1)
        self[\.lookups] = sum.overflow ? .max : sum.partialValue
    }

    /// Takes `count` lookups away, or as many as there are; true if none are left.
    func dropLookups(_ count: UInt64) -> Bool {
        let left = self[\.lookups] - Swift.min(count, self[\.lookups])
        self[\.lookups] = left
        return left == 0
    }

    /// Replaces the remembered name and returns the old one. Under the lock of the slot's name.
    func setName(_ name: StoredName) -> StoredName {
        let old = StoredName(words: self[\.reference])
        self[\.reference] = name.words
        return old
    }

    /// Empties a record that nobody holds any more; after this its slot may be given back.
    func empty() {
        setGeneration(0)
        use.clear()
    }
}

/// A reference that is ready to go into a record.
struct PreparedReference {
    var form = ReferenceForm.none
    var handleType: UInt8 = 0
    var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
}
