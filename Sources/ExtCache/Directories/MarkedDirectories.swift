import CLinux
import Glibc
import StackCore
import SystemCalls

/// The directories that have a mark, by what events name them by. Used by the watcher's thread alone.
struct MarkedDirectories<Group: NotificationGroup & ~Copyable> {
    typealias Directory = MarkedDirectory<Group.Mark>

    private var directories: [Group.Key: Directory] = [:]
    private var keys: [NodeID: Group.Key] = [:]

    var count: Int { directories.count }

    subscript(key: Group.Key) -> Directory? { directories[key] }

    /// Marks the directory of a node; false where it cannot be marked, and is kept for the time-to-live.
    mutating func add(
        _ node: NodeID, _ inode: LowerInode, _ group: borrowing Group, _ sink: any ChangeSink
    ) -> Bool {
        // The group is not copyable, and so none that the closure could capture.
        var duplicate: Int32 = -1
        let isThere = sink.withDirectory(node) { duplicate = Int32(linux_fcntl($0, F_DUPFD_CLOEXEC, 0)) }
        guard isThere, duplicate >= 0 else { return false }
        let descriptor = Descriptor(owning: duplicate)
        guard LocalFileSystem.contains(descriptor.number) else { return false }
        group.begins(node)
        let (key, mark): (Group.Key, Group.Mark)
        do throws(Errno) {
            (key, mark) = try group.mark(descriptor.number)
        } catch {
            return false
        }
        group.marked(node)
        keys[node] = key
        if directories[key] == nil {
            let kept = mark.needsDescriptor ? descriptor.take() : -1
            directories[key] = Directory(inode: inode, nodes: [node], mark: mark, descriptor: kept)
        } else {
            directories[key]?.nodes.append(node)
        }
        return true
    }

    /// Takes the mark off once no node needs it.
    mutating func remove(_ node: NodeID, _ group: borrowing Group, _ sink: any ChangeSink) {
        guard let key = keys.removeValue(forKey: node), var directory = directories[key] else { return }
        directory.nodes.removeAll { $0 == node }
        guard directory.nodes.isEmpty else {
            directories[key] = directory
            return
        }
        directories[key] = nil
        group.unmark(key, directory, sink)
        if directory.descriptor >= 0 { _ = linux_close(directory.descriptor) }
    }

    /// The kernel has taken the mark off itself, with the directory.
    mutating func vanished(_ key: Group.Key) {
        guard let directory = directories.removeValue(forKey: key) else { return }
        for node in directory.nodes { keys[node] = nil }
        if directory.descriptor >= 0 { _ = linux_close(directory.descriptor) }
    }

    /// Closes what is open; the marks go with the group.
    mutating func closeAll() {
        for directory in directories.values where directory.descriptor >= 0 { _ = linux_close(directory.descriptor) }
        directories = [:]
        keys = [:]
    }
}
