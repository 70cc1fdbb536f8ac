import CLinux
import FuseKernel
import Logging
import Synchronization
import SystemCalls

/// Keeps what the kernel has cached of the mount right when the lower tree changes behind it: takes changes in from a
/// ``ChangeSource`` and has the kernel drop what they outdate.
///
/// | what changed | what is sent | by which thread |
/// |---|---|---|
/// | attributes | INVAL_INODE without data | the source's: it takes no inode's lock |
/// | data | the same, and with data where the kernel caches pages | ``InodeInvalidations`` |
/// | a name | INVAL_ENTRY, INVAL_INODE of the directory with its kept entries | ``EntryInvalidations`` |
/// | anything (changes were lost) | INC_EPOCH, INVAL_INODE of every node that the kernel may keep for long | the source's, ``InodeInvalidations`` |
///
/// **Answers that cross a change.** An answer to GETATTR that is older than an INVAL_INODE is dropped by the kernel (attr_version), and an
/// answer about a name keeps its directory's lock, for which INVAL_ENTRY waits. That leaves the first answer about an inode, of which the
/// kernel knows nothing that could be dropped: ``InodeInvalidations/retry(_:)`` waits until it knows. And it leaves the attributes that
/// were read before the node was in the table, where no change could find it: ``moment`` tells, and they are read again.
final class Coherence: ChangeSink, NodeObserver {
    let source: any ChangeSource
    let wantsOwnChanges: Bool
    private let nodes: NodeTable
    private let connection: Connection
    private let entries: EntryInvalidations
    private let inodes: InodeInvalidations
    /// INC_EPOCH is there (7.44).
    private let hasEpochs: Bool
    /// Attributes may be given out for longer than a moment, also where nobody sees them change.
    private let keepsAttributes: Bool
    private let isRunning = Atomic(true)
    private let isSourceEnded = Atomic(false)
    private let clock = Atomic<UInt64>(0)
    private let logger: Logger

    /// - Throws: what eventfd(2) gives.
    init(
        _ source: any ChangeSource, _ nodes: NodeTable, _ files: OpenFileTable, _ connection: Connection,
        _ backing: BackingFiles?, opensFiles: Bool, heldFiles: (any HeldFileSource)?, hasEpochs: Bool,
        keepsAttributes: Bool, _ logger: Logger
    ) throws(Errno) {
        self.source = source
        wantsOwnChanges = source.wantsOwnChanges
        self.nodes = nodes
        self.connection = connection
        self.hasEpochs = hasEpochs
        self.keepsAttributes = keepsAttributes
        self.logger = logger
        entries = try EntryInvalidations(connection)
        inodes = try InodeInvalidations(
            connection, nodes, files, backing, opensFiles: opensFiles, heldFiles: heldFiles, logger)
    }

    /// Starts the threads, the source's last. Nothing is served yet.
    func begin() throws(Errno) {
        try entries.begin()
        try inodes.begin()
        nodes.observer = self
        if tracksEveryNode, nodes.mounts.isLocal(0), nodes.mark(.root, Use.tracked | Use.watched),
            let root = nodes.lowerInode(of: .root)
        {
            source.track(root, node: .root)
        }
        do throws(Errno) {
            try source.begin(self)
        } catch {
            nodes.observer = nil
            throw error
        }
    }

    func end() {
        isRunning.store(false, ordering: .relaxed)
        endSource()
        entries.end()
        inodes.end()
    }

    /// Once, whoever asks for it first.
    private func endSource() {
        if !isSourceEnded.exchange(true, ordering: .acquiringAndReleasing) { source.end() }
    }

    // MARK: what may be answered

    /// Whether what is answered about names in a directory may be kept until a change is reported. A directory that is not watched yet will
    /// be.
    func isWatched(_ directory: borrowing NodeReference) -> Bool {
        guard isRunning.load(ordering: .relaxed) else { return false }
        // The mark is as old as the reference, and so older than what was read by it.
        if directory.marks & Use.watched != 0 { return true }
        if !tracksEveryNode, directory.marks & Use.tracked == 0, nodes.mark(directory.id, Use.tracked),
            let inode = nodes.lowerInode(of: directory.id)
        {
            source.track(inode, node: directory.id)
        }
        return false
    }

    /// Whether every change of a node's attributes is reported.
    func seesAttributes(of node: NodeID) -> Bool {
        tracksEveryNode && nodes.marks(node) & Use.watched != 0 && isRunning.load(ordering: .relaxed)
    }

    /// The kernel is about to be given attributes of a node. Comes before they are read, and before the look at whether they may be kept: who
    /// sweeps finds the mark, or who answers finds that the moment has moved on, and the source gone.
    func gives(_ node: NodeID) {
        if tracksEveryNode || keepsAttributes { nodes.note(node, Use.given) }
    }

    /// The kernel is about to be given an access control list of a node, which it keeps as long as the attributes, or longer: what is
    /// held and not looked up again has its attributes asked for by stat(2), and its list by nobody. Comes before the list is read.
    func givesList(_ node: NodeID) { nodes.note(node, Use.given) }

    /// The kernel is about to be given a directory's entries.
    func lists(_ directory: NodeID) { nodes.note(directory, Use.listed) }

    /// Moves on whenever attributes that were read before may be outdated without anybody knowing of what: a node has come to be that no
    /// earlier change could find, or changes were lost. Read it before attributes, and, if it has moved when their node is known and
    /// marked, read them again.
    var moment: UInt64 { clock.load(ordering: .acquiring) }

    // MARK: NodeObserver

    var tracksEveryNode: Bool { source.reach == .inodes }

    func nodeBegins(_ node: NodeID, _ inode: LowerInode) {
        source.track(inode, node: node)
        clock.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    func nodeEnds(_ node: NodeID, _ inode: LowerInode) { source.untrack(inode, node: node) }

    // MARK: ChangeSink

    func attributesChanged(_ inode: LowerInode) {
        nodes.forEachNode(of: inode) { node in
            if !connection.invalidateAttributes(nodeid: node.rawValue) { inodes.retry(node) }
        }
    }

    func dataChanged(_ inode: LowerInode) {
        nodes.forEachNode(of: inode) { node in
            if !connection.invalidateAttributes(nodeid: node.rawValue) {
                inodes.retry(node)
            } else if inodes.cachesPages {
                inodes.dropData(node)
            }
        }
    }

    func entryChanged(_ name: UnsafeRawBufferPointer, in directory: LowerInode) {
        nodes.forEachNode(of: directory) { entryChanged(name, in: $0) }
    }

    /// - Parameter isOwn: as ``entryMayHaveChanged(_:in:)`` has it.
    func entryChanged(_ name: UnsafeRawBufferPointer, in directory: NodeID, isOwn: Bool = false) {
        if !entries.add(name, in: directory, isOwn: isOwn) { changesLost() }
    }

    func entryMayHaveChanged(_ name: UnsafeRawBufferPointer, in directory: LowerInode) {
        nodes.forEachNode(of: directory) { entryChanged(name, in: $0, isOwn: true) }
        attributesChanged(directory)
    }

    /// A RENAME has succeeded. The kernel has put what it believed to have had the old name under the new one, without asking: if
    /// another took the old name's place just before, the change of that name comes too late for the new one.
    func renamed(to name: borrowing Name, in directory: NodeID) {
        entryChanged(name.bytes, in: directory, isOwn: true)
    }

    func changesLost() {
        clock.wrappingAdd(1, ordering: .acquiringAndReleasing)
        if hasEpochs { connection.expireEntries() }
        inodes.sweep()
    }

    func sourceFailed(_ error: Errno) {
        guard isRunning.exchange(false, ordering: .acquiringAndReleasing) else { return }
        // What was answered before may have been kept for ever.
        changesLost()
        logger.error("\(source.name) sees no changes any more (\(error)): caches are kept by time from now on")
    }

    /// Gives the source up, as if it had failed: from now on caches are kept by time.
    func stop() {
        guard isRunning.exchange(false, ordering: .acquiringAndReleasing) else { return }
        endSource()
        changesLost()
        logger.notice("\(source.name) was told to stop: caches are kept by time from now on")
    }

    func watches(_ directory: NodeID) {
        guard nodes.mark(directory, Use.watched) else { return }
        // Of what came before nobody has heard. The kernel asks for the time of change again, and lists anew where that is another.
        connection.invalidateAttributes(nodeid: directory.rawValue)
    }

    func withDirectory(_ directory: NodeID, _ body: (Int32) -> Void) -> Bool {
        do throws(Errno) {
            let reference = try nodes.borrow(directory)
            body(reference.descriptor)
            return true
        } catch {
            return false
        }
    }

    func openDirectory(_ handle: linux_file_handle, on device: UInt64) -> Int32? {
        var handle = handle
        for mount in nodes.mounts.numbers(ofDevice: device) where nodes.mounts.handleDescriptor(mount) >= 0 {
            if let directory = try? LowerReference.open(&handle, mount: nodes.mounts.handleDescriptor(mount)) {
                return directory.take()
            }
        }
        return nil
    }
}
