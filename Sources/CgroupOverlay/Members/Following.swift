/// Following the machine's processes: who began inherits the groups of its parent, who exited leaves them.
extension TreeState {
    /// Looks at the processes, unless a look of at most this age (in nanoseconds) is at hand.
    func follow(maximumAge: UInt64 = 0) {
        let listing = processTable.all(maximumAge: maximumAge)
        guard listing.serial != followed else { return }
        followed = listing.serial
        exited.removeAll()
        var begun: [ProcessRecord] = []
        for record in listing.records {
            if let process = known[record.pid] {
                if process.start == record.start {
                    update(process, record)
                    continue
                }
                exit(record.pid, process)
            }
            begun.append(record)
        }
        if known.count + begun.count > listing.records.count {
            for (pid, process) in known where process.seen != listing.serial { exit(pid, process) }
        }
        // Parents first, so that a whole family that is new finds its group.
        begun.sort { ($0.start, $0.pid) < ($1.start, $1.pid) }
        for record in begun { begin(record) }
        dropEndedThreads()
    }

    /// Looks at the members of one group, who may have exited although nobody has begun since.
    func followMembers(of group: Group) {
        follow()
        for pid in group.processes {
            guard let process = known[pid], !process.isZombie else { continue }
            if let record = processTable.process(pid), record.start == process.start {
                update(process, record)
            } else {
                exit(pid, process)
            }
        }
    }

    private func update(_ process: KnownProcess, _ record: ProcessRecord) {
        var process = process
        let died = record.isZombie && !process.isZombie
        let threads = Int(record.threads) - Int(process.threads)
        process.threads = record.threads
        process.isZombie = record.isZombie
        process.processGroup = record.processGroup
        process.session = record.session
        process.seen = followed
        known[record.pid] = process
        guard died || threads != 0 else { return }
        for hierarchy in hierarchies {
            guard let group = hierarchy.groupOfProcess[record.pid] else { continue }
            if threads != 0 { addTasks(threads, to: group, forked: true) }
            if died { addLive(-1, to: group) }
        }
    }

    private func begin(_ record: ProcessRecord) {
        let process = KnownProcess(record, seen: followed)
        known[record.pid] = process
        if record.isKernelThread { return }
        let orphanOf = hierarchies.contains { $0.groupOfProcess[record.parent] != nil } ? nil : formerParent(of: record)
        for (index, hierarchy) in hierarchies.enumerated() {
            if let group = orphanOf?.groups[index] ?? hierarchy.groupOfProcess[record.parent], !group.isRemoved {
                join(record.pid, process, group, inherited: true)
            }
        }
    }

    /// The member that an orphan, new to us, was most likely a child of: one that exited between the two looks, in the same process
    /// group or session.
    private func formerParent(of record: ProcessRecord) -> ExitedMember? {
        func fits(_ member: ExitedMember) -> Bool { member.process.start <= record.start && record.session != 0 }
        return exited.last { fits($0) && $0.process.processGroup == record.processGroup }
            ?? exited.last { fits($0) && $0.process.session == record.session }
    }

    private func exit(_ pid: Int32, _ process: KnownProcess) {
        known[pid] = nil
        var groups: [Int: Group] = [:]
        for (index, hierarchy) in hierarchies.enumerated() {
            for (tid, entry) in hierarchy.groupOfThread where entry.pid == pid {
                leave(thread: tid, of: pid, process, entry.group, exited: true)
            }
            guard let group = hierarchy.groupOfProcess[pid] else { continue }
            groups[index] = group
            leave(pid, process, group, exited: true)
        }
        if !groups.isEmpty { exited.append(ExitedMember(process: process, pid: pid, groups: groups)) }
    }

    private func dropEndedThreads() {
        for hierarchy in hierarchies where !hierarchy.groupOfThread.isEmpty {
            for (tid, entry) in hierarchy.groupOfThread {
                guard let process = known[entry.pid], processTable.processOfThread(tid) != entry.pid else { continue }
                leave(thread: tid, of: entry.pid, process, entry.group, exited: true)
            }
        }
    }
}
