import FuseKernel
import Synchronization
import SystemCalls

/// The one thread that tells the kernel of names that changed.
///
/// INVAL_ENTRY waits for the directory's lock, behind the slowest lookup in it. That is what makes it right, as no answer that is older
/// can come later, and what it needs a thread of its own for.
final class EntryInvalidations: Sendable {
    private struct Entry: Hashable {
        let directory: NodeID
        let name: [UInt8]
        /// Only to be looked up again, as the kernel itself has put it there.
        let isOwn: Bool
    }

    private struct State {
        var entries: [Entry] = []
        var known: Set<Entry> = []
        var hasEnded = false
    }

    /// Beyond so many that wait, expiring all names is the shorter way.
    static let limit = 1 << 16

    private let state = Mutex(State())
    private let wake: Event
    private let connection: Connection

    init(_ connection: Connection) throws(Errno) {
        self.connection = connection
        wake = try Event()
    }

    /// Takes a name in; one that waits already is told once. False, and nothing done, beyond ``limit``.
    func add(_ name: UnsafeRawBufferPointer, in directory: NodeID, isOwn: Bool = false) -> Bool {
        let (taken, isFirst) = state.withLock { state in
            if state.entries.count >= Self.limit { return (false, false) }
            let entry = Entry(directory: directory, name: Array(name), isOwn: isOwn)
            guard state.known.insert(entry).inserted else { return (true, false) }
            state.entries.append(entry)
            return (true, state.entries.count == 1)
        }
        if isFirst { wake.signal() }
        return taken
    }

    func begin() throws(Errno) { try Thread.start { self.run() } }

    func end() {
        state.withLock { $0.hasEnded = true }
        wake.signal()
    }

    private func run() {
        Thread.askForShortSlices()
        while true {
            wake.wait()
            let (entries, hasEnded) = state.withLock { state in
                let entries = state.entries
                state.entries = []
                state.known = []
                return (entries, state.hasEnded)
            }
            if hasEnded { return }
            var directories: Set<NodeID> = []
            for entry in entries {
                entry.name.withUnsafeBytes {
                    connection.invalidateEntry($0, parent: entry.directory.rawValue, expiring: entry.isOwn)
                }
                if !entry.isOwn { directories.insert(entry.directory) }
            }
            // The directory's times, and what the kernel has kept of its entries: INVAL_ENTRY does neither for a name that it has not kept.
            for directory in directories { connection.invalidateData(nodeid: directory.rawValue) }
        }
    }
}
