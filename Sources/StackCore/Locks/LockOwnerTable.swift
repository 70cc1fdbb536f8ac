import CLinux
import Glibc
import Synchronization
import SystemCalls

/// The open file descriptions that hold POSIX locks: one for each lock owner (a process, to the kernel) and node.
///
/// Closing one gives back all its locks at once, which is what FLUSH must do: POSIX locks go when their owner closes any
/// descriptor of the file.
final class LockOwnerTable: Sendable {
    private struct Key: Hashable {
        let owner: UInt64
        let node: NodeID
    }

    private struct Record {
        let descriptor: Int32
        /// The open file that the first lock came through. At its end, locks go that nobody gives back: OFD locks, whose owner
        /// is the open file itself.
        let handle: UInt64
        /// The process that locked last, as GETLK tells it.
        var process: UInt32
    }

    private struct State {
        var records: [Key: Record] = [:]
        /// How many records came through each open file.
        var handles: [UInt64: Int] = [:]
    }

    private let state = Mutex(State())

    /// A duplicate of the owner's descriptor, which no ``flush(owner:node:)`` meanwhile closes; nil if it has locked nothing on the node.
    func descriptor(owner: UInt64, node: NodeID) throws(Errno) -> Descriptor? {
        let duplicate = state.withLock { state in
            state.records[Key(owner: owner, node: node)].map { Self.duplicate($0.descriptor) }
        }
        guard let duplicate else { return nil }
        return Descriptor(owning: Int32(try checked(duplicate)))
    }

    private static func duplicate(_ descriptor: Int32) -> Int64 { linux_fcntl(descriptor, F_DUPFD_CLOEXEC, 0) }

    /// A duplicate of the owner's descriptor; opens that if there is none.
    ///
    /// It is open for reading and writing if that can be had, as the owner may lock through files open either way.
    func descriptor(owner: UInt64, node: NodeID, process: UInt32, through handle: UInt64, file: Int32)
        throws(Errno) -> Descriptor
    {
        let key = Key(owner: owner, node: node)
        let known = state.withLock { state -> Int64? in
            state.records[key]?.process = process
            return state.records[key].map { Self.duplicate($0.descriptor) }
        }
        if let known { return Descriptor(owning: Int32(try checked(known))) }
        let opened = try Self.openForLocks(file).take()
        let (duplicate, loser) = state.withLock { state -> (Int64, Int32?) in
            if let other = state.records[key] { return (Self.duplicate(other.descriptor), opened) }
            state.records[key] = Record(descriptor: opened, handle: handle, process: process)
            state.handles[handle, default: 0] += 1
            return (Self.duplicate(opened), nil)
        }
        if let loser { _ = linux_close(loser) }
        return Descriptor(owning: Int32(try checked(duplicate)))
    }

    private static func openForLocks(_ file: Int32) throws(Errno) -> Descriptor {
        let mode = Int32(try checked(linux_fcntl(file, F_GETFL, 0))) & O_ACCMODE
        // O_APPEND opens what may only be appended to.
        for flags in [O_RDWR, mode, mode | O_APPEND] {
            do throws(Errno) {
                return try Lower.reopen(file, flags | O_NONBLOCK)
            } catch let error where error == .emfile || error == .enfile || error == .enomem {
                throw error
            } catch {
                continue
            }
        }
        // An immutable file opens no more for writing: locks through one open file are then one owner's.
        return Descriptor(owning: Int32(try checked(linux_fcntl(file, F_DUPFD_CLOEXEC, 0))))
    }

    /// FLUSH: the owner has closed a descriptor of the node.
    func flush(owner: UInt64, node: NodeID) {
        let record = state.withLock { state -> Record? in
            guard !state.records.isEmpty, let record = state.records.removeValue(forKey: Key(owner: owner, node: node))
            else { return nil }
            Self.uncount(record.handle, &state)
            return record
        }
        if let record { _ = linux_close(record.descriptor) }
    }

    /// RELEASE: nobody holds the open file any more.
    func release(handle: UInt64) {
        let descriptors = state.withLock { state -> [Int32] in
            guard !state.handles.isEmpty, state.handles[handle] != nil else { return [] }
            let keys = state.records.filter { $0.value.handle == handle }.map(\.key)
            let descriptors = keys.compactMap { state.records.removeValue(forKey: $0)?.descriptor }
            state.handles[handle] = nil
            return descriptors
        }
        for descriptor in descriptors { _ = linux_close(descriptor) }
    }

    private static func uncount(_ handle: UInt64, _ state: inout State) {
        guard let count = state.handles[handle] else { return }
        state.handles[handle] = count > 1 ? count - 1 : nil
    }

    /// The process that holds a lock which the kernel reported as nobody's, if it is one of the mount's.
    func holder(of lock: linux_flock, node: NodeID, besides owner: UInt64) -> UInt32? {
        let others = state.withLock { state in
            state.records.filter { $0.key.node == node && $0.key.owner != owner }
                .map { ($0.value.descriptor, $0.value.process) }
        }
        return others.first { Self.holds($0.0, lock) }?.1
    }

    /// Whether a descriptor's open file description holds the lock: /proc/self/fdinfo lists
    /// `lock: 1: OFDLCK  ADVISORY  WRITE -1 08:01:1234 START END`, END being the last byte or EOF.
    private static func holds(_ descriptor: Int32, _ lock: linux_flock) -> Bool {
        guard let text = readWhole("/proc/self/fdinfo/\(descriptor)") else { return false }
        for line in text.split(separator: "\n") where line.hasPrefix("lock:") {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.count >= 2, words[words.count - 2] == "\(lock.start)" { return true }
        }
        return false
    }
}
