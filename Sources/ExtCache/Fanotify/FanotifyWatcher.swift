import CLinux
import FuseKernel
import Glibc
import StackCore
import Synchronization
import SystemCalls

/// A ``ChangeSource`` that needs no program in the kernel: fanotify(7) with a mark on each directory in which names are looked up.
///
/// Marks follow the kernel's cache of the mount: a directory is marked when a name is looked up in it, and unmarked when the kernel forgets
/// it. There are at most ``markLimit``; what is not marked is kept for the time-to-live. Each mark keeps a lower inode in memory.
public final class FanotifyWatcher: ChangeSource {
    public let name = "fanotify"
    public let reach = ChangeReach.directories
    public let blindSpots = [
        "stores through a mapping and chattr(1) in the lower directory, and what is done to a file there through a name in a directory "
            + "that nobody has looked into, show in attributes after the time-to-live"
    ]

    private enum Request {
        case mark(NodeID, LowerInode)
        case unmark(NodeID)
        case end
    }

    private let group: FanotifyGroup
    private let requests = Mutex<[Request]>([])
    private let wake: Event
    private let ended: Event

    /// How many directories may be marked.
    private var markLimit: Int { group.isPrivileged ? 1 << 15 : 1 << 9 }

    /// - Parameter lower: a descriptor of the lower directory.
    /// - Throws: why fanotify cannot be had, or not there.
    public init(lower: Int32) throws(ChangeSourceError) {
        group = try FanotifyGroup()
        guard LocalFileSystem.contains(lower) else { throw LocalFileSystem.obstacle }
        do throws(Errno) {
            try group.mark(lower)
            group.unmark(lower)
        } catch {
            throw ChangeSourceError("fanotify cannot watch the lower file system: \(error)")
        }
        do throws(Errno) {
            wake = try Event()
            ended = try Event()
        } catch {
            throw ChangeSourceError("fanotify cannot be waited for: \(error)")
        }
    }

    public func begin(_ sink: any ChangeSink) throws(Errno) { try Thread.start { self.run(sink) } }

    public func track(_ inode: LowerInode, node: NodeID) { put(.mark(node, inode)) }

    public func untrack(_ inode: LowerInode, node: NodeID) { put(.unmark(node)) }

    public func end() {
        put(.end)
        ended.wait()
    }

    /// Wakes the thread only when it has taken everything before.
    private func put(_ request: Request) {
        let isFirst = requests.withLock { requests in
            requests.append(request)
            return requests.count == 1
        }
        if isFirst { wake.signal() }
    }

    // MARK: the thread

    private func run(_ sink: any ChangeSink) {
        defer { ended.signal() }
        Thread.askForShortSlices()
        var marks = MarkedDirectories(keepsDescriptors: !group.isPrivileged)
        defer { marks.closeAll() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        defer { buffer.deallocate() }
        let reader = FanotifyReader(sink: sink, process: getpid())
        var waiting = [
            pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: group.descriptor.number, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            if poll(&waiting, 2, -1) < 0 { continue }
            if waiting[0].revents != 0 {
                wake.wait()
                let taken = requests.withLock { requests in
                    let taken = requests
                    requests = []
                    return taken
                }
                for request in taken {
                    switch request {
                    case .mark(let node, let inode):
                        if marks.count < markLimit, marks.add(node, inode, group, sink) { sink.watches(node) }
                    case .unmark(let node): marks.remove(node, group, sink)
                    case .end: return
                    }
                }
            }
            guard waiting[1].revents != 0 else { continue }
            let length = linux_read(group.descriptor.number, buffer.baseAddress!, buffer.count)
            if length == Int64(-EAGAIN) || length == Int64(-EINTR) { continue }
            guard length > 0,
                reader.report(UnsafeRawBufferPointer(rebasing: buffer[..<Int(length)]), marks)
            else {
                sink.sourceFailed(length < 0 ? Errno(rawValue: Int32(-length)) : .eio)
                return awaitEnd()
            }
            // Events of one writer come one by one: those of the next moment are read together, and the kernel merges like ones.
            if length < 1 << 12 { usleep(50) }
        }
    }

    private func awaitEnd() {
        while true {
            wake.wait()
            let isEnd = requests.withLock { requests in
                defer { requests = [] }
                return requests.contains { if case .end = $0 { true } else { false } }
            }
            if isEnd { return }
        }
    }
}
