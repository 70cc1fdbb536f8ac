import CTestCalls
import Glibc

func sleepMicroseconds(_ count: UInt32) { _ = usleep(count) }

/// One side as one process sees it: the directory that the sequence works in, and the open files.
///
/// A stage belongs to the thread of its process; the descriptors mean nothing in another thread, as each process has a
/// descriptor table of its own.
final class Stage {
    /// The directory that paths are relative to.
    let base: Int32
    /// /proc/thread-self/fd, opened before the directory became the thread's root.
    let ownDescriptors: Int32
    let clock: EpochClock
    /// Whether the lower file system stamps every access (mounted strictatime); with relatime whether a read stamps depends
    /// on which clock tick an earlier write fell into.
    let stampsAccesses: Bool
    private var descriptors = [Int32](repeating: -1, count: Slot.count)

    init(base: Int32, ownDescriptors: Int32, clock: EpochClock, stampsAccesses: Bool) {
        self.base = base
        self.ownDescriptors = ownDescriptors
        self.clock = clock
        self.stampsAccesses = stampsAccesses
    }

    /// The descriptor in a slot; -1, which the kernel answers with EBADF, when nothing is open there.
    subscript(slot: Slot) -> Int32 { descriptors[slot.index] }

    /// Where a relative path starts. A slot with nothing in it gives -1: EBADF.
    func directory(of place: Place) -> Int32 { place.directory.map { self[$0] } ?? base }

    /// Opens into a slot, which is closed before.
    func install(_ slot: Slot, _ open: () -> Int64) -> Int64 {
        close(slot)
        let result = open()
        if result >= 0 { descriptors[slot.index] = Int32(result) }
        return min(result, 0)
    }

    @discardableResult
    func close(_ slot: Slot) -> Int64 {
        defer { descriptors[slot.index] = -1 }
        return Kernel.close(descriptors[slot.index])
    }

    /// Makes the side's directory the current one, for calls that take no directory descriptor.
    func enter() -> Int64 { Kernel.call(TC_fchdir, base) }

    /// Runs a path call of the kind that takes no directory descriptor.
    func fromHere(_ path: Path, _ body: (Int64) -> Int64) -> Int64 {
        let entered = enter()
        return entered < 0 ? entered : path.withPointer(body)
    }

    /// Closes everything that the sequence left open.
    func closeAll() {
        for index in 0..<Slot.count where descriptors[index] >= 0 { close(Slot(index: index)) }
    }

    deinit {
        closeAll()
        Kernel.close(base)
        Kernel.close(ownDescriptors)
    }
}
