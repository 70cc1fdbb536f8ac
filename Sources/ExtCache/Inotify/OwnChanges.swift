import FuseKernel
import StackCore
import Synchronization

/// What this process does to names by order of the kernel, so that an event of it can be told from another's, which inotify does not.
///
/// A change is noted before its system call, and the first event of its kind about the name is taken for its own. That may be another's: then
/// its own is taken for another's, and reported, which comes to the same as the name is looked up anew. An event that was taken for that of
/// a call which then failed is reported by who called. Whatever is not certain counts as another's.
final class OwnChanges: Sendable {
    private struct Entry {
        var directory = NodeID(rawValue: 0)
        var name = 0
        /// How many events of each kind are to come.
        var expected = SIMD4<UInt8>(repeating: 0)
        /// Calls that have not returned.
        var calls = 0
        /// Of calls that began before the directory had its watch there may be events or not.
        var isDoubtful = false
        /// Where the name was moved last; 0 is unknown.
        var inode: UInt64 = 0
        /// When the last call returned.
        var time = 0

        func isOf(_ directory: NodeID, _ name: Int) -> Bool { self.directory == directory && self.name == name }

        /// Nothing is to come of it any more.
        func isOver(_ now: Int) -> Bool { calls == 0 && (expected == .zero || now - time > OwnChanges.patience) }
    }

    /// Some more than there are changes before the watcher's thread comes to read of them. A name without a place is looked up anew.
    private static let places = 1024
    /// A name has one of so many places, beside one another.
    private static let choice = 4
    /// In milliseconds. Events are there when the call returns: who reads them so much later is a thread that gets no time to run.
    private static let patience = 10_000

    private let entries = Mutex([Entry](repeating: Entry(), count: OwnChanges.places))

    private static var now: Int { Int(monotonicNanoseconds() / 1_000_000) }

    private static func hash(_ name: UnsafeRawBufferPointer, _ directory: NodeID) -> (Int, places: Range<Int>) {
        // Of another seed in each process: nobody can choose names that meet.
        var hasher = Hasher()
        hasher.combine(directory.rawValue)
        hasher.combine(bytes: name)
        let hash = hasher.finalize()
        let first = Int(UInt(bitPattern: hash) % UInt(places / choice)) * choice
        return (hash, first..<first + choice)
    }

    /// The place that a name has or gets. One that waits in vain, in a directory without a watch, makes room for the next.
    private static func place(
        for directory: NodeID, _ name: Int, among places: Range<Int>, _ entries: [Entry], _ now: Int
    ) -> Int? {
        var result: Int?
        for place in places {
            if entries[place].isOf(directory, name) { return place }
            guard entries[place].calls == 0 else { continue }
            if let best = result {
                let isOlder = entries[place].time < entries[best].time
                guard !entries[best].isOver(now), isOlder || entries[place].isOver(now) else { continue }
            }
            result = place
        }
        return result
    }

    /// A system call is about to change a name. Returns the place where that is noted, nil if there is none.
    func begin(_ change: NameChange, _ name: UnsafeRawBufferPointer, in directory: NodeID, inode: UInt64) -> Int? {
        let (hash, places) = Self.hash(name, directory)
        let now = Self.now
        return entries.withLock { entries in
            guard let place = Self.place(for: directory, hash, among: places, entries, now) else { return nil }
            if !entries[place].isOf(directory, hash) || entries[place].isOver(now) {
                entries[place] = Entry(directory: directory, name: hash)
            }
            guard entries[place].expected[change.rawValue] < .max else { return nil }
            entries[place].expected[change.rawValue] += 1
            entries[place].calls += 1
            if change == .movedHere { entries[place].inode = inode }
            return place
        }
    }

    /// The call has returned. True if an event of somebody else was taken for its own.
    func end(_ change: NameChange, at place: Int, succeeded: Bool) -> Bool {
        let now = Self.now
        return entries.withLock { entries in
            var wasOthers = false
            if !succeeded {
                if entries[place].expected[change.rawValue] > 0 {
                    entries[place].expected[change.rawValue] -= 1
                } else {
                    wasOthers = true
                }
            }
            entries[place].calls -= 1
            entries[place].time = now
            return wasOthers
        }
    }

    /// What is known of an event that is this process's own.
    struct Event {
        /// Where the name was moved, 0 if that is unknown.
        let inode: UInt64
        /// It may be another's all the same.
        var isDoubtful: Bool
    }

    /// An event has come; nil if it is another's.
    func take(_ change: NameChange, _ name: UnsafeRawBufferPointer, in directory: NodeID) -> Event? {
        let (hash, places) = Self.hash(name, directory)
        let now = Self.now
        return entries.withLock { entries in
            guard let place = places.first(where: { entries[$0].isOf(directory, hash) }) else { return nil }
            guard entries[place].expected[change.rawValue] > 0, !entries[place].isOver(now) else {
                entries[place].expected = .zero
                return nil
            }
            entries[place].expected[change.rawValue] -= 1
            return Event(inode: entries[place].inode, isDoubtful: entries[place].isDoubtful)
        }
    }

    /// A directory is about to be watched: no event comes of what has been done in it.
    func isUnseen(before directory: NodeID) {
        entries.withLock { entries in
            for place in entries.indices where entries[place].directory == directory {
                if entries[place].calls == 0 { entries[place] = Entry() } else { entries[place].isDoubtful = true }
            }
        }
    }

    /// A directory is watched now: of calls since ``isUnseen(before:)`` there may be events or not.
    func isUncertain(before directory: NodeID) {
        entries.withLock { entries in
            for place in entries.indices where entries[place].directory == directory {
                entries[place].isDoubtful = true
            }
        }
    }

    /// Events were lost; others still come.
    func doubtAll() {
        entries.withLock { entries in
            for place in entries.indices { entries[place].isDoubtful = true }
        }
    }
}
