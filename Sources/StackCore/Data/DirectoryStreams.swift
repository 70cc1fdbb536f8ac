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
    /// Grows with each that is opened.
    let number: UInt64

    /// The ``position`` of a stream that failed: no lower file system gives an entry this offset.
    static let nowhere: Int64 = -1
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

    private let opened = Atomic<UInt64>(0)
    /// The oldest first.
    private let entries: Mutex<[Entry]>
    /// How many ``entries`` are, for who would ask in vain.
    private let count = Atomic<Int>(0)

    init() {
        var room: [Entry] = []
        room.reserveCapacity(Self.limit + 1)
        entries = Mutex(room)
    }

    deinit { closeAll() }

    private func change<Result>(_ body: (inout [Entry]) -> Result) -> Result {
        entries.withLock { entries in
            defer { count.store(entries.count, ordering: .relaxed) }
            return body(&entries)
        }
    }

    /// The stream of a node that is at `position`, which is the caller's from now on.
    func take(_ node: NodeID, at position: Int64) -> DirectoryStream? {
        change { entries in
            guard let index = entries.lastIndex(where: { $0.node == node && $0.stream.position == position }) else {
                return nil
            }
            return entries.remove(at: index).stream
        }
    }

    /// The number of a stream that is opened now.
    func nextNumber() -> UInt64 { opened.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Keeps a stream for who goes on with it. Of two at one place the one that was opened later stays: some file systems (btrfs) show in a
    /// stream nothing that was made after it was opened, and who began to read later must see it.
    func put(_ node: NodeID, _ stream: DirectoryStream) {
        let superfluous = change { entries -> DirectoryStream? in
            if let index = entries.firstIndex(where: { $0.node == node && $0.stream.position == stream.position }) {
                if entries[index].stream.number > stream.number { return stream }
                entries.append(Entry(node: node, stream: stream))
                return entries.remove(at: index).stream
            }
            entries.append(Entry(node: node, stream: stream))
            return entries.count > Self.limit ? entries.removeFirst().stream : nil
        }
        if let superfluous { _ = linux_close(superfluous.descriptor) }
    }

    /// Closes the streams of a node that the kernel has forgotten, which keep the lower file system from being unmounted.
    func close(_ node: NodeID) {
        guard count.load(ordering: .relaxed) != 0 else { return }
        change { entries in
            entries.removeAll { entry in
                guard entry.node == node else { return false }
                _ = linux_close(entry.stream.descriptor)
                return true
            }
        }
    }

    /// Closes all, for when descriptors are short. Returns how many.
    @discardableResult
    func closeAll() -> Int {
        change { entries in
            for entry in entries { _ = linux_close(entry.stream.descriptor) }
            defer { entries.removeAll(keepingCapacity: true) }
            return entries.count
        }
    }
}
