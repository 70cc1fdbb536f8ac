import SystemCalls

/// A hash index from tags to record slots: open addressing, one word of (tag, slot) an entry, no tombstones.
///
/// The 32-bit tag is a hash of the record's key and also says where the word belongs, so that growing, shrinking and
/// closing gaps never look at a record. Several entries may share a tag: whoever searches compares the records. The words
/// are private memory, at most three quarters full and, after shrinking, at least one eighth; the first page stays, lest files that
/// come and go one by one bring two system calls each.
struct SlotIndex {
    private static let minimum = 512

    private var words: UnsafeMutablePointer<UInt64>?
    private var capacity = 0
    private(set) var count = 0

    /// Memory in use, in bytes.
    var bytes: Int { capacity * MemoryLayout<UInt64>.stride }

    /// Gives the memory back; the index is empty after that.
    mutating func removeAll() {
        if let words { PrivateMemory.unmap(words, capacity) }
        self = SlotIndex()
    }

    /// Where a search for `tag` begins.
    func start(_ tag: UInt32) -> Int { Int(tag) & (capacity - 1) }

    /// The next slot under `tag`, and `position` behind it; 0 when there is no more.
    @inline(__always)
    func next(_ tag: UInt32, _ position: inout Int) -> UInt32 {
        guard let words else { return 0 }
        while true {
            let word = words[position]
            if word == 0 { return 0 }
            position = (position + 1) & (capacity - 1)
            if word >> 32 == UInt64(tag) { return UInt32(truncatingIfNeeded: word) }
        }
    }

    /// Makes room for one more entry.
    /// - Throws: `.enomem`.
    mutating func reserve() throws(Errno) {
        if 4 * (count + 1) > 3 * capacity { try resize(to: max(SlotIndex.minimum, capacity * 2)) }
    }

    /// Adds an entry, for which ``reserve()`` has made room. `slot` is not 0.
    mutating func insert(_ tag: UInt32, _ slot: UInt32) {
        place(UInt64(tag) << 32 | UInt64(slot))
        count += 1
    }

    /// Removes an entry if it is there, and closes the gap: words behind it that are out of place move up.
    mutating func remove(_ tag: UInt32, _ slot: UInt32) {
        guard let words else { return }
        let mask = capacity - 1
        let wanted = UInt64(tag) << 32 | UInt64(slot)
        var gap = start(tag)
        while words[gap] != wanted {
            if words[gap] == 0 { return }
            gap = (gap + 1) & mask
        }
        var position = gap
        while true {
            position = (position + 1) & mask
            let word = words[position]
            if word == 0 { break }
            let home = Int(word >> 32) & mask
            // The word may fill the gap unless its home lies between the gap and itself.
            if (position - home) & mask >= (position - gap) & mask {
                words[gap] = word
                gap = position
            }
        }
        words[gap] = 0
        count -= 1
        if capacity > SlotIndex.minimum, count * 8 < capacity {
            // An index that cannot shrink for want of memory stays as it is.
            try? resize(to: capacity / 2)
        }
    }

    private func place(_ word: UInt64) {
        guard let words else { return }
        var position = start(UInt32(truncatingIfNeeded: word >> 32))
        while words[position] != 0 { position = (position + 1) & (capacity - 1) }
        words[position] = word
    }

    private mutating func resize(to newCapacity: Int) throws(Errno) {
        let (old, oldCapacity) = (words, capacity)
        words = try PrivateMemory.map(newCapacity, of: UInt64.self)
        capacity = newCapacity
        guard let old else { return }
        for position in 0..<oldCapacity where old[position] != 0 { place(old[position]) }
        PrivateMemory.unmap(old, oldCapacity)
    }
}
