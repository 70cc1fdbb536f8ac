import CLinux
import SystemCalls

/// What sees the lower tree change behind the mount, and reports it to a ``ChangeSink``.
///
/// A source is made before the daemon gives up its privileges and starts a thread: what needs them (loading programs, opening a
/// notification group) is done by its initialiser, which throws ``ChangeSourceError`` where the system refuses. ``begin(_:)`` is
/// called afterwards, under the daemon's system call filter.
///
/// It reports what *others* have done. What this process does by system calls the kernel's FUSE side knows, as it has asked for
/// it; a store through a mapping, and what the kernel does by passthrough, is never this process's own.
public protocol ChangeSource: AnyObject, Sendable {
    /// "eBPF", "fanotify", "inotify": for the log and `stackfs doctor`.
    var name: String { get }
    /// What it does not see, a sentence each without its full stop.
    var blindSpots: [String] { get }
    /// What it watches.
    var reach: ChangeReach { get }

    /// Starts the source's threads; from here on it reports.
    /// - Throws: EAGAIN where there is no room for a thread.
    func begin(_ sink: any ChangeSink) throws(Errno)

    /// The kernel is to keep something of `node`, which stands for `inode`.
    ///
    /// Called on the way of a request by any thread: it must neither make a system call nor wait. With ``ChangeReach/inodes``
    /// for each node that comes to be, before the attributes that are answered are read: what changes from the return on is reported.
    /// With ``ChangeReach/directories`` once for each directory in which a name is looked up; the source marks it on a thread
    /// of its own (``ChangeSink/withDirectory(_:_:)``) and then says ``ChangeSink/watches(_:)``.
    func track(_ inode: LowerInode, node: NodeID)

    /// The kernel has forgotten the node. Called as often as ``track(_:node:)`` was, by any thread, and must not wait.
    func untrack(_ inode: LowerInode, node: NodeID)

    /// It is to be told of what this process does, as its events do not tell by whom a name was changed.
    var wantsOwnChanges: Bool { get }

    /// This process is about to change a name in a directory, tracked or not. Returns what ``ownChangeEnds(_:at:succeeded:)`` is to be called
    /// with once, nil if it need not. Both are called on the way of a request by any thread, and neither waits.
    ///
    /// - Parameter inode: st_ino of what a name is moved to; 0 if that is unknown.
    func ownChangeBegins(
        _ change: NameChange, _ name: UnsafeRawBufferPointer, in directory: NodeID, inode: UInt64
    ) -> Int?

    /// The system call has returned; without success if it failed, or has changed nothing. True if the name may have been changed by another
    /// meanwhile, which has not been reported.
    func ownChangeEnds(_ change: NameChange, at place: Int, succeeded: Bool) -> Bool

    /// Ends the source's threads, and waits for them; nothing is reported afterwards.
    func end()
}

extension ChangeSource {
    public var wantsOwnChanges: Bool { false }

    public func ownChangeBegins(
        _ change: NameChange, _ name: UnsafeRawBufferPointer, in directory: NodeID, inode: UInt64
    ) -> Int? { nil }

    public func ownChangeEnds(_ change: NameChange, at place: Int, succeeded: Bool) -> Bool { false }
}

/// What can become of a name.
public enum NameChange: Int, Sendable {
    case made, removed, movedAway, movedHere
}

/// What a source watches of the nodes that it was told of.
public enum ChangeReach: Sendable {
    /// All of an inode: attributes, data, and a directory's entries.
    case inodes
    /// What happens to names in a directory, and to what they lead to by way of these names. It does not see what is done through
    /// another name, nor stores through a mapping: attributes are kept for the time-to-live.
    case directories
}

/// Why a source cannot be had, and the way out, in a sentence without its full stop.
public struct ChangeSourceError: Error, Equatable, Sendable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

/// Who hears of changes. Calls come from the source's threads, after the change is visible to who asks the lower tree; none waits
/// for the daemon's requests. Reporting too much is harmless, and an inode that has no node is passed over.
public protocol ChangeSink: AnyObject, Sendable {
    /// Mode, owner, times, size, link count, extended attributes.
    func attributesChanged(_ inode: LowerInode)

    /// A regular file's content, and its attributes with it.
    func dataChanged(_ inode: LowerInode)

    /// A name in a directory has appeared, vanished, or leads elsewhere; the directory's attributes have changed with it. `name` is of
    /// 1 to 255 bytes without a zero at the end, valid during the call. The inode that it leads or led to is reported apart.
    func entryChanged(_ name: UnsafeRawBufferPointer, in directory: LowerInode)

    /// The same of a name that is right if it was this process that changed it, which is not known: who uses what it leads to must not
    /// notice.
    func entryMayHaveChanged(_ name: UnsafeRawBufferPointer, in directory: LowerInode)

    /// Changes were lost: anything may be another.
    func changesLost()

    /// The source sees nothing any more, from some moment past on.
    func sourceFailed(_ error: Errno)

    /// From now on changes in the directory are reported (``ChangeReach/directories``).
    func watches(_ directory: NodeID)

    /// Runs `body` with a descriptor (O_PATH) of a directory's node; false where the node is gone or cannot be opened.
    func withDirectory(_ directory: NodeID, _ body: (Int32) -> Void) -> Bool

    /// Opens (O_PATH) the directory of a file handle, of a device on which there are nodes; nil where that cannot be.
    func openDirectory(_ handle: linux_file_handle, on device: UInt64) -> Int32?
}

extension ChangeSink {
    public func openDirectory(_ handle: linux_file_handle, on device: UInt64) -> Int32? { nil }
}
