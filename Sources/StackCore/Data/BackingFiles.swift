import CLinux
import FuseKernel
import Glibc
import Synchronization
import SystemCalls

/// Kernel passthrough: which lower file the kernel reads and writes for each inode that is open.
///
/// The kernel's rules (fs/fuse/iomode.c, passthrough.c): an inode has one backing file at a time, and while any file of
/// it is open through the page cache none may be open through a backing file. So the first open decides for all that
/// overlap it.
///
/// A backing file writes with the rights of who opened it first: quota, reserved blocks and the clearing of set-id bits are
/// theirs. When the last open file is released the backing file is kept for the next one of the same user, unless it has to make
/// room for another or the kernel forgets the node.
final class BackingFiles: Sendable {
    /// How many backing files are kept for nodes that are not open. Each pins a lower inode.
    private static let keptLimit = 1024

    private struct Inode {
        /// nil: open through the page cache.
        var backing: Int32?
        /// Whose rights it has.
        var owner = Owner(uid: 0, gid: 0)
        /// Open files, and of them those that can be mapped for writing.
        var opens = 0
        var mappable = 0
        /// A mapping may have outlived its file.
        var mayBeMapped = false
        /// Which of all opens that can be mapped was its last.
        var lastMappable: UInt64 = 0
        var closesQuietly = false
        /// The mark of its place among the kept, 0 while it is open.
        var mark: UInt64 = 0
    }

    private struct Owner: Equatable {
        var uid: UInt32
        var gid: UInt32
    }

    private struct State {
        var inodes: [NodeID: Inode] = [:]
        /// The nodes that were released last, a ring with the oldest at `next`. One that was opened since has another mark.
        var kept = [(node: NodeID, mark: UInt64)](repeating: (NodeID(rawValue: 0), 0), count: keptLimit)
        var next = 0
        var marks: UInt64 = 0
        var mappables: UInt64 = 0
    }

    private let state: Mutex<State>
    /// How many inodes are, or may be, mapped for writing: zero spares every reply a look at the table.
    private let writableCount = Atomic<Int>(0)
    /// A file was opened that has no backing file: the kernel caches its pages while it is open.
    private let hasCachedPages = Atomic(false)
    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
        var state = State()
        state.inodes.reserveCapacity(2 * Self.keptLimit)
        self.state = Mutex(state)
    }

    /// Whether the kernel may have pages of a regular file.
    var cachesPages: Bool { hasCachedPages.load(ordering: .relaxed) }

    /// A file of a node is being opened for reading. Returns the id to answer with if the node has a backing file that will do, and
    /// then the lower file need not be opened.
    func openedAgain(_ node: NodeID, _ request: Request) -> (id: Int32, closesQuietly: Bool)? {
        state.withLock { state in
            guard let inode = state.inodes[node], let backing = inode.backing,
                inode.opens > 0 || inode.owner == Owner(uid: request.uid, gid: request.gid)
            else { return nil }
            state.inodes[node]?.opens += 1
            state.inodes[node]?.mark = 0
            return (backing, inode.closesQuietly)
        }
    }

    /// A file of a node is being opened. Returns the id to answer with; nil where data go through the daemon.
    ///
    /// - Parameter register: ``Connection/openBacking(_:)`` for the file, as the caller; called under the table's lock, as two ids
    ///   for one inode must not be: it may not ask the lower file system for anything.
    func opened(
        _ node: NodeID, _ request: Request, flags: UInt32, closesQuietly: Bool,
        _ register: (Connection) throws(Errno) -> Int32
    ) -> Int32? {
        let isMappable = Self.isMappable(flags)
        let owner = Owner(uid: request.uid, gid: request.gid)
        let (backing, isFirstMappable) = state.withLock { state in
            var inode = state.inodes[node] ?? Inode()
            if inode.opens == 0, inode.backing == nil || inode.owner != owner {
                if let former = inode.backing { connection.closeBacking(former) }
                inode.backing = try? register(connection)
                inode.owner = owner
                inode.closesQuietly = closesQuietly
            }
            let wasWritable = inode.mappable > 0 || inode.mayBeMapped
            inode.opens += 1
            inode.mark = 0
            if isMappable, inode.backing != nil {
                inode.mappable += 1
                state.mappables += 1
                inode.lastMappable = state.mappables
            }
            state.inodes[node] = inode
            return (inode.backing, !wasWritable && inode.mappable > 0)
        }
        if backing == nil { hasCachedPages.store(true, ordering: .relaxed) }
        if isFirstMappable {
            writableCount.wrappingAdd(1, ordering: .relaxed)
            connection.invalidateAttributes(nodeid: node.rawValue)
        }
        return backing
    }

    /// Stores through a shared mapping need a file that is open for reading and writing.
    private static func isMappable(_ flags: UInt32) -> Bool { Int32(bitPattern: flags) & O_ACCMODE == O_RDWR }

    /// A file of a node was released; its own descriptor is closed already.
    func released(_ node: NodeID, flags: UInt32, _ borrow: () throws(Errno) -> NodeReference) {
        let isMappable = Self.isMappable(flags)
        var lastMappable = false
        state.withLock { state in
            guard var inode = state.inodes[node], inode.opens > 0 else { return }
            inode.opens -= 1
            if isMappable, inode.backing != nil {
                inode.mappable -= 1
                inode.mayBeMapped = true
                lastMappable = inode.mappable == 0
            }
            if inode.opens == 0, inode.backing != nil { inode.mark = keep(node, &state) }
            state.inodes[node] = inode.opens == 0 && inode.backing == nil && !inode.mayBeMapped ? nil : inode
        }
        guard lastMappable else { return }
        if let reference = try? borrow() { settle(node, reference.descriptor) }
        // Stores since the last look have changed the times, and the kernel's FUSE side does not know.
        connection.invalidateAttributes(nodeid: node.rawValue)
    }

    /// Gives a node's backing file a place among the kept, in the stead of the one that has been there longest.
    private func keep(_ node: NodeID, _ state: inout State) -> UInt64 {
        state.marks += 1
        let former = state.kept[state.next]
        state.kept[state.next] = (node, state.marks)
        state.next = (state.next + 1) % Self.keptLimit
        if var inode = state.inodes[former.node], inode.mark == former.mark, former.mark != 0,
            let backing = inode.backing
        {
            connection.closeBacking(backing)
            inode.backing = nil
            inode.mark = 0
            state.inodes[former.node] = inode.mayBeMapped ? inode : nil
        }
        return state.marks
    }

    /// Whether the kernel may keep the attributes of a node: not while stores through a mapping can change its times unseen.
    func mayKeepAttributes(_ node: NodeID, inode reference: Int32?) -> Bool {
        if writableCount.load(ordering: .relaxed) == 0 { return true }
        let (isOpen, mayBeMapped) = state.withLock { state in
            (state.inodes[node]?.mappable ?? 0 > 0, state.inodes[node]?.mayBeMapped ?? false)
        }
        if isOpen { return false }
        guard mayBeMapped else { return true }
        guard let reference else { return false }
        return settle(node, reference)
    }

    /// Finds out whether anything still has the inode mapped or open for writing; if not, forgets that it may be.
    @discardableResult
    private func settle(_ node: NodeID, _ reference: Int32) -> Bool {
        let before = state.withLock { $0.inodes[node]?.lastMappable }
        guard let file = try? Lower.reopen(reference, O_RDONLY | O_NONBLOCK) else { return false }
        guard Lower.hasNoWriter(file.number) else { return false }
        return state.withLock { state in
            guard var inode = state.inodes[node], inode.mappable == 0 else { return state.inodes[node] == nil }
            guard inode.mayBeMapped else { return true }
            // Opened, mapped and closed since the look.
            guard inode.lastMappable == before else { return false }
            inode.mayBeMapped = false
            state.inodes[node] = inode.opens == 0 && inode.backing == nil ? nil : inode
            writableCount.wrappingSubtract(1, ordering: .relaxed)
            return true
        }
    }

    /// The kernel has forgotten the node, so that nothing of it is open or mapped.
    func forgotten(_ node: NodeID) {
        state.withLock { state in
            guard let inode = state.inodes[node], inode.opens == 0 else { return }
            if let backing = inode.backing { connection.closeBacking(backing) }
            if inode.mayBeMapped { writableCount.wrappingSubtract(1, ordering: .relaxed) }
            state.inodes[node] = nil
        }
    }
}
