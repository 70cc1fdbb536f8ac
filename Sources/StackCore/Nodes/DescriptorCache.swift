import CLinux
import Synchronization
import SystemCalls

/// The nodes whose descriptors are open but could be closed, and the clock that chooses which one goes when another comes.
///
/// Rings by slot, each with its own lock, under which no other is taken. A slot is in its ring from ``insert(_:_:)`` until its descriptor
/// is evicted or ``remove(_:)``, which comes before the record is freed: the hand never sees a free record. What is taken from
/// a record is decided by its ``Use`` word alone.
final class DescriptorCache: @unchecked Sendable {
    private struct Ring {
        var slots: UnsafeMutablePointer<UInt32>
        var capacity: Int
        var count = 0
        var hand = 0
    }

    private let rings: UnsafeMutablePointer<Guarded<Ring>>
    private let ringCount: Int
    private let slots: UnsafeMutablePointer<UInt32>
    private let limit: Int
    private let open = Atomic<Int>(0)

    /// - Throws: `.enomem`.
    init(limit: Int) throws(Errno) {
        self.limit = min(max(limit, 64), 1 << 24)
        // Rings of about 256, as they are searched one entry after the other when a node goes.
        var count = 1
        while count < 4096, self.limit / count > 256 { count *= 2 }
        ringCount = count
        let capacity = self.limit / count
        slots = try PrivateMemory.map(capacity * count, of: UInt32.self)
        do throws(Errno) {
            rings = try PrivateMemory.map(count, of: Guarded<Ring>.self)
        } catch {
            PrivateMemory.unmap(slots, capacity * count)
            throw error
        }
        for number in 0..<count {
            (rings + number).initializeLock(Ring(slots: slots + number * capacity, capacity: capacity))
        }
    }

    deinit {
        PrivateMemory.unmap(slots, rings.pointee.state.capacity * ringCount)
        PrivateMemory.unmap(rings, ringCount)
    }

    /// Descriptors open for nodes, cached, pinned or in passing.
    var openCount: Int { open.load(ordering: .relaxed) }

    /// A descriptor was given to a record.
    func opened() { open.wrappingAdd(1, ordering: .relaxed) }

    /// Closes a descriptor taken from a record.
    func close(_ descriptor: Int32) {
        _ = linux_close(descriptor)
        open.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Takes in the slot of a record that has just got a descriptor, and closes another's if there are as many as may be. If all of them
    /// are in use the newcomer's is left to go with its last hold. The caller holds the record.
    func insert(_ slot: UInt32, _ nodes: Pool) {
        let ring = ring(slot)
        ring.lock()
        var closing: Int32 = -1
        if ring.pointee.state.count < ring.pointee.state.capacity, openCount <= limit {
            append(slot, ring)
        } else {
            closing = replace(with: slot, ring, nodes)
        }
        ring.unlock()
        if closing >= 0 { close(closing) }
    }

    /// Forgets a slot that goes out of use or is pinned.
    func remove(_ slot: UInt32) {
        let ring = ring(slot)
        ring.lock()
        defer { ring.unlock() }
        for position in 0..<ring.pointee.state.count where ring.pointee.state.slots[position] == slot {
            drop(position, ring)
            return
        }
    }

    /// Closes up to `count` descriptors that are not in use, hot ones too. Returns how many.
    func shed(_ count: Int, _ nodes: Pool) -> Int {
        var closed = 0
        for number in 0..<ringCount {
            let ring = rings + number
            ring.lock()
            var position = 0
            while position < ring.pointee.state.count, closed < count {
                let descriptor = use(ring.pointee.state.slots[position], nodes).evict(evenHot: true)
                if descriptor >= 0 {
                    close(descriptor)
                    drop(position, ring)
                    closed += 1
                } else {
                    position += 1
                }
            }
            ring.unlock()
        }
        return closed
    }

    private func append(_ slot: UInt32, _ ring: UnsafeMutablePointer<Guarded<Ring>>) {
        ring.pointee.state.slots[ring.pointee.state.count] = slot
        ring.pointee.state.count += 1
    }

    private func drop(_ position: Int, _ ring: UnsafeMutablePointer<Guarded<Ring>>) {
        ring.pointee.state.count -= 1
        ring.pointee.state.slots[position] = ring.pointee.state.slots[ring.pointee.state.count]
    }

    /// Moves the hand until it finds a descriptor to close (returned) or an entry without one, and puts `slot` there. Twice around is
    /// enough: the first time cools what is hot.
    private func replace(
        with slot: UInt32, _ ring: UnsafeMutablePointer<Guarded<Ring>>, _ nodes: Pool
    ) -> Int32 {
        let count = ring.pointee.state.count
        for _ in 0..<2 * count {
            let position = ring.pointee.state.hand < count ? ring.pointee.state.hand : 0
            ring.pointee.state.hand = position + 1
            let candidate = use(ring.pointee.state.slots[position], nodes)
            let descriptor = candidate.evict(evenHot: false)
            let state = candidate.current
            guard descriptor >= 0 || state.descriptor < 0 || state.isPinned else { continue }
            ring.pointee.state.slots[position] = slot
            return descriptor
        }
        if count < ring.pointee.state.capacity, count < 16 {
            // Pinned descriptors alone exceed the limit: a few cached ones must be allowed all the same.
            append(slot, ring)
        } else {
            use(slot, nodes).makeTransient()
        }
        return -1
    }

    private func use(_ slot: UInt32, _ nodes: Pool) -> UseWord { UseWord(nodes.address(slot)) }

    private func ring(_ slot: UInt32) -> UnsafeMutablePointer<Guarded<Ring>> {
        rings + Int((slot &* 0x9e37_79b9) >> 16) & (ringCount - 1)
    }
}
