import CLinux
import FuseKernel
import Glibc
import StackCore
import Synchronization
import SystemCalls

/// The thread that marks the directories in which names are looked up, and reports what happens in them.
///
/// Marks follow the kernel's cache of the mount: a directory is marked when a name is looked up in it, and unmarked when the kernel forgets
/// it. Beyond ``NotificationGroup/markLimit``, and where the system has no room for a mark, directories are kept for the time-to-live. Each
/// mark keeps a lower inode in memory.
final class DirectoryWatch<Group: NotificationGroup & ~Copyable>: Sendable {
    private enum Request {
        case mark(NodeID, LowerInode)
        case unmark(NodeID)
        case end
    }

    let group: Group
    private let requests = Mutex<[Request]>([])
    private let wake: Event
    private let ended: Event

    /// - Throws: `.emfile`, `.enfile`, `.enomem`.
    init(_ group: consuming Group) throws(Errno) {
        self.group = group
        wake = try Event()
        ended = try Event()
    }

    func begin(_ sink: any ChangeSink) throws(Errno) { try Thread.start { self.run(sink) } }

    func track(_ inode: LowerInode, node: NodeID) { put(.mark(node, inode)) }

    func untrack(node: NodeID) { put(.unmark(node)) }

    func end() {
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
        var marks = MarkedDirectories<Group>()
        defer { marks.closeAll() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        defer { buffer.deallocate() }
        var waiting = [
            pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: group.number, events: Int16(POLLIN), revents: 0),
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
                        if marks.count < group.markLimit, marks.add(node, inode, group, sink) { sink.watches(node) }
                    case .unmark(let node): marks.remove(node, group, sink)
                    case .end: return
                    }
                }
            }
            guard waiting[1].revents != 0 else { continue }
            let length = linux_read(group.number, buffer.baseAddress!, buffer.count)
            if length == Int64(-EAGAIN) || length == Int64(-EINTR) { continue }
            guard length > 0,
                group.report(UnsafeRawBufferPointer(rebasing: buffer[..<Int(length)]), &marks, sink)
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
