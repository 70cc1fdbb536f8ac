/// A member of groups, and how far what it uses has been counted.
final class TrackedTask {
    let member: CgroupMember
    /// The groups it is in, one of each hierarchy.
    var accounts: [GroupAccount] = []
    /// All that it is known to have used.
    private(set) var ledger = UsageLedger()
    private(set) var memory = TaskMemory()
    private(set) var mostResident: UInt64 = 0
    private var threads: [Int32: TaskReading.Thread] = [:]
    /// Threads whose time is another group's.
    var separate: Set<Int32> = []
    /// The moment of the last look, and when memory was looked at, nanoseconds of the monotonic clock.
    var moment: UInt64 = 0
    private var memoryRead: UInt64 = 0
    /// Time, waiting and waiting for disks at the last look at pressure.
    var pressureMark = TaskCounters()

    init(_ member: CgroupMember) { self.member = member }

    var threadCount: Int { max(1, threads.count) }

    /// How old what is known of memory may be while the task does not run.
    private static let memoryAge: UInt64 = 1_000_000_000

    func before(now: UInt64) -> TaskReading.Before? {
        guard memoryRead > 0 else { return nil }
        let only = threads.count == 1 ? threads[member.thread ?? member.pid]?.running : nil
        return TaskReading.Before(running: only, isMemoryFresh: now &- memoryRead < Self.memoryAge)
    }

    /// What a reading brings: the step since the last one, how memory has changed, and by how much more was resident meanwhile
    /// than is now.
    struct Progress {
        var step = UsageStep()
        var memory = TaskMemory()
        var excess: UInt64 = 0
    }

    /// Takes in a reading. One that is older than the last changes nothing, as counters only grow.
    func take(_ reading: TaskReading, disks: DiskShares, now: UInt64) -> Progress {
        let old = ledger.counters
        var new = reading.counters.atLeast(old)
        var ran: [(processor: Int, time: UInt64)] = []
        var waited: UInt64 = 0
        var latest = reading.threads
        for (tid, thread) in reading.threads {
            let before = threads[tid]
            if let before, before.running > thread.running { latest[tid] = before }
            if separate.contains(tid) { continue }
            let time = thread.running - min(thread.running, before?.running ?? 0)
            waited += thread.waited - min(thread.waited, before?.waited ?? 0)
            if time > 0 { ran.append((thread.processor, time)) }
        }
        threads = latest
        new[.waited] = old[.waited] &+ waited
        // Threads exact to the nanosecond; those that have exited show in the ticks, which are never ahead.
        let counted = old.time &+ ran.reduce(0) { $0 &+ $1.time }
        let ticks = reading.userTicks &+ reading.systemTicks
        let total = separate.isEmpty ? max(counted, ticks) : counted
        if total > counted { ran.append((reading.processor, total - counted)) }
        let user = Self.user(of: total, reading)
        setTime(&new, old, total, user, isNice: reading.isNice)
        var progress = Progress()
        progress.step = makeStep(old, new, ran, disks)
        ledger.add(progress.step)
        progress.memory = reading.memory.difference(from: memory)
        memory = reading.memory
        if reading.mostResident > mostResident {
            progress.excess = reading.mostResident - min(reading.mostResident, memory.resident)
            mostResident = reading.mostResident
        }
        memoryRead = now
        return progress
    }

    /// Takes in what is known of its end.
    func take(_ exited: TaskExits.Exited, disks: DiskShares) -> Progress {
        let old = ledger.counters
        var new = exited.counters.atLeast(old)
        let total = max(old.time, exited.counters.time)
        setTime(&new, old, total, exited.counters[.user], isNice: false)
        var progress = Progress()
        let ran = [(threads[member.pid]?.processor ?? 0, total - old.time)]
        progress.step = makeStep(old, new, separate.isEmpty ? ran : [], disks)
        ledger.add(progress.step)
        if exited.mostResident > mostResident {
            progress.excess = exited.mostResident - min(exited.mostResident, memory.resident)
        }
        return progress
    }

    /// What was used since the counters were at `before`.
    func step(since before: TaskCounters, disks: DiskShares) -> UsageStep {
        let ran = threads[member.thread ?? member.pid]?.processor ?? 0
        return makeStep(
            before, ledger.counters, [(ran, ledger.counters.time - min(before.time, ledger.counters.time))], disks)
    }

    /// The share of programs in a time, as the ticks divide it; without a tick all of it (cputime_adjust of
    /// kernel/sched/cputime.c).
    private static func user(of total: UInt64, _ reading: TaskReading) -> UInt64 {
        let ticks = reading.userTicks &+ reading.systemTicks
        if ticks == 0 || reading.systemTicks == 0 { return total }
        let rest = total - min(total, ticks)
        return reading.userTicks &+ UInt64(Double(rest) * (Double(reading.userTicks) / Double(ticks)))
    }

    /// Divides a time so that neither part ever shrinks.
    private func setTime(
        _ new: inout TaskCounters, _ old: TaskCounters, _ total: UInt64, _ user: UInt64, isNice: Bool
    ) {
        let more = total - old.time
        new[.user] = min(max(user, old[.user]), old[.user] &+ more)
        new[.system] = total - new[.user]
        new[.nice] = old[.nice] &+ (isNice ? new[.user] - old[.user] : 0)
    }

    private func makeStep(
        _ old: TaskCounters, _ new: TaskCounters, _ ran: [(processor: Int, time: UInt64)], _ disks: DiskShares
    ) -> UsageStep {
        var step = UsageStep(counters: new.since(old))
        var (user, system) = (step.counters[.user], step.counters[.system])
        for (index, part) in ran.enumerated() {
            let isLast = index == ran.count - 1
            let share = isLast ? user : min(user, part.time, UInt64(Double(part.time) * step.userShare))
            let rest = isLast ? system : min(system, part.time - min(share, part.time))
            step.processors.append((part.processor, .init(user: share, system: rest)))
            user -= share
            system -= rest
        }
        step.disks = disks.divide(step.counters)
        return step
    }
}

extension UsageStep {
    fileprivate var userShare: Double { counters.time == 0 ? 0 : Double(counters[.user]) / Double(counters.time) }
}
