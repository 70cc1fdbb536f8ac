import SystemCalls

/// A tree of its own that a mount shows in place of what the lower directory has there.
///
/// Nodes are numbers below 2^56 that the overlay gives out; an overlay knows neither FUSE nor the mirror. Every operation may be called
/// from several threads at once. Permissions by mode have been checked by the kernel.
public protocol Overlay: AnyObject, Sendable {
    /// The directory that stands at the place.
    var root: UInt64 { get }

    /// - Throws: ENOENT, ENOTDIR.
    func lookUp(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(Errno) -> OverlayAttributes
    func parent(of node: UInt64) throws(Errno) -> UInt64
    func attributes(of node: UInt64) throws(Errno) -> OverlayAttributes
    func setAttributes(of node: UInt64, _ change: OverlayAttributeChange) throws(Errno) -> OverlayAttributes
    /// The entries from `offset` on, 0 at first, without "." and "..". `body` gets the name, the node, its type as in st_mode and the
    /// offset of what follows, and returns whether it wants that one; it must not call the overlay.
    func entries(
        of directory: UInt64, from offset: UInt64, _ body: (UnsafeRawBufferPointer, UInt64, UInt32, UInt64) -> Bool)
        throws(Errno)
    func readLink(_ node: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int

    /// A handle, which is used until ``release(_:)``; `flags` as those of open(2).
    func open(_ node: UInt64, flags: Int32, _ caller: OverlayCaller) throws(Errno) -> UInt64
    func read(_ handle: UInt64, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int
    func write(_ handle: UInt64, _ bytes: UnsafeRawBufferPointer, _ caller: OverlayCaller) throws(Errno) -> Int
    /// poll(2)'s bits, as they are now.
    func poll(_ handle: UInt64) throws(Errno) -> UInt32
    func release(_ handle: UInt64)

    func makeDirectory(_ name: UnsafeRawBufferPointer, in parent: UInt64, mode: UInt32, _ caller: OverlayCaller)
        throws(Errno) -> OverlayAttributes
    func removeDirectory(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(Errno)
    /// `flags` as those of renameat2(2).
    func rename(
        _ name: UnsafeRawBufferPointer, in parent: UInt64, to newName: UnsafeRawBufferPointer, in newParent: UInt64,
        flags: UInt32) throws(Errno)
    /// By which error it refuses what no overlay does.
    func refusal(of what: OverlayRefused) -> Errno

    func attribute(_ name: UnsafeRawBufferPointer, of node: UInt64) throws(Errno) -> [UInt8]
    /// `flags` as those of setxattr(2).
    func setAttribute(_ name: UnsafeRawBufferPointer, of node: UInt64, to value: UnsafeRawBufferPointer, flags: UInt32)
        throws(Errno)
    func removeAttribute(_ name: UnsafeRawBufferPointer, of node: UInt64) throws(Errno)
    /// The names, each ended by a zero byte.
    func attributeNames(of node: UInt64) throws(Errno) -> [UInt8]

    /// Whether other files may come to be, or cease, when this one is written to.
    func changesNames(_ node: UInt64) -> Bool
    /// Whether changes of a node's content are told at all (``onChange(_:)``).
    func tellsChanges(of node: UInt64) -> Bool
    /// Calls `call` with each node whose content has changed in a way that poll(2) tells. It must not wait for an operation.
    func onChange(_ call: @escaping @Sendable (UInt64) -> Void)
}

/// Who calls: a thread, 0 where it is unknown, with its fsuid and fsgid.
public struct OverlayCaller: Sendable {
    public var thread: Int32
    public var uid: UInt32
    public var gid: UInt32

    public init(thread: Int32, uid: UInt32, gid: UInt32) {
        self.thread = thread
        self.uid = uid
        self.gid = gid
    }
}

/// What stat(2) tells of a node. Times are in nanoseconds since 1970.
public struct OverlayAttributes: Sendable {
    public var node: UInt64
    /// With the type's bits, as st_mode.
    public var mode: UInt32
    public var links: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public var size: UInt64
    public var accessed: Int64
    public var modified: Int64
    public var changed: Int64

    public init(
        node: UInt64, mode: UInt32, links: UInt32, uid: UInt32, gid: UInt32, size: UInt64, accessed: Int64,
        modified: Int64, changed: Int64
    ) {
        self.node = node
        self.mode = mode
        self.links = links
        self.uid = uid
        self.gid = gid
        self.size = size
        self.accessed = accessed
        self.modified = modified
        self.changed = changed
    }
}

/// What a chmod, chown or utimensat changes; nil stays.
public struct OverlayAttributeChange: Sendable {
    public var mode: UInt32?
    public var uid: UInt32?
    public var gid: UInt32?
    public var accessed: Int64?
    public var modified: Int64?

    public init() {}
}

/// Operations that no overlay has.
public enum OverlayRefused: Sendable { case create, makeNode, symlink, link, unlink }
