import CLinux

/// An open file descriptor with one owner; it is closed when its owner goes.
///
/// Descriptors that live in the node and open file tables are plain `Int32`: ``take()`` hands one over.
@frozen
public struct Descriptor: ~Copyable {
    /// The number, 0 or more.
    public let number: Int32

    /// Takes over an open descriptor.
    @inlinable
    public init(owning number: Int32) { self.number = number }

    @inlinable
    deinit { _ = linux_close(number) }

    /// The number, with the duty to close it.
    @inlinable
    public consuming func take() -> Int32 {
        let number = self.number
        discard self
        return number
    }
}
