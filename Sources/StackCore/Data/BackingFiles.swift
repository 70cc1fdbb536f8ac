import CLinux
import FuseKernel
import Glibc
import Synchronization
import SystemCalls

/// Kernel passthrough: which lower file the kernel reads and writes for each inode that is open.
///
/// The kernel's rules (fs/fuse/iomode.c, passthrough.c): an inode has one backing file at a time, and while any file of
/// it is open through the page cache none may be open through a backing file. So the first open decides for all that
/// overlap it, and the backing id goes when the last is released.
///
/// A backing file writes with the rights of who opened it first: quota, reserved blocks and the clearing of set-id bits are
/// theirs.
final class BackingFiles: Sendable {
    private struct Inode {
        /// nil: open through the page cache.
        let backing: Int32?
        /// Open files, and of them those that can be mapped for writing.
        var opens = 0
        var mappable = 0
        /// A mapping may have outlived its file.
        var mayBeMapped = false
    }

    private let inodes = Mutex<[NodeID: Inode]>([:])
    /// How many inodes are, or may be, mapped for writing: zero spares every reply a look at the table.
    private let writableCount = Atomic<Int>(0)
    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    /// A file of a node is being opened. Returns the id to answer with; nil where data go through the daemon.
    ///
    /// - Parameter register: ``Connection/openBacking(_:)`` for the file, as the caller; called under the table's lock, as two ids
    ///   for one inode must not be.
    func opened(_ node: NodeID, flags: UInt32, _ register: (Connection) throws(Errno) -> Int32) -> Int32? {
        let isMappable = Self.isMappable(flags)
        let (backing, isFirstMappable) = inodes.withLock { inodes in
            var inode = inodes[node] ?? Inode(backing: nil)
            if inode.opens == 0 {
                inode = Inode(backing: try? register(connection), mayBeMapped: inode.mayBeMapped)
            }
            let wasWritable = inode.mappable > 0 || inode.mayBeMapped
            inode.opens += 1
            if isMappable, inode.backing != nil { inode.mappable += 1 }
            inodes[node] = inode
            return (inode.backing, !wasWritable && inode.mappable > 0)
        }
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
        var closing: Int32?
        var lastMappable = false
        inodes.withLock { inodes in
            guard var inode = inodes[node], inode.opens > 0 else { return }
            inode.opens -= 1
            if isMappable, inode.backing != nil {
                inode.mappable -= 1
                inode.mayBeMapped = true
                lastMappable = inode.mappable == 0
            }
            if inode.opens == 0 { closing = inode.backing }
            inodes[node] = inode.opens == 0 && !inode.mayBeMapped ? nil : inode
        }
        if let closing { connection.closeBacking(closing) }
        guard lastMappable else { return }
        if let reference = try? borrow() { settle(node, reference.descriptor) }
        // Stores since the last look have changed the times, and the kernel's FUSE side does not know.
        connection.invalidateAttributes(nodeid: node.rawValue)
    }

    /// Whether the kernel may keep the attributes of a node: not while stores through a mapping can change its times unseen.
    func mayKeepAttributes(_ node: NodeID, inode reference: Int32?) -> Bool {
        if writableCount.load(ordering: .relaxed) == 0 { return true }
        let (isOpen, mayBeMapped) = inodes.withLock { inodes in
            (inodes[node]?.mappable ?? 0 > 0, inodes[node]?.mayBeMapped ?? false)
        }
        if isOpen { return false }
        guard mayBeMapped else { return true }
        guard let reference else { return false }
        return settle(node, reference)
    }

    /// Finds out whether anything still has the inode mapped or open for writing; if not, forgets that it may be.
    ///
    /// A read lease is given only where nobody has the file open for writing, and a mapping keeps its file open (F_SETLEASE of
    /// fcntl(2)).
    @discardableResult
    private func settle(_ node: NodeID, _ reference: Int32) -> Bool {
        guard let file = try? Lower.reopen(reference, O_RDONLY | O_NONBLOCK) else { return false }
        guard linux_fcntl(file.number, LINUX_F_SETLEASE, Int(F_RDLCK)) == 0 else { return false }
        _ = linux_fcntl(file.number, LINUX_F_SETLEASE, Int(F_UNLCK))
        return inodes.withLock { inodes in
            guard var inode = inodes[node], inode.mappable == 0 else { return inodes[node] == nil }
            guard inode.mayBeMapped else { return true }
            inode.mayBeMapped = false
            inodes[node] = inode.opens == 0 ? nil : inode
            writableCount.wrappingSubtract(1, ordering: .relaxed)
            return true
        }
    }

    /// The kernel has forgotten the node, so that nothing of it is open or mapped.
    func forgotten(_ node: NodeID) {
        if writableCount.load(ordering: .relaxed) == 0 { return }
        inodes.withLock { inodes in
            guard let inode = inodes[node], inode.opens == 0, inode.mayBeMapped else { return }
            inodes[node] = nil
            writableCount.wrappingSubtract(1, ordering: .relaxed)
        }
    }
}
