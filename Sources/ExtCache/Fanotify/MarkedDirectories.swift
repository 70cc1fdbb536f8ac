import CLinux
import Glibc
import StackCore
import SystemCalls

/// The directories that have a mark, by the names that events give them. Used by the watcher's thread alone.
struct MarkedDirectories {
    struct Directory {
        let inode: LowerInode
        /// The nodes that stand for it: one for each lower mount that shows it.
        var nodes: [NodeID]
        /// By which the mark is taken off again; a descriptor where handles cannot be opened, -1 elsewhere.
        let handle: linux_file_handle
        let descriptor: Int32
        /// Numbers in file handles are those of statx(2).
        let handlesTellInodes: Bool
    }

    private var directories: [FileIdentifier: Directory] = [:]
    private var identifiers: [NodeID: FileIdentifier] = [:]
    private let keepsDescriptors: Bool

    /// - Parameter keepsDescriptors: file handles cannot be opened.
    init(keepsDescriptors: Bool) { self.keepsDescriptors = keepsDescriptors }

    var count: Int { directories.count }

    subscript(identifier: FileIdentifier) -> Directory? { directories[identifier] }

    /// Marks the directory of a node; false where it cannot be marked, and is kept for the time-to-live.
    mutating func add(
        _ node: NodeID, _ inode: LowerInode, _ group: borrowing FanotifyGroup, _ sink: any ChangeSink
    ) -> Bool {
        var made: (FileIdentifier, Directory)?
        // The group is not copyable, and so none that the closure could capture.
        var duplicate: Int32 = -1
        let isThere = sink.withDirectory(node) { duplicate = Int32(linux_fcntl($0, F_DUPFD_CLOEXEC, 0)) }
        guard isThere, duplicate >= 0 else { return false }
        let directory = Descriptor(owning: duplicate)
        guard LocalFileSystem.contains(directory.number) else { return false }
        do throws(Errno) {
            made = try Self.describe(directory.number, inode, keepsDescriptors)
            try group.mark(directory.number)
        } catch {
            return false
        }
        guard let (identifier, description) = made else { return false }
        identifiers[node] = identifier
        if directories[identifier] == nil {
            let kept = description.descriptor >= 0 ? directory.take() : -1
            directories[identifier] = Directory(
                inode: inode, nodes: [node], handle: description.handle, descriptor: kept,
                handlesTellInodes: description.handlesTellInodes)
        } else {
            directories[identifier]?.nodes.append(node)
        }
        return true
    }

    private static func describe(
        _ descriptor: Int32, _ inode: LowerInode, _ keepsDescriptor: Bool
    ) throws(Errno) -> (FileIdentifier, Directory) {
        var status = linux_statfs()
        try checked(linux_fstatfs(descriptor, &status))
        var handle = linux_file_handle()
        var mount: Int32 = 0
        let room = UInt32(MemoryLayout.size(ofValue: handle.data))
        handle.bytes = room
        var isForOpening = true
        let result = linux_name_to_handle_at(descriptor, "", &handle, &mount, LINUX_AT_EMPTY_PATH)
        if result == Int64(-EOPNOTSUPP) {
            // An overlay without nfs_export: a handle that only identifies (Linux 6.5), by a number of the overlay's own if its layers
            // are such overlays again.
            isForOpening = false
            handle.bytes = room
            try checked(
                linux_name_to_handle_at(descriptor, "", &handle, &mount, LINUX_AT_EMPTY_PATH | LINUX_AT_HANDLE_FID))
        } else {
            try checked(result)
        }
        let identifier = FileIdentifier(fsid: (status.fsid.0, status.fsid.1), handle)
        return (
            identifier,
            Directory(
                inode: inode, nodes: [], handle: handle,
                descriptor: isForOpening && !keepsDescriptor ? -1 : descriptor, handlesTellInodes: isForOpening)
        )
    }

    /// Takes the mark off once no node needs it.
    mutating func remove(_ node: NodeID, _ group: borrowing FanotifyGroup, _ sink: any ChangeSink) {
        guard let identifier = identifiers.removeValue(forKey: node), var directory = directories[identifier] else {
            return
        }
        directory.nodes.removeAll { $0 == node }
        guard directory.nodes.isEmpty else {
            directories[identifier] = directory
            return
        }
        directories[identifier] = nil
        let descriptor =
            directory.descriptor >= 0
            ? directory.descriptor : sink.openDirectory(directory.handle, on: directory.inode.device)
        guard let descriptor else { return }
        group.unmark(descriptor)
        _ = linux_close(descriptor)
    }

    /// Closes what is open; the marks go with the group.
    mutating func closeAll() {
        for directory in directories.values where directory.descriptor >= 0 { _ = linux_close(directory.descriptor) }
        directories = [:]
        identifiers = [:]
    }
}
