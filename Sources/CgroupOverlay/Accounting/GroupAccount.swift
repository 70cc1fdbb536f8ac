/// What one group has used, by itself and with all below, and the memory that it has.
final class GroupAccount {
    let id: CgroupGroup
    /// nil for a root.
    unowned let parent: GroupAccount?
    let controllers: CgroupControllers
    var children: [CgroupGroup: GroupAccount] = [:]
    var tasks: [CgroupMember: TrackedTask] = [:]

    /// With those that left, and, in `total`, with groups that ended.
    private(set) var own = UsageLedger()
    private(set) var total = UsageLedger()
    private(set) var ownMemory = TaskMemory()
    private(set) var memory = TaskMemory()

    /// What members had used when the state was saved, until they are found again.
    var restored: [CgroupMember: TaskCounters] = [:]

    struct Peaks: Equatable { var memory, swap, both, kernel, hugePages: UInt64 }
    var peaks = Peaks(memory: 0, swap: 0, both: 0, kernel: 0, hugePages: 0)

    /// The moment at which all below was looked at.
    var moment: UInt64 = 0
    var pressure = GroupPressure()
    var quota = QuotaPeriods()

    init(_ id: CgroupGroup, in parent: GroupAccount?, controllers: CgroupControllers) {
        self.id = id
        self.parent = parent
        self.controllers = controllers
    }

    var isRoot: Bool { parent == nil }

    /// The group and its ancestors below the root, whose figures are the machine's.
    func forEachUpwards(_ body: (GroupAccount) -> Void) {
        var next: GroupAccount? = self
        while let account = next, let parent = account.parent {
            body(account)
            next = parent
        }
    }

    func forEachBelow(_ body: (GroupAccount) -> Void) {
        var open = [self]
        while let next = open.popLast() {
            body(next)
            open += next.children.values
        }
    }

    /// Counts what a member has used.
    func count(_ step: UsageStep) {
        own.add(step)
        forEachUpwards { $0.total.add(step) }
    }

    /// Counts a change of memory; `excess` is what was resident beyond it for a while.
    func count(_ change: TaskMemory, excess: UInt64 = 0) {
        ownMemory.add(change)
        forEachUpwards { account in
            account.memory.add(change)
            account.raisePeaks(excess: excess)
        }
    }

    func raisePeaks(excess: UInt64 = 0) {
        peaks.memory = max(peaks.memory, memory.current &+ excess)
        peaks.swap = max(peaks.swap, memory[.swap])
        peaks.both = max(peaks.both, memory.current &+ memory[.swap] &+ excess)
        peaks.kernel = max(peaks.kernel, memory.kernel)
        peaks.hugePages = max(peaks.hugePages, memory[.hugePages])
    }

    /// cpuacct.usage begins anew; that of ancestors goes on.
    func resetTime() {
        total.counters[.user] = 0
        total.counters[.system] = 0
        total.counters[.nice] = 0
        total.processors = []
    }

    /// Takes up what was kept over a restart.
    func restore(own: UsageLedger, total: UsageLedger) { (self.own, self.total) = (own, total) }
}

/// Periods of a quota (cpu.max), which nobody enforces: those in which the group ran, and those in which it ran longer than it may.
struct QuotaPeriods: Equatable {
    var periods: UInt64 = 0
    var exceeded: UInt64 = 0
    private var since: UInt64 = 0
    private var used: UInt64 = 0

    /// - Parameters: the quota and period in nanoseconds, the time now, and all that the group has used.
    mutating func look(_ limit: UInt64?, _ period: UInt64, now: UInt64, time: UInt64) {
        guard let limit, period > 0, since > 0, time >= used else {
            since = limit == nil ? 0 : now
            used = time
            return
        }
        let count = (now - since) / period
        if count == 0 { return }
        let more = time - used
        if more > 0 { periods += count }
        if more > limit &* count { exceeded += count }
        since += count * period
        used = time
    }
}
