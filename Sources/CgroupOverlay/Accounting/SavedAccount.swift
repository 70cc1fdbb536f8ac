/// What an account keeps over a restart of the daemon: "own 1,2,3;total ...;member pid,start,...". Words that are not known are
/// passed over.
enum SavedAccount {
    private static let counterCount = TaskCounters().values.scalarCount

    /// nil where nothing has been used.
    static func text(_ account: GroupAccount) -> String? {
        if account.isRoot || (account.total == UsageLedger() && account.tasks.isEmpty) { return nil }
        var parts = [
            "own " + text(account.own), "total " + text(account.total),
            "peaks "
                + text([
                    account.peaks.memory, account.peaks.swap, account.peaks.both, account.peaks.kernel,
                    account.peaks.hugePages,
                ]), "quota " + text([account.quota.periods, account.quota.exceeded]),
            "pressure " + text(account.pressure.totals),
        ]
        for (member, task) in account.tasks where member.thread == nil {
            parts.append("member " + text([UInt64(member.pid), member.start] + numbers(task.ledger.counters)))
        }
        return parts.joined(separator: ";")
    }

    private static func text(_ numbers: [UInt64]) -> String { numbers.map { "\($0)" }.joined(separator: ",") }
    private static func numbers(_ counters: TaskCounters) -> [UInt64] {
        counters.values.indices.map { counters.values[$0] }
    }

    /// Counters, how many processors, two numbers of each, and six of each disk.
    private static func text(_ ledger: UsageLedger) -> String {
        var all = numbers(ledger.counters) + [UInt64(ledger.processors.count)]
        for processor in ledger.processors { all += [processor.user, processor.system] }
        for disk in ledger.disks.values {
            all += [
                UInt64(disk.device.major), UInt64(disk.device.minor), disk.readBytes, disk.writtenBytes, disk.reads,
                disk.writes,
            ]
        }
        return text(all)
    }

    private static func ledger(_ numbers: [UInt64]) -> UsageLedger? {
        guard numbers.count > counterCount, numbers[counterCount] <= 4096 else { return nil }
        var ledger = UsageLedger()
        ledger.counters = TaskCounters(numbers.prefix(counterCount))
        var rest = numbers[(counterCount + 1)...]
        for _ in 0..<numbers[counterCount] {
            guard rest.count >= 2 else { return nil }
            ledger.processors.append(.init(user: rest.removeFirst(), system: rest.removeFirst()))
        }
        while rest.count >= 6 {
            let device = CgroupDevice(
                major: UInt32(truncatingIfNeeded: rest.removeFirst()),
                minor: UInt32(truncatingIfNeeded: rest.removeFirst()))
            var disk = BlockIOFigures(device: device)
            (disk.readBytes, disk.writtenBytes) = (rest.removeFirst(), rest.removeFirst())
            (disk.reads, disk.writes) = (rest.removeFirst(), rest.removeFirst())
            ledger.disks[device] = disk
        }
        return ledger
    }

    static func restore(_ saved: String, _ account: GroupAccount) {
        var own: UsageLedger?
        var total: UsageLedger?
        for part in saved.split(separator: ";") {
            let words = part.split(separator: " ")
            let numbers = words.count == 2 ? words[1].split(separator: ",").compactMap { UInt64($0) } : []
            switch words.first {
            case "own": own = ledger(numbers)
            case "total": total = ledger(numbers)
            case "peaks" where numbers.count == 5:
                account.peaks = .init(
                    memory: numbers[0], swap: numbers[1], both: numbers[2], kernel: numbers[3], hugePages: numbers[4])
            case "quota" where numbers.count == 2:
                account.quota.periods = numbers[0]
                account.quota.exceeded = numbers[1]
            case "pressure": account.pressure.restore(numbers)
            case "member" where numbers.count == 2 + counterCount:
                guard let pid = Int32(exactly: numbers[0]) else { continue }
                account.restored[CgroupMember(pid: pid, start: numbers[1])] = TaskCounters(numbers.dropFirst(2))
            default: break
            }
        }
        if let own, let total { account.restore(own: own, total: total) }
    }
}

extension TaskCounters {
    fileprivate init(_ numbers: some Collection<UInt64>) {
        self.init()
        for (index, number) in numbers.enumerated() {
            if let field = Field(rawValue: index) { self[field] = number }
        }
    }
}
