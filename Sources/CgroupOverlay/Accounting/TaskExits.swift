import CLinux
import Glibc
import SystemCalls

/// What processes had used by their end, told by the kernel (taskstats): without it, what a process used after the last look at it
/// would be lost with it.
///
/// It takes CAP_NET_ADMIN in the first user and pid namespaces to begin with, and nothing afterwards. What is not fetched in
/// time is lost.
struct TaskExits: ~Copyable {
    /// A process's threads that have exited so far, together.
    struct Exited: Sendable {
        var parent: Int32 = 0
        var counters = TaskCounters()
        var mostResident: UInt64 = 0
        /// The look before which it was told.
        var round: UInt64 = 0
    }

    private let socket: Descriptor
    /// Told, and not asked after yet.
    private(set) var exited: [Int32: Exited] = [:]
    private(set) var round: UInt64 = 0

    /// nil where the kernel does not tell, or not this process.
    static func begin() -> TaskExits? {
        let list = ProcText.read("/sys/devices/system/cpu/possible") {
            String(decoding: Input.strip($0), as: UTF8.self)
        }
        let number = linux_open_task_exits(list ?? "0")
        return number < 0 ? nil : TaskExits(socket: Descriptor(owning: number))
    }

    private init(socket: consuming Descriptor) { self.socket = socket }

    /// Takes in what has been told since the last call.
    mutating func fetch() {
        var task = linux_task_exit()
        while true {
            let result = linux_next_task_exit(socket.number, &task)
            // Some were lost; the others are of use still.
            if result == -ENOBUFS { continue }
            if result < 0 { return }
            if result == 0 { continue }
            exited[task.tgid, default: Exited()].add(task, round)
        }
    }

    /// Takes out what is known of a process.
    mutating func take(_ pid: Int32) -> Exited? { exited.removeValue(forKey: pid) }

    mutating func nextRound() { round += 1 }
}

extension TaskExits.Exited {
    fileprivate mutating func add(_ task: linux_task_exit, _ round: UInt64) {
        parent = task.parent
        self.round = round
        mostResident = max(mostResident, task.most_resident)
        var own = TaskCounters()
        // `running` is exact and `user` counted in ticks: their share decides, and without a tick it was a program's.
        let ticks = task.user &+ task.system
        own[.user] = ticks == 0 ? task.running : UInt64(Double(task.running) * (Double(task.user) / Double(ticks)))
        own[.system] = task.running - min(own[.user], task.running)
        own[.waited] = task.waiting
        own[.minorFaults] = task.minor_faults
        own[.majorFaults] = task.major_faults
        own[.readBytes] = task.read_bytes
        own[.writtenBytes] = task.written_bytes
        own[.readCalls] = task.read_calls
        own[.writeCalls] = task.write_calls
        counters.add(own)
    }
}
