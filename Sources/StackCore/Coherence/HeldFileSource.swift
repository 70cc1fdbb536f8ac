/// A descriptor on some FUSE mount, of some process.
public struct HeldFile: Equatable, Sendable {
    /// The inode's number on that mount, as its daemon gave it: a ``NodeID`` if the mount is this one.
    public var node: UInt64
    /// The mount's device.
    public var device: UInt32
    /// Made by O_PATH: no request came of it.
    public var isUnopened: Bool

    public init(node: UInt64, device: UInt32, isUnopened: Bool) {
        (self.node, self.device, self.isUnopened) = (node, device, isUnopened)
    }
}

/// Finds what programs hold by descriptors, also those of which the daemon has heard nothing.
///
/// Like a ``ChangeSource`` it is made before the daemon gives up its privileges, and used after that.
public protocol HeldFileSource: AnyObject, Sendable {
    /// Calls `body` for each descriptor on a FUSE mount that this process may know of, as often as it is held, in no order, until the calling
    /// thread has run for so many nanoseconds. No mount is asked anything; it is not for a thread that answers requests all the same.
    func forEach(within runTime: UInt64, _ body: (HeldFile) -> Void)
}
