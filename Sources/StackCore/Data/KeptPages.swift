import CLinux
import Glibc
import Synchronization

/// Which files have not changed since the kernel read its pages of them, so that a new open may keep those (FOPEN_KEEP_CACHE).
///
/// Each change of a file's data sets its time of change (ctime), which nobody can set back, with one exception: a page that is mapped and
/// dirty already takes further stores unseen. A time is therefore remembered only if nobody had the lower file open for writing then, as a
/// mapping keeps its file open; and only once it is older than file systems' clocks are coarse, so that the next change has another.
///
/// The open that remembers a file has the kernel drop its pages. Until its RELEASE says that this has happened, no other may keep them.
final class KeptPages: Sendable {
    /// A file, as it was when it was remembered.
    private struct File: BitwiseCopyable {
        var node: UInt64
        /// Nanoseconds since 1970, modulo 2^64.
        var changed: UInt64
        var size: UInt64
        /// The open file that has not been released since it remembered this, or 0.
        var handle: UInt64
    }

    /// FAT has two seconds.
    private static let coarsestClock: Int64 = 2

    /// A node has one place, which it shares with others: who is remembered last has it. Memory that is never used costs nothing.
    private static let places = 16_384
    private nonisolated(unsafe) let files: UnsafeMutablePointer<File>
    private let lock = Mutex<Void>(())

    init() {
        files = calloc(Self.places, MemoryLayout<File>.stride)!.bindMemory(to: File.self, capacity: Self.places)
    }

    deinit { free(files) }

    /// A file was opened. Returns whether the kernel's pages of it are as the file is.
    ///
    /// - Parameters:
    ///   - status: from after it was opened.
    ///   - reading: the lower file where it was opened for reading only, else nil.
    func opened(_ node: NodeID, _ status: borrowing linux_statx, handle: UInt64, reading: Int32?) -> Bool {
        let (changed, size) = (Self.nanoseconds(status.ctime), status.size)
        let place = place(node)
        let known = lock.withLock { _ in place.pointee }
        if known.node == node.rawValue, known.changed == changed, known.size == size { return known.handle == 0 }
        guard let reading, Self.isSettled(status.ctime), Lower.hasNoWriter(reading) else { return false }
        lock.withLock { _ in
            place.pointee = File(node: node.rawValue, changed: changed, size: size, handle: handle)
        }
        return false
    }

    /// An open file was released.
    func released(_ node: NodeID, handle: UInt64) {
        let place = place(node)
        lock.withLock { _ in
            if place.pointee.node == node.rawValue, place.pointee.handle == handle { place.pointee.handle = 0 }
        }
    }

    private func place(_ node: NodeID) -> UnsafeMutablePointer<File> {
        files + Int(truncatingIfNeeded: node.slot) % Self.places
    }

    private static func nanoseconds(_ time: linux_statx_time) -> UInt64 {
        UInt64(bitPattern: time.sec) &* 1_000_000_000 &+ UInt64(time.nsec)
    }

    private static func isSettled(_ time: linux_statx_time) -> Bool {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        return Int64(now.tv_sec) &- time.sec > coarsestClock
    }
}
