/// All accounts, and the tasks in them; guarded by ``MemberFigures``' lock.
final class AccountBook {
    var accounts: [CgroupGroup: GroupAccount] = [:]
    var tasks: [CgroupMember: TrackedTask] = [:]
    /// Whole processes by number.
    private var processes: [Int32: TrackedTask] = [:]
    var disks = DiskShares()
    private var exits: TaskExits?
    /// The groups of those that left lately, from whom children that nobody saw have inherited.
    private var lately: [Int32: (accounts: [GroupAccount], round: UInt64)] = [:]

    /// The moment that looks belong to: its number, when it began, and how long its looks took.
    private(set) var moment: UInt64 = 1
    private var momentBegan: UInt64 = 0
    var momentCost: UInt64 = 0
    var pressureLooked: UInt64 = 0

    init(_ exits: consuming TaskExits?) { self.exits = exits }

    var knowsExits: Bool {
        switch exits {
        case .some: true
        case .none: false
        }
    }

    /// A new moment begins when the last one is 20 ms old, or ten times the looks it took.
    func beginMoment(now: UInt64) {
        guard now &- momentBegan > max(20_000_000, min(1_000_000_000, momentCost &* 10)) else { return }
        moment += 1
        momentBegan = now
        momentCost = 0
    }

    func join(_ member: CgroupMember, _ account: GroupAccount, inherited: Bool, now: UInt64) {
        let task: TrackedTask
        if let known = tasks[member] {
            task = known
        } else {
            task = TrackedTask(member)
            tasks[member] = task
            if member.thread == nil {
                processes[member.pid] = task
                for other in tasks.keys where other.pid == member.pid {
                    if let thread = other.thread { task.separate.insert(thread) }
                }
            }
        }
        // Up to now it was somebody else's.
        look(task, now: now)
        if task.pressureMark.isZero { task.pressureMark = task.ledger.counters }
        if let thread = member.thread, !account.controllers.isDisjoint(with: [.cpuacct, .cpu]) {
            processes[member.pid]?.separate.insert(thread)
        }
        task.accounts.append(account)
        account.tasks[member] = task
        if inherited {
            account.count(task.ledger.asStep)
        } else if let before = account.restored.removeValue(forKey: member) {
            account.count(task.step(since: before, disks: disks))
        }
        account.count(
            task.memory, excess: inherited ? task.mostResident - min(task.mostResident, task.memory.resident) : 0)
    }

    func leave(_ member: CgroupMember, _ account: GroupAccount, exited: Bool, now: UInt64) {
        guard let task = account.tasks.removeValue(forKey: member) else { return }
        look(task, now: now)
        if exited && member.thread == nil {
            exits?.fetch()
            if let last = exits?.take(member.pid) { count(task.take(last, disks: disks), task.accounts) }
            lately[member.pid] = ((lately[member.pid]?.accounts ?? []) + [account], exits?.round ?? 0)
        }
        account.count(TaskMemory().difference(from: task.memory))
        task.accounts.removeAll { $0 === account }
        if let thread = member.thread, !account.controllers.isDisjoint(with: [.cpuacct, .cpu]) {
            processes[member.pid]?.separate.remove(thread)
        }
        if task.accounts.isEmpty {
            tasks[member] = nil
            if processes[member.pid] === task { processes[member.pid] = nil }
        }
    }

    /// What a process does it does in all its groups, also its last step: it leaves them one after the other.
    private func count(_ progress: TrackedTask.Progress, _ accounts: [GroupAccount]) {
        for account in accounts {
            account.count(progress.step)
            account.count(progress.memory, excess: progress.excess)
        }
    }

    private func look(_ task: TrackedTask, now: UInt64) {
        if case .reading(let reading) = TaskReading.take(task.member, after: task.before(now: now)) {
            take(reading, task, now: now)
        }
    }

    func take(_ reading: TaskReading, _ task: TrackedTask, now: UInt64) {
        count(task.take(reading, disks: disks, now: now), task.accounts)
    }

    func end(_ account: GroupAccount) {
        for task in account.tasks.values { task.accounts.removeAll { $0 === account } }
        for (pid, former) in lately where former.accounts.contains(where: { $0 === account }) { lately[pid] = nil }
        account.parent?.children[account.id] = nil
        accounts[account.id] = nil
    }

    /// The tree has looked at all processes. Who began and exited since the look before was seen by nobody: what the kernel tells of
    /// them goes to the groups of their parents.
    func looked(_ isKnown: (Int32) -> Bool) {
        guard knowsExits else { return }
        let round = exits?.round ?? 0
        var unseen: [Int32: TaskExits.Exited] = [:]
        for (pid, exited) in exits?.exited ?? [:] where exited.round < round && processes[pid] == nil {
            _ = exits?.take(pid)
            if !isKnown(pid) && lately[pid] == nil { unseen[pid] = exited }
        }
        for (pid, exited) in unseen {
            let accounts = heirs(of: exited.parent, unseen, depth: 0)
            count(TrackedTask(CgroupMember(pid: pid, start: 0)).take(exited, disks: disks), accounts)
            lately[pid] = (accounts, round)
        }
        lately = lately.filter { $0.value.round + 2 > round }
        exits?.fetch()
        exits?.nextRound()
    }

    private func heirs(of pid: Int32, _ unseen: [Int32: TaskExits.Exited], depth: Int) -> [GroupAccount] {
        if let task = processes[pid] { return task.accounts }
        if let former = lately[pid] { return former.accounts }
        guard depth < 100, let exited = unseen[pid] else { return [] }
        return heirs(of: exited.parent, unseen, depth: depth + 1)
    }

    /// Ends an interval of pressure and quotas.
    func lookAtPressure(_ quotas: [CgroupGroup: CgroupLimits], now: UInt64) {
        let length = now &- pressureLooked
        defer { pressureLooked = now }
        for (id, limits) in quotas {
            accounts[id]?.quota.look(
                limits.quota.map { $0 &* 1000 }, limits.period &* 1000, now: now,
                time: accounts[id]?.total.counters.time ?? 0)
        }
        guard pressureLooked > 0, length > 0 else { return }
        for task in tasks.values {
            let step = task.ledger.counters.since(task.pressureMark)
            task.pressureMark = task.ledger.counters
            if step.time == 0 && step[.waited] == 0 && step[.waitedForDisk] == 0 { continue }
            for account in task.accounts {
                account.forEachUpwards {
                    $0.pressure.add(
                        ran: step.time, waited: step[.waited], waitedForDisk: step[.waitedForDisk],
                        threads: task.threadCount, length: length)
                }
            }
        }
        for account in accounts.values { account.pressure.end(length: length) }
    }
}
