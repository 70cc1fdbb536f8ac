import Glibc
import StackCore
import Synchronization
import SystemCalls

/// Keeps what a source reports.
final class RecordingSink: ChangeSink {
    enum Report: Hashable {
        case attributes(UInt64)
        case data(UInt64)
        case name([UInt8], in: UInt64)
    }

    private struct State {
        var reports: Set<Report> = []
        var count = 0
        var losses = 0
    }
    private let state = Mutex(State())
    private let held = Atomic(false)

    var reports: Set<Report> { state.withLock { $0.reports } }
    /// How many changes have been reported, the same one again included.
    var count: Int { state.withLock { $0.count } }
    /// How many times changes were lost.
    var losses: Int { state.withLock { $0.losses } }

    /// Has the source wait with its next report until ``release()``.
    func hold() { held.store(true, ordering: .releasing) }
    func release() { held.store(false, ordering: .releasing) }

    func clear() { state.withLock { $0 = State() } }

    private func record(_ report: Report) {
        while held.load(ordering: .acquiring) { usleep(1000) }
        state.withLock {
            $0.reports.insert(report)
            $0.count += 1
        }
    }

    func attributesChanged(_ inode: LowerInode) { record(.attributes(inode.inode)) }
    func dataChanged(_ inode: LowerInode) { record(.data(inode.inode)) }
    func entryChanged(_ name: UnsafeRawBufferPointer, in directory: LowerInode) {
        record(.name(Array(name), in: directory.inode))
    }
    func entryMayHaveChanged(_ name: UnsafeRawBufferPointer, in directory: LowerInode) {}
    func changesLost() { state.withLock { $0.losses += 1 } }
    func sourceFailed(_ error: Errno) {}
    func watches(_ directory: NodeID) {}
    func withDirectory(_ directory: NodeID, _ body: (Int32) -> Void) -> Bool { false }
}
