/// Who is in which group, and what follows from it: counts, the populated state, figures. Roots list nobody: who is nowhere
/// else is there.
extension TreeState {
    /// A process is in `group` from now on, and was in no group but the root of its hierarchy before.
    func join(_ pid: Int32, _ process: KnownProcess, _ group: Group, inherited: Bool) {
        guard !group.isRoot else { return }
        group.processes.insert(pid)
        if inherited { group.forked.insert(pid) }
        group.hierarchy.groupOfProcess[pid] = group
        figures.joined(CgroupMember(pid: pid, start: process.start), group.id, inherited: inherited)
        addTasks(Int(process.threads), to: group, forked: inherited)
        if !process.isZombie { addLive(1, to: group) }
        needsSaving = true
    }

    func leave(_ pid: Int32, _ process: KnownProcess, _ group: Group, exited: Bool) {
        guard !group.isRoot else { return }
        group.processes.remove(pid)
        group.forked.remove(pid)
        group.hierarchy.groupOfProcess[pid] = nil
        figures.left(CgroupMember(pid: pid, start: process.start), group.id, exited: exited)
        addTasks(-Int(process.threads), to: group)
        if !process.isZombie { addLive(-1, to: group) }
        needsSaving = true
    }

    /// A single thread is in `group` from now on, apart from its process.
    func join(thread tid: Int32, of pid: Int32, _ process: KnownProcess, _ group: Group) {
        group.hierarchy.groupOfThread[tid] = (group, pid)
        addTasks(-1, to: group.hierarchy.group(of: pid))
        guard !group.isRoot else { return }
        group.threads.insert(tid)
        figures.joined(CgroupMember(pid: pid, thread: tid, start: process.start), group.id, inherited: false)
        addTasks(1, to: group)
        addLive(1, to: group)
    }

    /// A single thread is where its process is again, or has exited.
    func leave(thread tid: Int32, of pid: Int32, _ process: KnownProcess, _ group: Group, exited: Bool) {
        group.hierarchy.groupOfThread[tid] = nil
        addTasks(1, to: group.hierarchy.group(of: pid))
        guard !group.isRoot else { return }
        group.threads.remove(tid)
        figures.left(CgroupMember(pid: pid, thread: tid, start: process.start), group.id, exited: exited)
        addTasks(-1, to: group)
        addLive(-1, to: group)
    }

    /// Counts threads in a group and its ancestors. Forks beyond pids.max are events: they cannot be refused from outside.
    func addTasks(_ count: Int, to group: Group, forked: Bool = false) {
        for group in group.lineage where !group.isRoot {
            group.tasks += count
            group.tasksPeak = max(group.tasksPeak, group.tasks)
            if forked && count > 0 && UInt64(max(group.tasks, 0)) > group[.pidsMax] { record(.pidsMax, in: group) }
        }
    }

    /// Counts members that live, and tells the watchers of groups that become populated or empty by it.
    func addLive(_ count: Int, to group: Group) {
        let before = group.isPopulated
        group.live += count
        populationChanged(of: group, from: before)
    }

    private func populationChanged(of group: Group, from before: Bool) {
        guard !group.isRoot, group.isPopulated != before else { return }
        noteChange("cgroup.events", of: group)
        guard let parent = group.parent else { return }
        let parentBefore = parent.isPopulated
        parent.populatedChildren += before ? -1 : 1
        populationChanged(of: parent, from: parentBefore)
    }

    /// Counts an event in a group and its ancestors.
    func record(_ event: CgroupEvent, in group: Group) {
        group.ownEvents[event, default: 0] += 1
        for file in event.localFiles { noteChange(file, of: group) }
        for group in group.lineage {
            group.events[event, default: 0] += 1
            for file in event.files { noteChange(file, of: group) }
        }
    }

    /// The processes of a group, pids in ascending order; those that have exited but were not waited for are left out, as in
    /// cgroup.procs.
    func livingProcesses(of group: Group) -> [Int32] {
        let hierarchy = group.hierarchy
        if group.isRoot {
            return known.filter { !$0.value.isZombie && hierarchy.groupOfProcess[$0.key] == nil }.keys.sorted()
        }
        var pids = group.processes.filter { known[$0]?.isZombie == false }
        for tid in group.threads { if let entry = hierarchy.groupOfThread[tid] { pids.insert(entry.pid) } }
        return pids.sorted()
    }

    /// The threads of a group in ascending order.
    func livingThreads(of group: Group) -> [Int32] {
        let hierarchy = group.hierarchy
        var threads: [Int32] = []
        let pids = group.isRoot ? livingProcesses(of: group) : Array(group.processes)
        for pid in pids where known[pid]?.isZombie == false {
            let own = processTable.threads(of: pid)
            threads += hierarchy.groupOfThread.isEmpty ? own : own.filter { hierarchy.groupOfThread[$0] == nil }
        }
        if group.isRoot {
            threads += hierarchy.groupOfThread.filter { $0.value.group === group }.keys
        } else {
            threads += group.threads
        }
        return threads.sorted()
    }

    /// The members of a group alone.
    func ownMembers(of group: Group) -> [CgroupMember] {
        let processes = group.processes.compactMap { pid in
            known[pid].map { CgroupMember(pid: pid, start: $0.start) }
        }
        let threads = group.threads.compactMap { tid -> CgroupMember? in
            guard let pid = group.hierarchy.groupOfThread[tid]?.pid, let process = known[pid] else { return nil }
            return CgroupMember(pid: pid, thread: tid, start: process.start)
        }
        return processes + threads
    }

    /// The members of a group and its descendants.
    func members(of group: Group) -> [CgroupMember] {
        var members: [CgroupMember] = []
        group.forEachInSubtree { members += ownMembers(of: $0) }
        return members
    }
}

extension Group {
    /// Whether looking at processes can find any in the group: not while all of the hierarchy's are in its root.
    var mayHaveMembers: Bool {
        isRoot || !hierarchy.groupOfProcess.isEmpty || !hierarchy.groupOfThread.isEmpty
    }
}

extension CgroupEvent {
    /// The files that tell of an event in the group itself.
    var localFiles: [String] {
        switch self {
        case .memoryLow, .memoryHigh, .memoryMax, .oom, .oomKill, .oomGroupKill: ["memory.events.local"]
        case .hugePagesMax(let size): ["hugetlb.\(hugePageName(size)).events.local"]
        case .pidsMax, .swapHigh, .swapMax, .swapFail: []
        }
    }

    /// The files that tell of an event in the group or below.
    var files: [String] {
        switch self {
        case .memoryLow, .memoryHigh, .memoryMax, .oom, .oomKill, .oomGroupKill: ["memory.events"]
        case .swapHigh, .swapMax, .swapFail: ["memory.swap.events"]
        case .pidsMax: ["pids.events"]
        case .hugePagesMax(let size): ["hugetlb.\(hugePageName(size)).events"]
        }
    }
}
