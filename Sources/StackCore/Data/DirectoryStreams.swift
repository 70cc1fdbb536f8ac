import CLinux
import Synchronization
import SystemCalls

/// A lower directory that is being read, between two requests for its entries.
struct DirectoryStream {
    /// Open for reading, its offset at ``position``.
    let descriptor: Int32
    /// Of its file system, ``NodeTable/deviceIndex(of:)``.
    let deviceIndex: UInt16
    /// Where the next READDIR goes on, in the lower file system's own offsets.
    var position: Int64
}

/// Lower directories that are being read by who has not opened them: where the kernel sends no OPENDIR, a READDIR names its node and a
/// place, and most often the place is where the last one ended.
///
/// A stream that nobody goes on with is closed when newer ones need its room.
final class DirectoryStreams: Sendable {
    private static let limit = 32

    private struct Entry {
        var node: NodeID
        var stream: DirectoryStream
    }

    /// The oldest first.
    private let entries: Mutex<[Entry]>

    init() {
        var room: [Entry] = []
        room.reserveCapacity(Self.limit + 1)
        entries = Mutex(room)
    }

    deinit { closeAll() }

    /// The stream of a node that is at `position`, which is the caller's from now on.
    func take(_ node: NodeID, at position: Int64) -> DirectoryStream? {
        entries.withLock { entries in
            guard let index = entries.lastIndex(where: { $0.node == node && $0.stream.position == position }) else {
                return nil
            }
            return entries.remove(at: index).stream
        }
    }

    /// Keeps a stream for who goes on with it.
    func put(_ node: NodeID, _ stream: DirectoryStream) {
        let oldest = entries.withLock { entries in
            entries.append(Entry(node: node, stream: stream))
            return entries.count > Self.limit ? entries.removeFirst().stream : nil
        }
        if let oldest { _ = linux_close(oldest.descriptor) }
    }

    /// Closes all, for when descriptors are short. Returns how many.
    @discardableResult
    func closeAll() -> Int {
        entries.withLock { entries in
            for entry in entries { _ = linux_close(entry.stream.descriptor) }
            defer { entries.removeAll(keepingCapacity: true) }
            return entries.count
        }
    }
}
