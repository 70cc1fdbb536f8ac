/// Following the machine's processes: who began inherits the groups of its parent, who exited leaves them.
extension TreeState {
    /// Looks at the processes, unless a look of at most this age (in nanoseconds) is at hand.
    func follow(maximumAge: UInt64 = 0) {
        let listing = processTable.all(maximumAge: maximumAge)
        guard listing.serial != followed else { return }
        let before = followed
        followed = listing.serial
        if !exited.isEmpty { exited = exited.filter { $0.value.round == before } }
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
        figures.looked { known[$0] != nil || exited[$0] != nil }
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
        guard let parent = parent(of: record) else { return }
        let former = known[parent] == nil ? exited[parent]?.groups : nil
        for (index, hierarchy) in hierarchies.enumerated() {
            let group = former != nil ? former?[index] : hierarchy.groupOfProcess[parent]
            guard let group, !group.isRemoved else { continue }
            join(record.pid, process, group, inherited: true)
            // Its parent was stopped after it had begun.
            if group.isFreezing { freeze(CgroupMember(pid: record.pid, start: record.start), in: group) }
        }
    }

    /// The process that a new one inherits from: its parent at birth. Where that has begun and exited since the last look, its
    /// parent in turn.
    private func parent(of record: ProcessRecord) -> Int32? {
        guard var parent = processTable.parentAtBirth(of: record.pid) else {
            return likelyParent(of: record) ?? record.parent
        }
        for _ in 0..<1000 where known[parent] == nil && exited[parent] == nil {
            guard let next = processTable.parentAtBirth(of: parent) else { break }
            parent = next
        }
        return parent
    }

    /// Where nobody tells: the member that an orphan, new to us, was most likely a child of. It exited between the two looks,
    /// was in the same process group or session, and was no child of who adopted the orphan.
    private func likelyParent(of record: ProcessRecord) -> Int32? {
        guard record.parent == 1, record.session != 0 else { return nil }
        let candidates = exited.filter { _, former in
            !former.groups.isEmpty && former.process.parent != 1 && former.process.start <= record.start
        }
        return candidates.first { $0.value.process.processGroup == record.processGroup }?.key
            ?? candidates.first { $0.value.process.session == record.session }?.key
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
        exited[pid] = ExitedProcess(round: followed, process: process, groups: groups)
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
