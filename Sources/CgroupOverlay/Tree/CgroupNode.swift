import SystemCalls

/// One group of a tree. The number is not used again while the tree lives, unless 2^20 groups have been made in its place.
public struct CgroupGroup: Hashable, Sendable {
    /// 44 bits: the place in the table of groups (24 bits), and above it how often that place was used before (20 bits).
    public let rawValue: UInt64

    init(place: Int, generation: UInt32) { rawValue = UInt64(generation & 0xf_ffff) << 24 | UInt64(place) }
    init(rawValue: UInt64) { self.rawValue = rawValue }

    var place: Int { Int(rawValue & 0xff_ffff) }
}

/// A directory, file or link of a tree, as a number.
public struct CgroupNode: Hashable, Sendable {
    /// 56 bits: the file in its directory (12 bits, 0 is the directory itself), and above it the group.
    public let rawValue: UInt64

    /// Any number; one that names nothing is ENOENT, or ESTALE where it once did.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    init(_ group: CgroupGroup, file: Int = 0) { rawValue = group.rawValue << 12 | UInt64(file) }

    /// The group that the node is, or is a file of.
    public var group: CgroupGroup { CgroupGroup(rawValue: rawValue >> 12 & 0xfff_ffff_ffff) }
    var file: Int { Int(rawValue & 0xfff) }
}

/// Who calls.
public struct CgroupCaller: Sendable {
    /// The calling thread; 0 where it is unknown.
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
public struct CgroupAttributes: Equatable, Sendable {
    public var node: CgroupNode
    /// With the type's bits, as st_mode.
    public var mode: UInt32
    public var links: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public var size: UInt64
    public var accessed: Int64
    public var modified: Int64
    public var changed: Int64
    /// The inode number: that of the node; never 0.
    public var inode: UInt64 { node.rawValue + 1 }
}

/// What a chmod, chown or utimensat changes; nil stays.
public struct CgroupAttributeChange: Sendable {
    public var mode: UInt32?
    public var uid: UInt32?
    public var gid: UInt32?
    public var accessed: Int64?
    public var modified: Int64?
    public init() {}
}

/// poll(2)'s bits.
public struct CgroupPollEvents: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let `in` = CgroupPollEvents(rawValue: 1)
    public static let priority = CgroupPollEvents(rawValue: 2)
    public static let out = CgroupPollEvents(rawValue: 4)
    public static let error = CgroupPollEvents(rawValue: 8)
    /// Always ready to be read and written, POLLRDNORM and POLLWRNORM with it, as every file of the kernel's tree.
    public static let always = CgroupPollEvents(rawValue: 0x145)
}
