import CLinux
import StackCore
import SystemCalls

/// A ``ChangeSource`` for where fanotify is refused: inotify(7) with a watch on each directory in which names are looked up.
///
/// Its events tell neither the inode nor who did it. The inode is looked for by the name, and what this process does is noted (``OwnChanges``).
public final class InotifyWatcher: ChangeSource {
    public let name = "inotify"
    public let reach = ChangeReach.directories
    public let blindSpots = [
        "stores through a mapping and chattr(1) in the lower directory, what is done to a file there through a name in a directory that "
            + "nobody has looked into, and the link count, and what is done later, of a file whose name is removed or replaced there, show in "
            + "attributes after the time-to-live"
    ]
    public let wantsOwnChanges = true

    private let watch: DirectoryWatch<InotifyGroup>
    private let own = OwnChanges()

    /// - Parameter lower: a descriptor of the lower directory.
    /// - Throws: why inotify cannot be had, or not there.
    public init(lower: Int32) throws(ChangeSourceError) {
        let group = try InotifyGroup(own)
        guard LocalFileSystem.contains(lower) else { throw LocalFileSystem.obstacle }
        do throws(Errno) {
            group.remove(try group.add(lower))
        } catch {
            switch error {
            case .enospc:
                throw ChangeSourceError(
                    "this user has no inotify watches left: raise fs.inotify.max_user_watches (sysctl)")
            case .enoent: throw ChangeSourceError("inotify needs /proc, which is not mounted")
            default: throw ChangeSourceError("inotify cannot watch the lower file system: \(error)")
            }
        }
        do throws(Errno) {
            watch = try DirectoryWatch(group)
        } catch {
            throw ChangeSourceError("inotify cannot be waited for: \(error)")
        }
    }

    public func begin(_ sink: any ChangeSink) throws(Errno) { try watch.begin(sink) }

    public func track(_ inode: LowerInode, node: NodeID) { watch.track(inode, node: node) }

    public func untrack(_ inode: LowerInode, node: NodeID) { watch.untrack(node: node) }

    public func ownChangeBegins(
        _ change: NameChange, _ name: UnsafeRawBufferPointer, in directory: NodeID, inode: UInt64
    ) -> Int? {
        own.begin(change, name, in: directory, inode: inode)
    }

    public func ownChangeEnds(_ change: NameChange, at place: Int, succeeded: Bool) -> Bool {
        own.end(change, at: place, succeeded: succeeded)
    }

    public func end() { watch.end() }
}
