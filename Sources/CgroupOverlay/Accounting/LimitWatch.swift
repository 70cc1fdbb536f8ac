import Glibc
import SystemCalls

/// Holds figures against limits, from time to time: going beyond is an event, and, where the tree enforces its limits, somebody's
/// end. Used by one thread.
///
/// The kernel refuses at the moment of asking; from outside, a limit is found exceeded when it has been for a moment.
final class LimitWatch {
    private let tree: CgroupTree
    /// What was beyond limits at the last look, and who was killed for it.
    private var beyond: [Limit: UInt64] = [:]
    private var victims: [CgroupGroup: [CgroupMember]] = [:]

    private struct Limit: Hashable {
        let group: CgroupGroup
        let event: CgroupEvent
    }

    init(_ tree: CgroupTree) { self.tree = tree }

    /// Returns whether there are limits that have to be looked at often.
    @discardableResult
    func look() -> Bool {
        let limited = tree.limitedGroups()
        tree.figures.lookAtAll(limited.filter { $0.value.quota != nil })
        let enforces = tree.configuration.enforcesLimits
        let before = beyond
        beyond = [:]
        victims = victims.filter { limited[$0.key] != nil }
        var isUrgent = false
        for (group, limits) in limited {
            if limits.memoryMax ?? limits.memoryHigh ?? limits.swapMax ?? limits.memoryAndSwapMax != nil {
                isUrgent = true
                let memory = tree.figures.memory(of: group, own: false)
                note(.memoryHigh, group, memory.current, limits.memoryHigh, before)
                note(.swapMax, group, memory.swap, limits.swapMax, before)
                let both = memory.current &+ memory.swap
                // v1 counts the limit of both together as one of swap.
                note(.swapMax, group, both, limits.memoryAndSwapMax, before)
                note(.memoryMax, group, memory.current, limits.memoryMax, before)
                let isOver = memory.current > limits.memoryMax ?? .max || both > limits.memoryAndSwapMax ?? .max
                if enforces && isOver && !limits.oomKillDisabled {
                    kill(in: group, limits.memoryMax ?? limits.memoryAndSwapMax ?? 0)
                }
            }
            if !limits.hugePagesMax.isEmpty {
                for (size, figures) in zip(tree.figures.hugePageSizes, tree.figures.hugePages(of: group)) {
                    note(.hugePagesMax(size: size), group, figures.current, limits.hugePagesMax[size], before)
                }
            }
            if enforces && limits.pidsMax != nil {
                isUrgent = true
                tree.killNewest(of: group)
            }
        }
        return isUrgent
    }

    /// Counts an event where a limit is newly exceeded, or by more than at the last look.
    private func note(
        _ event: CgroupEvent, _ group: CgroupGroup, _ value: UInt64, _ limit: UInt64?, _ before: [Limit: UInt64]
    ) {
        guard let limit, value > limit else { return }
        let key = Limit(group: group, event: event)
        beyond[key] = value
        if before[key].map({ value > $0 }) ?? true { tree.record(event, in: group) }
    }

    /// An OOM kill: of the process whose end frees most, unless one is dying already (oom_badness of mm/oom_kill.c).
    private func kill(in group: CgroupGroup, _ limit: UInt64) {
        if let last = victims[group], last.contains(where: tree.isAlive) { return }
        victims[group] = nil
        let table = tree.processTable
        var worst: (member: CgroupMember, points: Int64)?
        for member in tree.members(of: group) where member.thread == nil && member.pid != getpid() {
            let adjustment = table.oomAdjustment(of: member.pid)
            if adjustment <= -1000 || !tree.isAlive(member) { continue }
            let points =
                Int64(clamping: tree.figures.footprint(of: member))
                + Int64(adjustment) * Int64(clamping: limit / 1000)
            if points > worst?.points ?? .min { worst = (member, points) }
        }
        tree.record(.oom, in: group)
        guard let worst else { return }
        let all = tree.oomVictims(worst.member, below: group)
            .filter { $0.pid != getpid() && table.oomAdjustment(of: $0.pid) > -1000 }
        victims[group] = all
        tree.killForMemory(all, below: group)
    }
}

extension CgroupTree {
    /// Groups that have a limit of memory, tasks or time.
    func limitedGroups() -> [CgroupGroup: CgroupLimits] {
        (try? locked { state throws(Errno) in
            var result: [CgroupGroup: CgroupLimits] = [:]
            for case let group? in state.groups where group.hasLimits { result[group.id] = group.limits }
            return result
        }) ?? [:]
    }

    /// Whether a member has not exited, by the last look.
    func isAlive(_ member: CgroupMember) -> Bool {
        guard let record = processTable.process(member.pid) else { return false }
        return record.start == member.start && !record.isZombie
    }

    /// Who is killed together with a member: all of the topmost group with memory.oom.group between its group and `top`
    /// (mem_cgroup_get_oom_group).
    func oomVictims(_ member: CgroupMember, below top: CgroupGroup) -> [CgroupMember] {
        (try? locked { state throws(Errno) in
            let top = try state.group(top)
            guard let together = state.oomGroup(of: member, below: top) else { return [member] }
            return state.members(of: together).filter { $0.thread == nil }
        }) ?? []
    }

    /// Kills members and counts it in their groups.
    func killForMemory(_ members: [CgroupMember], below top: CgroupGroup) {
        try? locked { state throws(Errno) in
            let top = try state.group(top)
            if let first = members.first, let together = state.oomGroup(of: first, below: top) {
                state.record(.oomGroupKill, in: together)
            }
            for member in members { state.record(.oomKill, in: top.hierarchy.group(of: member.pid)) }
            state.needsSaving = true
            state.afterwards { $0.kill(members) }
        }
    }

    /// Kills what began last in a group with more tasks than pids.max, until the rest is within it. Those that were moved into the
    /// group stay: the kernel lets them in as well, and refuses only to fork.
    func killNewest(of group: CgroupGroup) {
        try? locked { state throws(Errno) in
            let group = try state.group(group)
            var excess = group.tasks - Int(clamping: group[.pidsMax])
            if excess <= 0 { return }
            var victims: [CgroupMember] = []
            let forked = state.members(of: group).filter { member in
                member.thread == nil && member.pid != getpid() && state.known[member.pid]?.isZombie == false
                    && group.hierarchy.group(of: member.pid).forked.contains(member.pid)
            }
            for member in forked.sorted(by: { ($0.start, $0.pid) > ($1.start, $1.pid) }) where excess > 0 {
                victims.append(member)
                excess -= Int(state.known[member.pid]?.threads ?? 1)
            }
            if !victims.isEmpty { state.afterwards { [victims] in $0.kill(victims) } }
        }
    }
}

extension TreeState {
    fileprivate func oomGroup(of member: CgroupMember, below top: Group) -> Group? {
        var together: Group?
        for group in top.hierarchy.group(of: member.pid).lineage {
            if group.isSet(.oomGroup) { together = group }
            if group === top { break }
        }
        return together
    }
}
