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

    /// Closes all descriptors from the number `first` on but some: close_range(2). False, and nothing done, before Linux 5.9.
    ///
    /// - Parameter flags: with LINUX_CLOSE_RANGE_UNSHARE, in a table of the calling thread's own.
    @discardableResult
    public static func closeAll(from first: Int32, but kept: [Int32], flags: UInt32 = 0) -> Bool {
        var next = first
        for number in kept.sorted() where number >= next {
            if number > next, linux_close_range(UInt32(next), UInt32(number) - 1, flags) != 0 { return false }
            next = number + 1
        }
        return linux_close_range(UInt32(next), .max, flags) == 0
    }
}
