/// A descriptor on some FUSE mount, of some process.
public struct HeldFile: Equatable, Sendable {
    /// The inode's number on that mount, as its daemon gave it: a ``NodeID`` if the mount is this one.
    public var node: UInt64
    /// The mount's device.
    public var device: UInt32

    public init(node: UInt64, device: UInt32) { (self.node, self.device) = (node, device) }
}

/// Finds what programs hold by descriptors, also those of which the daemon has heard nothing.
///
/// Like a ``ChangeSource`` it is made before the daemon gives up its privileges, and used after that.
public protocol HeldFileSource: AnyObject, Sendable {
    /// Calls `body` for each descriptor on a FUSE mount that this process may know of, as often as it is held, in no order, until the calling
    /// thread has run for so many nanoseconds. No mount is asked anything, but the thread may come to wait for as long as closing any file takes.
    func forEach(within runTime: UInt64, _ body: (HeldFile) -> Void)
}
