import Synchronization

/// One word that says what a record is being used for: its descriptor, how many operations hold it, and whether it lives.
///
///     63 62 61 60 59 58 57 56 55 54   52 51             32 31              0
///     | s| g| w| k| t| p| h| l| a| d|...|     holds        | descriptor + 1 |
///      |  |  |  |  |  |  |  |  |  `- directory: is one, as long as the record lives
///      |  |  |  |  |  |  |  |  `- aged: was `given` when the kernel was last told to drop all
///      |  |  |  |  |  |  |  `- live: ids and handles of the record are valid
///      |  |  |  |  |  |  `---- hot: used since the clock's hand last passed
///      |  |  |  |  |  `------- pinned: the descriptor stays until the record goes
///      |  |  |  |  `---------- transient: the descriptor goes with the last hold
///      |  |  |  `------------- tracked: the source of changes knows of the node
///      |  |  `---------------- watched: names in the directory change no more without a report
///      |  `------------------- given: the kernel may keep attributes until they are reported to have changed
///      `---------------------- listed: the kernel may keep the directory's entries
///
/// A record is free when its word is 0. Who holds a record (``hold(_:)``) may read it and use its descriptor until the
/// ``release()``; a record that ceased to live meanwhile goes with the last hold. As all of it is one word, taking the
/// descriptor away and starting to use it can never cross. A successor clears the holds: they are of threads that are gone.
struct Use: Equatable {
    var rawValue: UInt64

    static let live: UInt64 = 1 << 56
    static let hot: UInt64 = 1 << 57
    static let pinned: UInt64 = 1 << 58
    static let transient: UInt64 = 1 << 59
    static let tracked: UInt64 = 1 << 60
    static let watched: UInt64 = 1 << 61
    static let given: UInt64 = 1 << 62
    static let listed: UInt64 = 1 << 63
    static let aged: UInt64 = 1 << 55
    static let directory: UInt64 = 1 << 54
    private static let descriptorBits: UInt64 = 0xffff_ffff
    private static let holdBits: UInt64 = 0xf_ffff << 32
    static let oneHold: UInt64 = 1 << 32

    /// The descriptor, -1 if there is none.
    var descriptor: Int32 {
        get { Int32(truncatingIfNeeded: rawValue & Use.descriptorBits) &- 1 }
        set { rawValue = rawValue & ~Use.descriptorBits | UInt64(UInt32(bitPattern: newValue &+ 1)) }
    }

    var isLive: Bool { rawValue & Use.live != 0 }
    var isPinned: Bool { rawValue & Use.pinned != 0 }
    var isHeld: Bool { rawValue & Use.holdBits != 0 }
    var isHot: Bool { rawValue & Use.hot != 0 }
    var canHoldMore: Bool { rawValue & Use.holdBits != Use.holdBits }
}

/// The ``Use`` word of a record in the arena. Every change of it is made here.
struct UseWord {
    private let word: UnsafePointer<Atomic<UInt64>>

    init(_ address: UnsafeMutableRawPointer) {
        word = UnsafePointer(address.assumingMemoryBound(to: Atomic<UInt64>.self))
    }

    /// What the word says now.
    var current: Use { Use(rawValue: word.pointee.load(ordering: .acquiring)) }

    /// Makes the record live, held `holds` times, with a descriptor or -1: the last step of filling a free record.
    func publish(descriptor: Int32, holds: UInt64, _ flags: UInt64 = 0) {
        var use = Use(rawValue: Use.live | flags | holds &* Use.oneHold)
        use.descriptor = descriptor
        word.pointee.store(use.rawValue, ordering: .releasing)
    }

    /// Holds the record if it lives, and sets `flags`. Nil if it does not, or is held a million times.
    @inline(__always)
    func hold(_ flags: UInt64 = 0) -> Use? {
        change { use in
            guard use.isLive, use.canHoldMore else { return false }
            use.rawValue = use.rawValue &+ Use.oneHold | flags
            return true
        }
    }

    /// Ends a hold. `descriptor` is to be closed by the caller unless it is -1; `last` tells that the record ceased to live and
    /// is now the caller's to free.
    @inline(__always)
    func release() -> (descriptor: Int32, last: Bool) {
        var closing: Int32 = -1
        var last = false
        _ = change { use in
            use.rawValue &-= Use.oneHold
            last = !use.isHeld && !use.isLive
            closing = -1
            if !use.isHeld, last || use.rawValue & Use.transient != 0 {
                closing = use.descriptor
                use.descriptor = -1
                use.rawValue &= ~Use.transient
            }
            return true
        }
        return (closing, last)
    }

    /// Ends the record's life; false if it had ended before. The caller holds it.
    func end() -> Bool {
        change { use in
            guard use.isLive else { return false }
            use.rawValue &= ~Use.live
            return true
        } != nil
    }

    /// Gives the record a descriptor; false, and nothing done, if it has one. The caller holds it.
    func install(_ descriptor: Int32, _ flags: UInt64) -> Bool {
        change { use in
            guard use.descriptor < 0 else { return false }
            use.descriptor = descriptor
            use.rawValue |= flags
            return true
        } != nil
    }

    /// Takes the descriptor away if nobody uses it and nothing pins it; -1 otherwise. A hot record only cools down, unless
    /// `evenHot`.
    func evict(evenHot: Bool) -> Int32 {
        var taken: Int32 = -1
        _ = change { use in
            taken = -1
            guard use.isLive, !use.isHeld, !use.isPinned, use.descriptor >= 0 else { return false }
            if use.isHot, !evenHot {
                use.rawValue &= ~Use.hot
            } else {
                taken = use.descriptor
                use.descriptor = -1
                use.rawValue &= ~Use.hot
            }
            return true
        }
        return taken
    }

    /// Keeps the descriptor until the record goes; false if there is none.
    func pin() -> Bool {
        change { use in
            guard use.descriptor >= 0 else { return false }
            use.rawValue = use.rawValue & ~Use.transient | Use.pinned
            return true
        } != nil
    }

    /// Sets `flags`; false if they were set. The caller holds the record.
    func mark(_ flags: UInt64) -> Bool {
        change { use in
            guard use.rawValue & flags != flags else { return false }
            use.rawValue |= flags
            return true
        } != nil
    }

    /// `given` becomes `aged`, and `aged` goes. The caller holds the record.
    func age() {
        _ = change { use in
            let wasGiven = use.rawValue & Use.given != 0
            use.rawValue = use.rawValue & ~(Use.given | Use.aged) | (wasGiven ? Use.aged : 0)
            return true
        }
    }

    /// Lets the descriptor go with the last hold, unless it is pinned.
    func makeTransient() {
        _ = change { use in
            guard !use.isPinned else { return false }
            use.rawValue |= Use.transient
            return true
        }
    }

    /// Marks the record free: the last step of emptying it.
    func clear() { word.pointee.store(0, ordering: .releasing) }

    /// Replaces the word by what `body` makes of it and returns that, or nil if `body` declines; `body` may run repeatedly.
    @inline(__always)
    private func change(_ body: (inout Use) -> Bool) -> Use? {
        var old = word.pointee.load(ordering: .relaxed)
        while true {
            var new = Use(rawValue: old)
            if !body(&new) { return nil }
            let result = word.pointee.weakCompareExchange(
                expected: old, desired: new.rawValue, ordering: .acquiringAndReleasing)
            if result.exchanged { return new }
            old = result.original
        }
    }
}
