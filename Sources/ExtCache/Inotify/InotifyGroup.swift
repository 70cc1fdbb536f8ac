import CLinux
import Glibc
import StackCore
import SystemCalls

/// An instance of inotify(7), which reports names in directories, and not by whom they were changed.
struct InotifyGroup: ~Copyable, Sendable {
    private let descriptor: Descriptor
    let markLimit: Int
    /// What this process itself is about.
    private let own: OwnChanges

    private static let events =
        LINUX_IN_MODIFY | LINUX_IN_ATTRIB | LINUX_IN_MOVED_FROM | LINUX_IN_MOVED_TO | LINUX_IN_CREATE | LINUX_IN_DELETE

    /// - Throws: why inotify cannot be had.
    init(_ own: OwnChanges) throws(ChangeSourceError) {
        let result = linux_inotify_init1(LINUX_IN_CLOEXEC | LINUX_IN_NONBLOCK)
        guard result >= 0 else {
            switch Errno(rawValue: Int32(-result)) {
            case .enosys: throw ChangeSourceError("this kernel has no inotify (CONFIG_INOTIFY_USER)")
            case .emfile:
                throw ChangeSourceError(
                    "this user has too many inotify instances: raise fs.inotify.max_user_instances (sysctl)")
            case let error: throw ChangeSourceError("inotify is refused: \(error)")
            }
        }
        descriptor = Descriptor(owning: Int32(result))
        markLimit = Self.fairShare
        self.own = own
    }

    /// A quarter of the watches that the user may have, in all programs, and no more than fanotify's marks of root.
    private static var fairShare: Int {
        // In a user namespace there is a limit of its own beside that of the machine. The kernel gives no fewer than 8192 by itself.
        let limits = ["fs/inotify/max_user_watches", "user/max_inotify_watches"].compactMap {
            Int(text(of: "/proc/sys/\($0)").prefix { $0 != "\n" })
        }
        return min(1 << 15, (limits.min() ?? 8192) / 4)
    }

    /// The number of a new watch, or of that which the directory has.
    borrowing func add(_ directory: Int32) throws(Errno) -> Int32 {
        Int32(
            try checked(
                linux_inotify_add_watch(
                    descriptor.number, "/proc/self/fd/\(directory)", Self.events | LINUX_IN_ONLYDIR)))
    }

    borrowing func remove(_ watch: Int32) { _ = linux_inotify_rm_watch(descriptor.number, watch) }
}

/// A watch is taken off by its number.
struct InotifyMark: DirectoryMark {
    var needsDescriptor: Bool { false }
}

extension InotifyGroup: NotificationGroup {
    var number: Int32 { descriptor.number }

    borrowing func mark(_ directory: Int32) throws(Errno) -> (Int32, InotifyMark) {
        (try add(directory), InotifyMark())
    }

    borrowing func unmark(_ key: Int32, _ directory: MarkedDirectory<InotifyMark>, _ sink: any ChangeSink) {
        remove(key)
    }

    borrowing func begins(_ node: NodeID) { own.isUnseen(before: node) }

    borrowing func marked(_ node: NodeID) { own.isUncertain(before: node) }

    borrowing func report(
        _ buffer: UnsafeRawBufferPointer, _ marks: inout MarkedDirectories<InotifyGroup>, _ sink: any ChangeSink
    ) -> Bool {
        InotifyEvent.forEach(in: buffer) { event in
            if event.mask & LINUX_IN_Q_OVERFLOW != 0 {
                own.doubtAll()
                return sink.changesLost()
            }
            // Numbers are not given again soon, and so those that came after a watch was taken off are known by none.
            guard let directory = marks[event.watch] else { return }
            // The directory was removed, and nothing can appear in it any more; or its file system is gone (after IN_UNMOUNT).
            if event.mask & LINUX_IN_IGNORED != 0 { return marks.vanished(event.watch) }
            if let taken = ownChange(event, directory, sink) {
                if taken.isDoubtful { sink.entryMayHaveChanged(event.name, in: directory.inode) }
                return
            }
            DirectoryEvent(mask: event.mask, name: event.name, target: nil)
                .report(of: directory.inode, directory.nodes, to: sink)
        }
    }

    /// What this process has done to the name by order of the kernel, which knows of it; nil if another has. Where two nodes stand for the
    /// directory it knows of one only, and the name is looked up again by both.
    private borrowing func ownChange(
        _ event: InotifyEvent, _ directory: MarkedDirectory<InotifyMark>, _ sink: any ChangeSink
    ) -> OwnChanges.Event? {
        guard let change = event.change else { return nil }
        var result: OwnChanges.Event?
        for node in directory.nodes where result == nil { result = own.take(change, event.name, in: node) }
        guard var taken = result else { return nil }
        if directory.nodes.count > 1 { taken.isDoubtful = true }
        // Two moves to one name that follow each other are one event. The other may be somebody else's.
        guard change == .movedHere else { return taken }
        let inode = DirectoryEvent.inode(behind: event.name, directory.nodes, sink)?.inode
        return inode == taken.inode ? taken : nil
    }
}

extension InotifyEvent {
    /// What has become of the name; nil if it is as it was.
    fileprivate var change: NameChange? {
        if mask & LINUX_IN_CREATE != 0 { return .made }
        if mask & LINUX_IN_DELETE != 0 { return .removed }
        if mask & LINUX_IN_MOVED_FROM != 0 { return .movedAway }
        return mask & LINUX_IN_MOVED_TO != 0 ? .movedHere : nil
    }
}
