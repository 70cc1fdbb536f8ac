/// The number by which the kernel knows an inode of the mount: FUSE's nodeid.
///
/// The low 32 bits are the slot of the node's record in the arena, bits 32..<62 its generation, drawn anew whenever a slot
/// is taken, so that an id outlives its node without ever meaning another one. 1 is the root (slot 1, generation 0). Ids
/// with bit 62 set belong to overlays; no node has one.
public struct NodeID: RawRepresentable, Hashable, Sendable {
    /// The 64 bits that travel in requests and replies.
    public let rawValue: UInt64

    /// The id of the given bits, which may come from anywhere: whether a node has it is for ``NodeTable`` to say.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// FUSE_ROOT_ID, the node of the lower root.
    public static let root = NodeID(rawValue: 1)

    /// The index of the node's record.
    @inlinable
    public var slot: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

    /// The generation, with the overlays' bits above it.
    var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }

    init(slot: UInt32, generation: UInt32) { rawValue = UInt64(generation) << 32 | UInt64(slot) }
}
