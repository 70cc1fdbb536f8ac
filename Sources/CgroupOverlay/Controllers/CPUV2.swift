import SystemCalls

/// v2's cpu controller (cpu_files of kernel/sched/core.c), and cpu.stat, which every group has.
enum CPUV2 {
    static let rows: [FileRow] = [
        FileRow(
            "cpu.stat",
            "Processor time, microseconds; with the cpu controller, periods in which it ran, and ran longer than its quota.",
            source: CPUAccounting.source,
            read: .figures(showStatistics)),
        FileRow(
            "cpu.stat.local", [], .everywhere, since: .linux618,
            "With the cpu controller, how long the group itself was throttled.",
            source: "0: quotas are not enforced from outside",
            read: .figures { reader, text in
                guard reader.controllers.contains(.cpu) else { return }
                text.line("throttled_usec", reader.figures.processorTime(of: reader.group).throttled / 1000)
            }),
        FileRow(
            "cpu.weight", .cpu, .notRoot, "Share of processor time, 1...10000; obeyed as a nice value.",
            read: .state { group, text in text.line((group[.cpuWeight] * 100 + 512) / 1024) },
            write: { group, input throws(Errno) in
                let weight = try input.unsigned()
                if !(1...10000).contains(weight) { throw .erange }
                try setWeight(of: group, (weight * 1024 + 50) / 100)
            }),
        FileRow(
            "cpu.weight.nice", .cpu, .notRoot, "The same as a nice value, -20...19.",
            read: .state { group, text in text.line(nice(of: group[.cpuWeight])) },
            write: { group, input throws(Errno) in
                let nice = try input.signed()
                if !(-20...19).contains(nice) { throw .erange }
                try setWeight(of: group, weights[Int(nice) + 20])
            }),
        FileRow(
            "cpu.idle", .cpu, .notRoot, "1: runs only when nobody else wants to.",
            read: .state { group, text in text.line(group[.cpuIdle]) }, write: CPUSettings.writeIdle),
        FileRow(
            "cpu.max", .cpu, .notRoot, "Quota and period, microseconds, or max. Checked and kept.",
            read: .state { group, text in
                text.append(orMax: group[.cpuQuota])
                text.space()
                text.line(group[.cpuPeriod])
            }, write: writeMax),
        .setting("cpu.max.burst", .cpu, .notRoot, .cpuBurst, "How much unused quota may be saved, microseconds.") {
            group, input throws(Errno) in
            try CPUSettings.setBandwidth(of: group, burst: try input.unsigned())
        },
    ]

    private static func showStatistics(_ reader: FigureReader, _ text: inout Text) throws(Errno) {
        let time = reader.figures.processorTime(of: reader.group)
        text.line("usage_usec", time.total / 1000)
        text.line("user_usec", time.user / 1000)
        text.line("system_usec", time.system / 1000)
        if reader.kernel == .linux618 { text.line("nice_usec", time.nice / 1000) }
        guard reader.controllers.contains(.cpu) else { return }
        text.line("nr_periods", time.periods)
        text.line("nr_throttled", time.throttledPeriods)
        text.line("throttled_usec", time.throttled / 1000)
        text.line("nr_bursts", time.bursts)
        text.line("burst_usec", time.burst / 1000)
    }

    private static func setWeight(of group: Group, _ weight: UInt64) throws(Errno) {
        if group.isSet(.cpuIdle) { throw .einval }
        group[.cpuWeight] = max(2, weight)
        group.state.applyWeight(to: group)
    }

    /// cpu_period_quota_parse(): sscanf's "%20s %llu".
    private static func writeMax(_ group: Group, _ input: Input) throws(Errno) {
        guard let first = input.words.first else { throw .einval }
        let quota: UInt64
        if let (number, _) = Input.decimal(first.prefix(20)) {
            quota = number
        } else if first.prefix(20).elementsEqual("max".utf8) {
            quota = .max
        } else {
            throw .einval
        }
        let rest = input.bytes.drop { Input.isSpace($0) }.dropFirst(min(20, first.count)).drop { Input.isSpace($0) }
        try CPUSettings.setBandwidth(of: group, quota: quota, period: Input.decimal(rest)?.0)
    }

    /// sched_prio_to_weight.
    private static let weights: [UInt64] = [
        88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121, 2501,
        1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
    ]

    /// The nice value whose weight is nearest.
    private static func nice(of weight: UInt64) -> Int64 {
        func distance(_ index: Int) -> UInt64 {
            weights[index] > weight ? weights[index] - weight : weight - weights[index]
        }
        return Int64(weights.indices.min { distance($0) < distance($1) }!) - 20
    }
}
