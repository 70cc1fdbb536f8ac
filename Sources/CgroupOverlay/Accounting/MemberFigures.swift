import Glibc
import Synchronization
import SystemCalls

/// Figures that /proc tells of the members of groups: processor time, faults, memory.
///
/// What a member has used is counted from when it joined, or from its beginning where it was inherited; when it leaves, what was last
/// seen of it stays with the group, and a group's with its parent. Roots show the machine. Single threads count no memory: theirs is
/// their process's.
public final class MemberFigures: CgroupFigures {
    private struct Member {
        var base = TaskUsage()
        var seen = TaskUsage()
    }
    private struct Account {
        var parent: CgroupGroup?
        var members: [CgroupMember: Member] = [:]
        var children: Set<CgroupGroup> = []
        /// Of those that left, and of groups that ended.
        var past = TaskUsage()
        var timeReset = TaskUsage()
        var peak: UInt64 = 0
    }
    private let accounts = Mutex<[CgroupGroup: Account]>([:])

    public init() {}

    public func groupBegan(_ group: CgroupGroup, in parent: CgroupGroup?, controllers: CgroupControllers) {
        accounts.withLock { accounts in
            accounts[group] = Account(parent: parent)
            if let parent { accounts[parent]?.children.insert(group) }
        }
    }

    public func groupEnded(_ group: CgroupGroup) {
        accounts.withLock { accounts in
            guard let ended = accounts.removeValue(forKey: group), let parent = ended.parent else { return }
            accounts[parent]?.children.remove(group)
            accounts[parent]?.past.add(ended.past)
        }
    }

    public func joined(_ member: CgroupMember, _ group: CgroupGroup, inherited: Bool) {
        let usage = TaskUsage(of: member) ?? TaskUsage()
        accounts.withLock {
            $0[group]?.members[member] = Member(base: inherited ? TaskUsage() : usage.countersOnly, seen: usage)
        }
    }

    public func left(_ member: CgroupMember, _ group: CgroupGroup, exited: Bool) {
        let usage = TaskUsage(of: member)
        accounts.withLock { accounts in
            guard let known = accounts[group]?.members.removeValue(forKey: member) else { return }
            accounts[group]?.past.add((usage ?? known.seen).countersOnly.since(known.base))
        }
    }

    /// The sum over a group and, unless only its `own` is asked for, all below it.
    private func usage(of group: CgroupGroup, own: Bool = false) -> (sum: TaskUsage, isRoot: Bool) {
        var members: [(CgroupGroup, CgroupMember)] = []
        let isRoot = accounts.withLock { accounts in
            var open = [group]
            while let next = open.popLast() {
                guard let account = accounts[next] else { continue }
                members += account.members.keys.map { (next, $0) }
                if !own { open += account.children }
            }
            return accounts[group].map { $0.parent == nil } ?? false
        }
        if isRoot { return (TaskUsage(), true) }
        // /proc is read without the lock, and what it says is taken in at once.
        let read = members.map { ($0.0, $0.1, TaskUsage(of: $0.1)) }
        let sum = accounts.withLock { accounts in
            for case (let group, let member, let usage?) in read { accounts[group]?.members[member]?.seen = usage }
            var sum = TaskUsage()
            var open = [group]
            while let next = open.popLast() {
                guard let account = accounts[next] else { continue }
                sum.add(account.past)
                for member in account.members.values { sum.add(member.seen.since(member.base)) }
                if !own { open += account.children }
            }
            let peak = max(accounts[group]?.peak ?? 0, sum.resident)
            if !own { accounts[group]?.peak = peak }
            return sum
        }
        return (sum, false)
    }

    public func processorTime(of group: CgroupGroup) -> ProcessorTime {
        let (sum, isRoot) = usage(of: group)
        if isRoot { return Machine.processorTime }
        let reset = accounts.withLock { $0[group]?.timeReset } ?? TaskUsage()
        let (user, system) = (sum.user &- reset.user, sum.system &- reset.system)
        var time = ProcessorTime(
            processors: Array(repeating: .init(), count: (processors.last ?? 0) + 1), user: user, system: system)
        // /proc does not tell on which processors it was.
        time.processors[0] = .init(user: user, system: system)
        return time
    }

    public func memory(of group: CgroupGroup, own: Bool) -> MemoryFigures {
        let (sum, isRoot) = usage(of: group, own: own)
        if isRoot { return Machine.memory }
        var figures = MemoryFigures()
        figures.current = sum.resident
        figures.peak = accounts.withLock { max($0[group]?.peak ?? 0, sum.resident) }
        figures.swap = sum.swap
        figures[.anon] = sum.anonymous
        figures[.file] = sum.file &+ sum.shared
        figures[.fileMapped] = sum.file
        figures[.shmem] = sum.shared
        figures[.pageTables] = sum.pageTables
        figures[.pgfault] = sum.minorFaults &+ sum.majorFaults
        figures[.pgmajfault] = sum.majorFaults
        figures[.inactiveAnon] = sum.anonymous
        figures[.activeFile] = sum.file
        return figures
    }

    public func blockIO(of group: CgroupGroup, own: Bool) -> [BlockIOFigures] { [] }
    public func hugePages(of group: CgroupGroup) -> [HugePageFigures] { hugePageSizes.map { _ in HugePageFigures() } }
    public func pressure(of group: CgroupGroup, _ resource: PressureResource) -> PressureFigures { PressureFigures() }

    public func resetPeak(of group: CgroupGroup, _ peak: CgroupPeak) {
        if case .memory = peak { accounts.withLock { $0[group]?.peak = 0 } }
    }

    public func resetProcessorTime(of group: CgroupGroup) {
        let sum = usage(of: group).sum
        accounts.withLock { $0[group]?.timeReset = sum.countersOnly }
    }

    public let processors = CgroupSet(0..<max(1, min(4096, sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
    public let memoryNodes = CgroupSet([0])
    public let memoryTotal = Machine.memoryInformation["MemTotal"] ?? 0
    public let swapTotal = Machine.memoryInformation["SwapTotal"] ?? 0
    /// Those of x86 and arm64 that the kernel has.
    public let hugePageSizes: [UInt64] = [64, 2048, 32768, 1_048_576, 16_777_216]
        .filter { access("/sys/kernel/mm/hugepages/hugepages-\($0)kB", F_OK) == 0 }.map { $0 << 10 }

    /// A whole disk is a directory of /sys/dev/block that is not a partition.
    public func hasDisk(_ device: CgroupDevice) -> Bool {
        let path = "/sys/dev/block/\(device.major):\(device.minor)"
        return access(path, F_OK) == 0 && access(path + "/partition", F_OK) != 0
    }
}
