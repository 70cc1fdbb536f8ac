import SystemCalls

/// v1's cpu controller (cpu_legacy_files of kernel/sched/core.c).
enum CPUV1 {
    static let rows: [FileRow] = [
        .setting(
            "cpu.shares", .cpu, .everywhere, .cpuWeight, "Share of processor time, 2...262144; obeyed as a nice value."
        ) {
            group, input throws(Errno) in
            let shares = try input.unsigned()
            if group.isRoot || group.isSet(.cpuIdle) { throw .einval }
            group[.cpuWeight] = min(max(shares, 2), 262_144)
            group.state.applyWeight(to: group)
        },
        FileRow(
            "cpu.idle", .cpu, .everywhere, "1: runs only when nobody else wants to.",
            read: .state { group, text in text.line(group[.cpuIdle]) }, write: CPUSettings.writeIdle),
        FileRow(
            "cpu.cfs_quota_us", .cpu, .everywhere,
            "Processor time a period, microseconds; -1 for no quota. Checked and kept.",
            read: .state { group, text in
                text.line(group[.cpuQuota] == .max ? -1 : Int64(group[.cpuQuota]))
            },
            write: { group, input throws(Errno) in
                let quota = try input.signed()
                try CPUSettings.setBandwidth(of: group, quota: quota < 0 ? .max : UInt64(quota))
            }),
        .setting(
            "cpu.cfs_period_us", .cpu, .everywhere, .cpuPeriod, "The period of the quota, 1000...1000000 microseconds."
        ) {
            group, input throws(Errno) in
            try CPUSettings.setBandwidth(of: group, period: try input.unsigned())
        },
        .setting("cpu.cfs_burst_us", .cpu, .everywhere, .cpuBurst, "How much unused quota may be saved, microseconds.")
        {
            group, input throws(Errno) in
            try CPUSettings.setBandwidth(of: group, burst: try input.unsigned())
        },
        FileRow(
            "cpu.rt_runtime_us", .cpu, .everywhere,
            "Time for real-time tasks a period, microseconds. Checked and kept.",
            read: .state { group, text in text.line(group[signed: .realTimeRuntime]) },
            write: { group, input throws(Errno) in
                let runtime = try input.signed()
                try CPUSettings.setRealTime(of: group, runtime: runtime < 0 ? -1 : runtime)
            }),
        .setting("cpu.rt_period_us", .cpu, .everywhere, .realTimePeriod, "The period of the above, microseconds.") {
            group, input throws(Errno) in
            try CPUSettings.setRealTime(of: group, period: try input.unsigned())
        },
        FileRow(
            "cpu.stat", .cpu, .everywhere,
            "Periods in which it ran under a quota, those in which it ran longer than that, and 0.",
            source: "looks at each second; no time is ever taken away, as quotas are not enforced from outside",
            read: .figures { reader, text in
                let time = reader.figures.processorTime(of: reader.group)
                text.line("nr_periods", time.periods)
                text.line("nr_throttled", time.throttledPeriods)
                text.line("throttled_time", time.throttled)
                text.line("nr_bursts", time.bursts)
                text.line("burst_time", time.burst)
            }),
        FileRow(
            "cpu.stat.local", .cpu, .everywhere, "How long the group itself was throttled (ns).",
            source: "0, as in cpu.stat",
            read: .figures { reader, text in
                text.line("throttled_time", reader.figures.processorTime(of: reader.group).throttled)
            }),
    ]
}

/// What cpu's settings of both versions have in common.
enum CPUSettings {
    static func writeIdle(_ group: Group, _ input: Input) throws(Errno) {
        let idle = try input.signed()
        if group.isRoot || idle < 0 || idle > 1 { throw .einval }
        if idle == Int64(group[.cpuIdle]) { return }
        group[.cpuIdle] = UInt64(idle)
        // WEIGHT_IDLEPRIO, and NICE_0_LOAD on the way back.
        group[.cpuWeight] = idle == 1 ? 3 : 1024
        group.state.applyWeight(to: group)
    }

    /// max_bw_runtime_us: 2^44 - 1 shifted by BW_SHIFT is all that a ratio has room for.
    private static let mostMicroseconds = (UInt64(1) << 44) - 1
    private static let mostBurst = UInt64.max / 1000

    /// tg_set_cfs_bandwidth().
    /// - Throws: EINVAL.
    static func setBandwidth(of group: Group, quota: UInt64? = nil, period: UInt64? = nil, burst: UInt64? = nil)
        throws(Errno)
    {
        if group.isRoot { throw .einval }
        let quota = quota ?? group[.cpuQuota]
        let period = period ?? group[.cpuPeriod]
        let burst = burst ?? group[.cpuBurst]
        if quota < 1000 || period < 1000 || period > 1_000_000 || burst > mostBurst { throw .einval }
        if quota != .max {
            if quota > mostMicroseconds || burst > quota || burst + quota > mostMicroseconds { throw .einval }
        }
        if !group.hierarchy.isUnified {
            let own = quota == .max ? nil : ratio(quota, period)
            let above = (group.parent?.lineage).flatMap { $0.lazy.compactMap { $0.quotaRatio }.first }
            if let own, let above, own > above { throw .einval }
            try checkQuotas(below: group, limit: own ?? above)
        }
        group[.cpuQuota] = quota
        group[.cpuPeriod] = period
        group[.cpuBurst] = burst
    }

    /// Every descendant's share must fit into the nearest quota above it.
    private static func checkQuotas(below group: Group, limit: UInt64?) throws(Errno) {
        for child in group.children.values {
            let own = child.quotaRatio
            if let own, let limit, own > limit { throw .einval }
            try checkQuotas(below: child, limit: own ?? limit)
        }
    }

    /// to_ratio() of kernel/sched/core.c.
    fileprivate static func ratio(_ quota: UInt64, _ period: UInt64) -> UInt64 { (quota << 20) / period }

    /// tg_rt_schedulable().
    /// - Throws: EINVAL.
    static func setRealTime(of group: Group, runtime: Int64? = nil, period: UInt64? = nil) throws(Errno) {
        let runtime = runtime ?? group[signed: .realTimeRuntime]
        let period = period ?? group[.realTimePeriod]
        if period == 0 || period > UInt64(Int64.max) / 1000 { throw .einval }
        if group.isRoot && runtime == 0 { throw .einval }
        if runtime > Int64(clamping: period) { throw .einval }
        func share(_ runtime: Int64, _ period: UInt64) -> UInt64 {
            runtime < 0 ? 1 << 20 : UInt64((UInt64(runtime).multipliedFullWidth(by: 1 << 20)).low) / period
        }
        let total = share(runtime, period)
        // The machine's own limit, 95 %.
        if total > share(950_000, 1_000_000) { throw .einval }
        func sum(_ groups: some Sequence<Group>) -> UInt64 {
            groups.reduce(0) { $0 + share($1[signed: .realTimeRuntime], $1[.realTimePeriod]) }
        }
        if sum(group.children.values) > total { throw .einval }
        if let parent = group.parent {
            let others = sum(parent.children.values.lazy.filter { $0 !== group })
            if others + total > share(parent[signed: .realTimeRuntime], parent[.realTimePeriod]) { throw .einval }
        }
        group[signed: .realTimeRuntime] = runtime
        group[.realTimePeriod] = period
    }
}

extension Group {
    /// The group's own quota as a share of one processor, in units of 2^-20; nil without one.
    fileprivate var quotaRatio: UInt64? {
        self[.cpuQuota] == .max ? nil : CPUSettings.ratio(self[.cpuQuota], self[.cpuPeriod])
    }
}
