import CLinux
import Glibc
import SystemCalls

/// What /proc says of a process, or of one thread that is a member apart from its process.
struct TaskReading: Sendable {
    struct Thread: Sendable {
        var running: UInt64
        var waited: UInt64
        var processor: Int
    }
    /// Of the whole process, but `user`, `system` and `waited`: those are to be had from the threads, and in ticks from here.
    var counters = TaskCounters()
    /// Nanoseconds, in whole ticks of the clock; threads that have exited count here alone.
    var userTicks: UInt64 = 0
    var systemTicks: UInt64 = 0
    var isNice = false
    var threads: [Int32: Thread] = [:]
    /// The processor that the first thread ran on last.
    var processor = 0
    var memory = TaskMemory()
    /// The most that was ever resident.
    var mostResident: UInt64 = 0

    /// What has to be known of the look before.
    struct Before: Sendable {
        /// Of the only thread; nil where there were more.
        var running: UInt64?
        /// Memory may change although nobody runs: pages are taken away.
        var isMemoryFresh: Bool
    }

    enum Answer: Sendable {
        case gone
        /// It has not run since.
        case unchanged
        case reading(TaskReading)
    }

    static func take(_ member: CgroupMember, after before: Before?) -> Answer {
        let path = member.thread.map { "/proc/\(member.pid)/task/\($0)" } ?? "/proc/\(member.pid)"
        let main = member.thread ?? member.pid
        let schedule = ProcText.numbers(path + "/schedstat", 2)
        if let running = schedule?[0], let before, before.running == running, before.isMemoryFresh { return .unchanged }
        guard var reading = TaskReading(stat: path + "/stat", member) else { return .gone }
        if let schedule {
            reading.threads[main] = Thread(running: schedule[0], waited: schedule[1], processor: reading.processor)
        }
        guard member.thread == nil else {
            // They count for the process, as its memory does.
            reading.counters[.minorFaults] = 0
            reading.counters[.majorFaults] = 0
            return .reading(reading)
        }
        if reading.threadCount > 1 && reading.threadCount <= mostThreads { reading.readThreads(path, main) }
        reading.readMemory(path)
        reading.readInputOutput(path)
        return .reading(reading)
    }

    /// Threads beyond this number are not looked at one by one: their time is known in ticks.
    private static let mostThreads = 256
    /// A thread's stack in the kernel (THREAD_SIZE of x86-64 and arm64).
    private static let stackSize: UInt64 = 16 << 10
    private(set) var threadCount = 1

    init() {}

    private init?(stat path: String, _ member: CgroupMember) {
        guard let fields = ProcText.stat(path, 42) else { return nil }
        // Field 3 is the first one after the name.
        func field(_ number: Int) -> UInt64 { fields[number - 3] }
        if member.thread == nil, field(22) != member.start { return nil }
        counters[.minorFaults] = field(10)
        counters[.majorFaults] = field(12)
        counters[.waitedForDisk] = field(42) &* Machine.tick
        userTicks = field(14) &* Machine.tick
        systemTicks = field(15) &* Machine.tick
        isNice = Int64(bitPattern: field(19)) > 0
        threadCount = Int(clamping: field(20))
        processor = Int(clamping: min(field(39), 4095))
    }

    private mutating func readThreads(_ path: String, _ main: Int32) {
        for tid in ProcText.directory(path + "/task") where tid != main {
            guard let schedule = ProcText.numbers("\(path)/task/\(tid)/schedstat", 2) else { continue }
            let fields = schedule[0] == 0 ? nil : ProcText.stat("\(path)/task/\(tid)/stat", 39)
            threads[tid] = Thread(
                running: schedule[0], waited: schedule[1], processor: Int(clamping: min(fields?[36] ?? 0, 4095)))
        }
    }

    private mutating func readMemory(_ path: String) {
        ProcText.lines(path + "/status") { key, value in
            func kilobytes() -> UInt64 { (Input.decimal(value)?.0 ?? 0) << 10 }
            switch key.count {
            case 7 where key.elementsEqual("RssAnon".utf8): memory[.anonymous] = kilobytes()
            case 7 where key.elementsEqual("RssFile".utf8): memory[.file] = kilobytes()
            case 8 where key.elementsEqual("RssShmem".utf8): memory[.shared] = kilobytes()
            case 6 where key.elementsEqual("VmSwap".utf8): memory[.swap] = kilobytes()
            case 5 where key.elementsEqual("VmPTE".utf8): memory[.pageTables] = kilobytes()
            case 5 where key.elementsEqual("VmLck".utf8): memory[.locked] = kilobytes()
            case 5 where key.elementsEqual("VmHWM".utf8): mostResident = kilobytes()
            case 12 where key.elementsEqual("HugetlbPages".utf8): memory[.hugePages] = kilobytes()
            default: break
            }
        }
        // A zombie has no stack that it needs.
        if memory.resident > 0 { memory[.stacks] = UInt64(threadCount) * Self.stackSize }
    }

    private mutating func readInputOutput(_ path: String) {
        var cancelled: UInt64 = 0
        ProcText.lines(path + "/io") { key, value in
            let number = Input.decimal(value)?.0 ?? 0
            switch key.count {
            case 5 where key.elementsEqual("syscr".utf8): counters[.readCalls] = number
            case 5 where key.elementsEqual("syscw".utf8): counters[.writeCalls] = number
            case 10 where key.elementsEqual("read_bytes".utf8): counters[.readBytes] = number
            case 11 where key.elementsEqual("write_bytes".utf8): counters[.writtenBytes] = number
            case 21: cancelled = number
            default: break
            }
        }
        // What was to be written, and was truncated before.
        counters[.writtenBytes] -= min(cancelled, counters[.writtenBytes])
    }
}
