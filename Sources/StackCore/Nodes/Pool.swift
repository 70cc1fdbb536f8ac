import Glibc
import Synchronization
import SystemCalls

/// Blocks of one size in one section of the arena: taken, given back, and their memory released chunk by chunk.
///
/// Free blocks of a chunk are chained through the blocks themselves; the list heads and counts are private memory. One
/// lock; while it is held no other is taken.
final class Pool: @unchecked Sendable {
    /// What is known of a chunk, in private memory.
    private struct Chunk {
        var live: UInt16
        /// Blocks never used since the commit begin here.
        var fresh: UInt16
        /// The first given back, ``none16`` if there is none.
        var free: UInt16
        /// Neighbours among the chunks that have room; `next` also chains the released chunks.
        var next, previous: UInt32
    }
    private struct State {
        var partial = Pool.none
        var released = Pool.none
        /// Chunks never used begin here.
        var frontier: UInt32 = 0
        /// One empty chunk is kept, lest a node that comes and goes at a chunk's edge costs two system calls each time.
        var spare = Pool.none
        var live = 0
    }
    private static let none = UInt32.max
    private static let none16 = UInt16.max

    private let arena: Arena
    private let base: UnsafeMutableRawPointer
    private let offset: Int
    private let stride: Int
    private let link: Int
    private let shift: UInt32
    private let perChunk: UInt16
    private let chunkCount: UInt32
    private let chunks: UnsafeMutablePointer<Chunk>
    /// A word a chunk, 1 while it has memory. Written under the lock, read without it by ``contains(_:)``.
    private let commits: UnsafeMutablePointer<UInt32>
    private let lock: UnsafeMutablePointer<Guarded<State>>

    /// The blocks of `section`. `link` is the offset in a free block at which the pool keeps 2 bytes of its own.
    /// - Throws: `.enomem`.
    init(_ arena: Arena, _ section: Arena.Section, link: Int) throws(Errno) {
        self.arena = arena
        let extent = arena.extent(of: section)
        offset = extent.offset
        base = arena.base + extent.offset
        chunkCount = UInt32(extent.chunks)
        stride = section.stride
        self.link = link
        perChunk = UInt16(Arena.chunkSize / stride)
        shift = UInt32(UInt16.bitWidth - (perChunk - 1).leadingZeroBitCount)
        // A failure here ends the start of the daemon: what is mapped before it goes with the process.
        chunks = try PrivateMemory.map(extent.chunks, of: Chunk.self)
        commits = try PrivateMemory.map(extent.chunks, of: UInt32.self)
        lock = try PrivateMemory.map(1, of: Guarded<State>.self)
        lock.initializeLock(State())
    }

    deinit {
        PrivateMemory.unmap(chunks, Int(chunkCount))
        PrivateMemory.unmap(commits, Int(chunkCount))
        PrivateMemory.unmap(lock, 1)
    }

    /// The address of a block that is in use.
    func address(_ block: UInt32) -> UnsafeMutableRawPointer {
        let position = Int(block & (1 << shift - 1))
        return base + Int(block >> shift) * Arena.chunkSize + position * stride
    }

    /// Whether the block may be looked at: it has memory, though perhaps it is free. Any number may be asked.
    func contains(_ block: UInt32) -> Bool {
        let chunk = block >> shift
        guard chunk < chunkCount, block & (1 << shift - 1) < UInt32(perChunk) else { return false }
        return committed(chunk).pointee.load(ordering: .relaxed) != 0
    }

    /// Blocks in use.
    var count: Int {
        lock.lock()
        defer { lock.unlock() }
        return lock.pointee.state.live
    }

    /// Calls `body` for every block that has been used, free ones too; others may take and give blocks meanwhile.
    func forEachBlock(_ body: (UInt32) -> Void) {
        var chunk: UInt32 = 0
        while true {
            lock.lock()
            let end = chunk >= lock.pointee.state.frontier
            let used = end || commits[Int(chunk)] == 0 ? 0 : UInt32(chunks[Int(chunk)].fresh)
            lock.unlock()
            if end { return }
            for position in 0..<used where contains(chunk << shift | position) { body(chunk << shift | position) }
            chunk += 1
        }
    }

    /// Takes a block; its content is undefined.
    /// - Throws: `.enfile` if the section is full, `.enomem`.
    func allocate() throws(Errno) -> UInt32 {
        lock.lock()
        defer { lock.unlock() }
        if lock.pointee.state.partial == Pool.none { try addChunk() }
        let number = lock.pointee.state.partial
        let chunk = chunks + Int(number)
        let position: UInt16
        if chunk.pointee.free != Pool.none16 {
            position = chunk.pointee.free
            chunk.pointee.free = nextFree(number << shift | UInt32(position)).pointee
        } else {
            position = chunk.pointee.fresh
            chunk.pointee.fresh += 1
        }
        chunk.pointee.live += 1
        lock.pointee.state.live += 1
        if lock.pointee.state.spare == number { lock.pointee.state.spare = Pool.none }
        if chunk.pointee.live == perChunk { unlink(number) }
        return number << shift | UInt32(position)
    }

    /// Gives a block back that ``allocate()`` gave.
    func free(_ block: UInt32) {
        lock.lock()
        defer { lock.unlock() }
        let number = block >> shift
        let chunk = chunks + Int(number)
        if chunk.pointee.live == perChunk { linkFirst(number) }
        nextFree(block).pointee = chunk.pointee.free
        chunk.pointee.free = UInt16(truncatingIfNeeded: block & (1 << shift - 1))
        chunk.pointee.live -= 1
        lock.pointee.state.live -= 1
        guard chunk.pointee.live == 0 else { return }
        if lock.pointee.state.spare == Pool.none {
            lock.pointee.state.spare = number
        } else {
            releaseChunk(number)
        }
    }

    private func committed(_ chunk: UInt32) -> UnsafePointer<Atomic<UInt32>> {
        UnsafePointer(UnsafeMutableRawPointer(commits + Int(chunk)).assumingMemoryBound(to: Atomic<UInt32>.self))
    }

    private func nextFree(_ block: UInt32) -> UnsafeMutablePointer<UInt16> {
        (address(block) + link).assumingMemoryBound(to: UInt16.self)
    }

    private func addChunk() throws(Errno) {
        let reused = lock.pointee.state.released
        let number = reused == Pool.none ? lock.pointee.state.frontier : reused
        guard number < chunkCount else { throw .enfile }
        try arena.commit(offset: offset + Int(number) * Arena.chunkSize, length: Arena.chunkSize)
        if reused == Pool.none {
            lock.pointee.state.frontier += 1
        } else {
            lock.pointee.state.released = chunks[Int(reused)].next
        }
        chunks[Int(number)].live = 0
        chunks[Int(number)].fresh = 0
        chunks[Int(number)].free = Pool.none16
        linkFirst(number)
        committed(number).pointee.store(1, ordering: .relaxed)
    }

    private func releaseChunk(_ number: UInt32) {
        committed(number).pointee.store(0, ordering: .relaxed)
        unlink(number)
        arena.release(offset: offset + Int(number) * Arena.chunkSize, length: Arena.chunkSize)
        chunks[Int(number)].next = lock.pointee.state.released
        lock.pointee.state.released = number
    }

    private func linkFirst(_ number: UInt32) {
        let first = lock.pointee.state.partial
        chunks[Int(number)].next = first
        chunks[Int(number)].previous = Pool.none
        if first != Pool.none { chunks[Int(first)].previous = number }
        lock.pointee.state.partial = number
    }

    private func unlink(_ number: UInt32) {
        let (next, previous) = (chunks[Int(number)].next, chunks[Int(number)].previous)
        if previous == Pool.none { lock.pointee.state.partial = next } else { chunks[Int(previous)].next = next }
        if next != Pool.none { chunks[Int(next)].previous = previous }
    }
}
