import CLinux
import StackCore
import SystemCalls

/// A ``ChangeSource`` that needs no program in the kernel: fanotify(7) with a mark on each directory in which names are looked up.
public final class FanotifyWatcher: ChangeSource {
    public let name = "fanotify"
    public let reach = ChangeReach.directories
    public let blindSpots = [
        "stores through a mapping and chattr(1) in the lower directory, and what is done to a file there through a name in a directory "
            + "that nobody has looked into, show in attributes after the time-to-live"
    ]

    private let watch: DirectoryWatch<FanotifyGroup>

    /// - Parameter lower: a descriptor of the lower directory.
    /// - Throws: why fanotify cannot be had, or not there.
    public init(lower: Int32) throws(ChangeSourceError) {
        let group = try FanotifyGroup()
        guard LocalFileSystem.contains(lower) else { throw LocalFileSystem.obstacle }
        do throws(Errno) {
            try group.add(lower)
            group.remove(lower)
        } catch {
            throw ChangeSourceError("fanotify cannot watch the lower file system: \(error)")
        }
        do throws(Errno) {
            watch = try DirectoryWatch(group)
        } catch {
            throw ChangeSourceError("fanotify cannot be waited for: \(error)")
        }
    }

    public func begin(_ sink: any ChangeSink) throws(Errno) { try watch.begin(sink) }

    public func track(_ inode: LowerInode, node: NodeID) { watch.track(inode, node: node) }

    public func untrack(_ inode: LowerInode, node: NodeID) { watch.untrack(node: node) }

    public func end() { watch.end() }
}
