import Glibc
import SystemCalls

/// Figures that /proc tells of the members of groups.
///
/// What a member uses is counted in steps: each look at it adds what came since the last one to its groups and all above, where
/// it stays whatever becomes of the member. So sums are hierarchical and only grow. Memory is that of the members that are there.
/// Roots show the machine. A look serves all that is read within 20 ms, and longer where looks are slow. Where the kernel tells
/// what has been used by those that exit, nothing is lost; elsewhere it is what a process used after the last look at it.
///
/// The host's own groups are not asked: a member is in whichever of them it was, and they say nothing of the groups here.
///
/// Locks: `looking`, held while /proc is read, is taken before `lock`, which guards the book. Functions that are called with the
/// tree's lock held take `lock` alone.
public final class MemberFigures: CgroupFigures {
    private let looking = Lock()
    private let lock = Lock()
    private nonisolated(unsafe) let book: AccountBook
    private let machine = Machine()

    /// - Parameter followsExits: ask the kernel to tell of exits, where it may be asked. That must happen before the process gives
    ///   up its capabilities.
    public init(followsExits: Bool = true) {
        book = AccountBook(followsExits ? TaskExits.begin() : nil)
        book.disks.update(machine.bottomDisks)
    }

    deinit {
        for account in book.accounts.values { account.children = [:] }
    }

    /// Whether the kernel tells what processes have used by their end.
    public var knowsExits: Bool { held { $0.knowsExits } }

    private func held<Result>(_ body: (AccountBook) -> Result) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return body(book)
    }

    public func groupBegan(_ group: CgroupGroup, in parent: CgroupGroup?, controllers: CgroupControllers) {
        held { book in
            let above = parent.flatMap { book.accounts[$0] }
            let account = GroupAccount(group, in: above, controllers: controllers)
            book.accounts[group] = account
            above?.children[group] = account
        }
    }

    public func groupEnded(_ group: CgroupGroup) {
        held { book in if let account = book.accounts[group] { book.end(account) } }
    }

    public func joined(_ member: CgroupMember, _ group: CgroupGroup, inherited: Bool) {
        held { book in
            guard let account = book.accounts[group] else { return }
            book.join(member, account, inherited: inherited, now: monotonicTime())
        }
    }

    public func left(_ member: CgroupMember, _ group: CgroupGroup, exited: Bool) {
        held { book in
            guard let account = book.accounts[group] else { return }
            book.leave(member, account, exited: exited, now: monotonicTime())
        }
    }

    public func looked(_ isKnown: (Int32) -> Bool) { held { $0.looked(isKnown) } }

    /// What to read of tasks, and what was read.
    private struct Look {
        let task: TrackedTask
        let member: CgroupMember
        let before: TaskReading.Before?
    }

    /// Looks at the members of a group and all below, or of all groups, unless that has been done in this moment.
    private func look(at group: CgroupGroup?) {
        looking.lock()
        defer { looking.unlock() }
        let began = monotonicTime()
        let looks = held { book -> [Look] in
            book.beginMoment(now: began)
            let moment = book.moment
            var tasks: [TrackedTask] = []
            if let group {
                guard let account = book.accounts[group], account.moment != moment, !account.isRoot else { return [] }
                account.forEachBelow { account in
                    account.moment = moment
                    tasks += account.tasks.values
                }
            } else {
                tasks = Array(book.tasks.values)
            }
            return tasks.compactMap { task in
                if task.moment == moment { return nil }
                task.moment = moment
                return Look(task: task, member: task.member, before: task.before(now: began))
            }
        }
        if looks.isEmpty { return }
        // /proc is read without the lock, and what it says is taken in at once.
        let answers = looks.map { TaskReading.take($0.member, after: $0.before) }
        let disks = machine.bottomDisks
        held { book in
            book.disks.update(disks)
            for (look, answer) in zip(looks, answers) {
                if case .reading(let reading) = answer { book.take(reading, look.task, now: began) }
            }
            book.momentCost += monotonicTime() - began
        }
    }

    /// What `body` tells of an account that has been looked at; nil for roots and groups that are gone.
    private func figure<Result>(_ group: CgroupGroup, _ body: (GroupAccount) -> Result) -> Result? {
        look(at: group)
        return held { book in
            guard let account = book.accounts[group], !account.isRoot else { return nil }
            return body(account)
        }
    }

    private func isRoot(_ group: CgroupGroup) -> Bool { held { $0.accounts[group]?.isRoot ?? false } }

    public func processorTime(of group: CgroupGroup) -> ProcessorTime {
        if isRoot(group) { return machine.processorTime }
        let count = (processors.last ?? 0) + 1
        return figure(group) { account in
            let counters = account.total.counters
            var time = ProcessorTime(
                processors: account.total.processors, user: counters[.user], system: counters[.system],
                nice: counters[.nice])
            while time.processors.count < count { time.processors.append(.init()) }
            time.periods = account.quota.periods
            time.throttledPeriods = account.quota.exceeded
            return time
        } ?? ProcessorTime(processors: Array(repeating: .init(), count: count))
    }

    public func memory(of group: CgroupGroup, own: Bool) -> MemoryFigures {
        if isRoot(group) { return machine.memory }
        return figure(group) { account in
            let counters = own ? account.own.counters : account.total.counters
            var figures = MemoryFigures(own ? account.ownMemory : account.memory)
            figures[.pgfault] = counters[.minorFaults] &+ counters[.majorFaults]
            figures[.pgmajfault] = counters[.majorFaults]
            figures.peak = account.peaks.memory
            figures.swapPeak = account.peaks.swap
            figures.peakWithSwap = account.peaks.both
            figures.kernelPeak = account.peaks.kernel
            return figures
        } ?? MemoryFigures()
    }

    public func blockIO(of group: CgroupGroup, own: Bool) -> [BlockIOFigures] {
        if isRoot(group) { return machine.disks }
        return figure(group) { Array(own ? $0.own.disks.values : $0.total.disks.values) }?
            .sorted { $0.device < $1.device } ?? []
    }

    /// /proc/PID/status tells huge pages of all sizes together: they count as those of the machine's default size.
    public func hugePages(of group: CgroupGroup) -> [HugePageFigures] {
        if isRoot(group) { return hugePageSizes.map { machine.hugePages(size: $0) } }
        let (now, peak) = figure(group) { ($0.memory[.hugePages], $0.peaks.hugePages) } ?? (0, 0)
        return hugePageSizes.map { size in
            var figures = HugePageFigures()
            guard size == machine.hugePageSize else { return figures }
            (figures.current, figures.reserved) = (now, now)
            (figures.peak, figures.reservedPeak) = (peak, peak)
            return figures
        }
    }

    public func pressure(of group: CgroupGroup, _ resource: PressureResource) -> PressureFigures {
        if isRoot(group) { return machine.pressure(resource) }
        return held { book in
            switch resource {
            case .cpu: book.accounts[group]?.pressure.cpu
            case .io: book.accounts[group]?.pressure.io
            case .memory, .irq: nil
            }
        } ?? PressureFigures()
    }

    public func lookAtAll(_ quotas: [CgroupGroup: CgroupLimits]) {
        look(at: nil)
        let now = monotonicTime()
        held { book in
            // Averages of less would be noise, and cost more.
            if now - book.pressureLooked >= 1_000_000_000 { book.lookAtPressure(quotas, now: now) }
        }
    }

    public func footprint(of member: CgroupMember) -> UInt64 {
        held { book in book.tasks[member].map { $0.memory.resident &+ $0.memory[.swap] &+ $0.memory[.pageTables] } ?? 0
        }
    }

    public func resetPeak(of group: CgroupGroup, _ peak: CgroupPeak) {
        held { book in
            guard let account = book.accounts[group] else { return }
            switch peak {
            case .memory: account.peaks.memory = 0
            case .memoryAndSwap: account.peaks.both = 0
            case .kernelMemory: account.peaks.kernel = 0
            case .hugePages: account.peaks.hugePages = 0
            }
            account.raisePeaks()
        }
    }

    public func resetProcessorTime(of group: CgroupGroup) { _ = figure(group) { $0.resetTime() } }

    public func saved(of group: CgroupGroup) -> String? { held { $0.accounts[group].flatMap(SavedAccount.text) } }

    public func restore(_ group: CgroupGroup, _ saved: String) {
        held { book in
            if let account = book.accounts[group] { SavedAccount.restore(saved, account) }
        }
    }

    public var processors: CgroupSet { machine.processors }
    public var memoryNodes: CgroupSet { machine.memoryNodes }
    public var memoryTotal: UInt64 { machine.memoryTotal }
    public var swapTotal: UInt64 { machine.swapTotal }
    public var hugePageSizes: [UInt64] { machine.hugePageSizes }
    public func hasDisk(_ device: CgroupDevice) -> Bool { Machine.hasDisk(device) }
}

extension MemoryFigures {
    /// New pages are on the kernel's inactive lists; nobody tells which of them were used again.
    init(_ memory: TaskMemory) {
        self.init()
        current = memory.current
        swap = memory[.swap]
        self[.anon] = memory[.anonymous]
        self[.file] = memory[.file] &+ memory[.shared]
        self[.kernel] = memory.kernel
        self[.kernelStack] = memory[.stacks]
        self[.pageTables] = memory[.pageTables]
        self[.shmem] = memory[.shared]
        self[.fileMapped] = memory[.file] &+ memory[.shared]
        let locked = min(memory[.locked], memory[.anonymous])
        self[.unevictable] = locked
        self[.inactiveAnon] = memory[.anonymous] - locked &+ memory[.shared]
        self[.activeFile] = memory[.file]
    }
}
