import SystemCalls

/// Writing to cgroup.procs, tasks and cgroup.threads (cgroup_procs_write_start and cgroup_attach_permissions of
/// kernel/cgroup/cgroup.c).
extension TreeState {
    /// Moves a whole process, that of the thread written, or one thread.
    ///
    /// - Throws: EINVAL, ESRCH, EACCES, EBUSY, EOPNOTSUPP, ENOSPC.
    func move(_ input: Input, wholeProcess: Bool, to group: Group) throws(Errno) {
        guard let number = try? input.int(), number >= 0 else { throw .einval }
        let tid = number == 0 ? input.caller.thread : number
        // What began before the move has inherited what its parent was in then.
        follow()
        guard tid != 0, let pid = processTable.processOfThread(tid) else { throw .esrch }

        if known[pid] == nil { follow() }
        guard let process = known[pid] else { throw .esrch }
        if process.isKernelThread { throw .einval }

        let hierarchy = group.hierarchy
        let from = wholeProcess ? hierarchy.group(of: pid) : hierarchy.group(ofThread: tid, of: pid)
        try checkPermission(of: input.caller, toMove: pid, from, to: group)
        if hierarchy.isUnified { try checkDomain(of: group, from: from, wholeProcess: wholeProcess) }
        if !hierarchy.isUnified && hierarchy.controllers.contains(.cpuset) && !process.isZombie,
            group.processors.isEmpty || group.memoryNodes.isEmpty
        {
            throw .enospc
        }
        if wholeProcess || process.threads <= 1 {
            moveProcess(pid, process, to: group)
        } else {
            moveThread(tid, of: pid, process, to: group)
        }
    }

    func moveProcess(_ pid: Int32, _ process: KnownProcess, to group: Group) {
        let hierarchy = group.hierarchy
        for (tid, entry) in hierarchy.groupOfThread where entry.pid == pid {
            leave(thread: tid, of: pid, process, entry.group, exited: false)
        }
        let from = hierarchy.group(of: pid)
        if from === group { return }
        leave(pid, process, from, exited: false)
        join(pid, process, group, inherited: false)
        applySettings(to: CgroupMember(pid: pid, start: process.start), from, group)
    }

    private func moveThread(_ tid: Int32, of pid: Int32, _ process: KnownProcess, to group: Group) {
        let hierarchy = group.hierarchy
        let from = hierarchy.group(ofThread: tid, of: pid)
        if from === group { return }
        if hierarchy.groupOfThread[tid] != nil { leave(thread: tid, of: pid, process, from, exited: false) }
        if hierarchy.group(of: pid) !== group { join(thread: tid, of: pid, process, group) }
        applySettings(to: CgroupMember(pid: pid, thread: tid, start: process.start), from, group)
        // When the last thread has followed the others, the process has moved.
        let threads = processTable.threads(of: pid)
        if !threads.isEmpty && threads.allSatisfy({ hierarchy.groupOfThread[$0]?.group === group }) {
            moveProcess(pid, process, to: group)
        }
    }

    /// v1: root, or who owns the process. v2: who may write to cgroup.procs of the nearest common ancestor.
    private func checkPermission(of caller: CgroupCaller, toMove pid: Int32, _ from: Group, to group: Group)
        throws(Errno)
    {
        if caller.uid == 0 { return }
        guard group.hierarchy.isUnified else {
            guard let owner = processTable.owner(of: pid) else { throw .esrch }
            if caller.uid != owner.real && caller.uid != owner.saved { throw .eacces }
            return
        }
        let ancestors = Set(from.lineage.map { ObjectIdentifier($0) })
        guard let common = group.lineage.first(where: { ancestors.contains(ObjectIdentifier($0)) }),
            let file = group.hierarchy.file(named: "cgroup.procs")
        else { throw .eacces }
        let overrides = common.overrides[file]
        let mode = overrides?.mode ?? 0o644
        let shift: UInt32 =
            caller.uid == overrides?.uid ?? common.uid ? 6 : caller.gid == overrides?.gid ?? common.gid ? 3 : 0
        if mode >> shift & 2 == 0 { throw .eacces }
    }

    /// Makes what is set for the new group hold for a member that comes from another one.
    private func applySettings(to member: CgroupMember, _ old: Group, _ new: Group) {
        let controllers = new.hierarchy.controllers
        if controllers.contains(.cpuset) {
            let processors = new.effectiveProcessors
            if processors != old.effectiveProcessors && !processors.isEmpty {
                afterwards { $0.confine([member], to: processors) }
            }
        }
        if controllers.contains(.cpu) && new[.cpuWeight] != old[.cpuWeight] {
            let weight = new.weight
            afterwards { $0.setWeight([member], weight) }
        }
        if new.isFreezing {
            freeze(member, in: new)
        } else if old.isFreezing {
            afterwards { $0.thaw([member]) }
        }
    }
}
