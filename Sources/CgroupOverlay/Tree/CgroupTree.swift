import SystemCalls

/// One tree of control groups as an object: v2's unified hierarchy, or v1's directory of hierarchies.
///
/// Every operation may be called from several threads at once. Names are bytes. Nodes end with their group: then operations
/// on them fail with ENOENT, and on files that are open with ENODEV. Permissions by mode are for the caller of this type to
/// check; the rules on who moves which process are checked here.
public final class CgroupTree: Sendable {
    public let configuration: CgroupConfiguration

    public init(
        _ configuration: CgroupConfiguration, figures: any CgroupFigures, actions: (any CgroupActions)? = nil,
        processes: any ProcessTable
    ) throws(Errno) {
        self.configuration = configuration
    }

    /// The directory that stands for /sys/fs/cgroup.
    public var root: CgroupNode { CgroupNode(rawValue: 0) }

    /// Called without locks when a file's content has changed in a way that poll(2) and inotify(7) tell: cgroup.events,
    /// memory.events and their like. One function; a second one takes its place.
    public func onChange(_ call: @escaping @Sendable (CgroupNode) -> Void) {}

    /// The tables of all files, for the documentation.
    public static var files: [CgroupFile] { [] }

    // Names

    /// - Throws: ENOENT, ENOTDIR.
    public func lookUp(_ name: UnsafeRawBufferPointer, in parent: CgroupNode) throws(Errno) -> CgroupNode {
        throw .enoent
    }
    /// Also of "..": the parent of a directory; the root is its own.
    public func parent(of node: CgroupNode) throws(Errno) -> CgroupNode { throw .enoent }
    public func attributes(of node: CgroupNode) throws(Errno) -> CgroupAttributes { throw .enoent }
    public func setAttributes(of node: CgroupNode, _ change: CgroupAttributeChange) throws(Errno) -> CgroupAttributes {
        throw .enoent
    }
    /// Copies the target of a symbolic link and returns its length.
    public func readLink(_ node: CgroupNode, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        throw .einval
    }

    /// The entries of a directory from `offset` on, 0 at first, without "." and "..". `body` gets the name, the node, its type
    /// as in st_mode, and the offset of the entry that follows, and returns whether it wants that one.
    public func entries(
        of directory: CgroupNode, from offset: UInt64,
        _ body: (_ name: UnsafeRawBufferPointer, CgroupNode, _ type: UInt32, _ next: UInt64) -> Bool
    ) throws(Errno) { throw .enotdir }

    public func makeDirectory(
        _ name: UnsafeRawBufferPointer, in parent: CgroupNode, mode: UInt32, _ caller: CgroupCaller
    ) throws(Errno) -> CgroupAttributes { throw .erofs }
    public func removeDirectory(_ name: UnsafeRawBufferPointer, in parent: CgroupNode) throws(Errno) { throw .erofs }
    /// `flags` as those of renameat2(2).
    public func rename(
        _ name: UnsafeRawBufferPointer, in parent: CgroupNode, to newName: UnsafeRawBufferPointer,
        in newParent: CgroupNode, flags: UInt32
    ) throws(Errno) { throw .erofs }

    /// What is refused in every tree, and by which error.
    public enum Refused: Sendable { case create, makeNode, symlink, link, unlink }
    public func refusal(of what: Refused, _ name: UnsafeRawBufferPointer, in parent: CgroupNode) -> Errno { .eperm }

    // Open files

    /// A handle on an open file; it is used until ``release(_:)``.
    public func open(_ node: CgroupNode, flags: Int32, _ caller: CgroupCaller) throws(Errno) -> UInt64 {
        throw .enoent
    }
    /// Copies what the file says and returns its length; 0 behind the end. What is read at offset 0 is new, and what follows is
    /// of the same moment.
    public func read(_ handle: UInt64, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno)
        -> Int
    { throw .ebadf }
    /// One write is one setting: the offset does not count. Returns the bytes taken, all of them.
    public func write(_ handle: UInt64, _ bytes: UnsafeRawBufferPointer, _ caller: CgroupCaller) throws(Errno) -> Int {
        throw .ebadf
    }
    public func poll(_ handle: UInt64) throws(Errno) -> CgroupPollEvents { throw .ebadf }
    public func release(_ handle: UInt64) {}
    /// The node that a handle is open on.
    public func node(of handle: UInt64) throws(Errno) -> CgroupNode { throw .ebadf }

    // Extended attributes: user., trusted. and security. of every node, kept in memory.

    /// `flags` as those of setxattr(2).
    public func setAttribute(
        _ name: UnsafeRawBufferPointer, of node: CgroupNode, to value: UnsafeRawBufferPointer, flags: UInt32
    ) throws(Errno) { throw .eopnotsupp }
    public func attribute(_ name: UnsafeRawBufferPointer, of node: CgroupNode) throws(Errno) -> [UInt8] {
        throw .enodata
    }
    public func removeAttribute(_ name: UnsafeRawBufferPointer, of node: CgroupNode) throws(Errno) { throw .enodata }
    /// The names, each ended by a zero byte.
    public func attributeNames(of node: CgroupNode) throws(Errno) -> [UInt8] { [] }

    // For those who watch limits

    /// The limits that hold for a group by itself; those of its ancestors hold as well.
    public func limits(of group: CgroupGroup) -> CgroupLimits? { nil }
    /// The members of a group and of all its descendants.
    public func members(of group: CgroupGroup) -> [CgroupMember] { [] }
    /// Counts an event in a group, and in its ancestors where the file is hierarchical, and tells the watchers.
    public func record(_ event: CgroupEvent, in group: CgroupGroup) {}
    /// Looks at the machine's processes now: who began, who exited, and which groups became populated or empty by it.
    public func followProcesses() {}
    /// Writes the state file where there is one and something has changed.
    public func saveState() throws(Errno) {}
}

/// Limits of one group, in bytes and numbers; nil is "max".
public struct CgroupLimits: Equatable, Sendable {
    public var memoryMax: UInt64?
    public var memoryHigh: UInt64?
    public var memoryLow: UInt64 = 0
    public var memoryMin: UInt64 = 0
    public var swapMax: UInt64?
    /// v1: memory and swap together.
    public var memoryAndSwapMax: UInt64?
    /// An OOM kill kills all of the group.
    public var oomGroup = false
    public var oomKillDisabled = false
    public var pidsMax: UInt64?
    /// CPU quota in microseconds a period.
    public var quota: UInt64?
    public var period: UInt64 = 100_000
    public var parent: CgroupGroup?
    public init() {}
}

/// What memory.events and its like count.
public enum CgroupEvent: Sendable {
    case memoryLow, memoryHigh, memoryMax, oom, oomKill, oomGroupKill
    case swapHigh, swapMax, swapFail
    case pidsMax
    case hugePagesMax(size: UInt64)
}

/// One row of the tables: a file, documented.
public struct CgroupFile: Sendable {
    public var name: String
    public var version: CgroupConfiguration.Version
    /// The controller, "cgroup" for the core's files.
    public var controller: String
    public var mode: UInt32
    /// "root", "not root" or "all groups".
    public var place: String
    /// What it tells and what it accepts, one line.
    public var summary: String
    /// Where its figure comes from, one line; empty for settings.
    public var source: String
}
