import CLinux
import Glibc
import SystemCalls

/// Who forked whom, told by the kernel's process connector: the only way to know the parent of a process whose parent has
/// exited since.
///
/// It takes CAP_NET_ADMIN in the first user namespace and the first pid namespace to begin with, and nothing afterwards. The
/// kernel tells of every fork before the child runs. What is not fetched in time is lost.
struct ForkEvents: ~Copyable {
    private let socket: Descriptor
    /// The parent of each process begun lately, and in which round it was told.
    private var births: [Int32: (parent: Int32, round: UInt64)] = [:]
    private var round: UInt64 = 0
    /// Until when, in monotonic nanoseconds, processes may become zombies of whose exit has been told: that is told first.
    private(set) var unsettledUntil: UInt64 = 0
    /// What the kernel's acknowledgement said.
    private var refusal: Int32?

    /// More than an exit takes, of a process with much to give back.
    private static let timeOfExit: UInt64 = 500_000_000

    /// nil where the kernel does not offer it, or not to this process.
    static func begin() -> ForkEvents? {
        let number = linux_open_process_events()
        if number < 0 { return nil }
        var events = ForkEvents(socket: Descriptor(owning: number))
        events.fetch()
        if events.refusal != 0 { return nil }
        return events
    }

    private init(socket: consuming Descriptor) { self.socket = socket }

    /// Takes in what has been told since the last call.
    mutating func fetch() {
        var event = linux_process_event()
        let size = MemoryLayout<linux_process_event>.size
        while true {
            let count = linux_read(socket.number, &event, size)
            // Events were lost, and those that are still there have gaps between them.
            if count == -Int64(ENOBUFS) {
                births = [:]
                unsettledUntil = monotonicTime() + Self.timeOfExit
                continue
            }
            if count < 0 { return }
            // Only the kernel has port 0.
            if count < Int64(size) || event.port != 0 { continue }
            if event.what == LINUX_PROC_EVENT_NONE && refusal == nil { refusal = event.parent_pid }
            if event.what == LINUX_PROC_EVENT_EXIT { unsettledUntil = monotonicTime() + Self.timeOfExit }
            // New threads are told of as well.
            if event.what == LINUX_PROC_EVENT_FORK && event.child_pid == event.child_tgid {
                births[event.child_tgid] = (event.parent_tgid, round)
            }
        }
    }

    /// The process that forked this one; nil where that was not told, or long ago.
    func parent(of pid: Int32) -> Int32? { births[pid]?.parent }

    /// A listing has been made: what was told before the one before it has been used.
    mutating func nextRound() {
        round += 1
        let round = round
        births = births.filter { $0.value.round + 2 > round }
    }
}
