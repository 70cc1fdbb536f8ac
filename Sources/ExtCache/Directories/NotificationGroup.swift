import StackCore
import SystemCalls

/// A queue of the kernel's, into which events come from the directories that have a mark in it: fanotify(7) or inotify(7).
protocol NotificationGroup: ~Copyable, Sendable {
    /// What the directory of an event is told by.
    associatedtype Key: Hashable
    associatedtype Mark: DirectoryMark

    /// Readable when there are events.
    var number: Int32 { get }
    /// How many directories may be marked.
    var markLimit: Int { get }

    /// Has changes in a directory reported (an O_PATH descriptor will do), once however often it is asked for.
    /// - Throws: ENOSPC when the user has no marks left; EACCES where the directory cannot be read.
    borrowing func mark(_ directory: Int32) throws(Errno) -> (Key, Mark)

    borrowing func unmark(_ key: Key, _ directory: MarkedDirectory<Mark>, _ sink: any ChangeSink)

    /// A directory is about to be marked for its node: no event tells of what has been done in it before.
    borrowing func begins(_ node: NodeID)

    /// It has been marked.
    borrowing func marked(_ node: NodeID)

    /// Reports what was read; false if it makes no sense.
    borrowing func report(
        _ buffer: UnsafeRawBufferPointer, _ marks: inout MarkedDirectories<Self>, _ sink: any ChangeSink
    ) -> Bool
}

extension NotificationGroup where Self: ~Copyable {
    borrowing func begins(_ node: NodeID) {}
    borrowing func marked(_ node: NodeID) {}
}

/// What is kept of a mark to take it off again.
protocol DirectoryMark {
    /// It is taken off by a descriptor of the directory, which is kept open.
    var needsDescriptor: Bool { get }
}

/// A directory that has a mark.
struct MarkedDirectory<Mark: DirectoryMark> {
    let inode: LowerInode
    /// The nodes that stand for it: one for each lower mount that shows it.
    var nodes: [NodeID]
    let mark: Mark
    /// -1 where the mark needs none.
    let descriptor: Int32
}
