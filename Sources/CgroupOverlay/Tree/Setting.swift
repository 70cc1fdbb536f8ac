/// A number that a group keeps because somebody wrote it, or its default.
///
/// The cases' names stand in state files.
enum Setting: CaseIterable, Sendable {
    // cpu. Weights are the kernel's, 1024 for the default; times are microseconds, `UInt64.max` for no quota.
    case cpuWeight, cpuIdle, cpuQuota, cpuPeriod, cpuBurst, realTimeRuntime, realTimePeriod
    // memory. Bytes, `UInt64.max` for no limit.
    case memoryMax, memoryHigh, memoryLow, memoryMin, swapMax, swapHigh, memoryAndSwapMax, memorySoftLimit, tcpMax
    case swappiness, oomKillDisable, oomGroup
    case pidsMax
    // cpuset, v1's flags.
    case cpuExclusive, memExclusive, memHardwall, memoryMigrate, spreadPage, spreadSlab, loadBalance, relaxDomainLevel
    case memoryPressureEnabled
    /// 0 member, 1 root, 2 isolated.
    case partition
    case blockWeight, bfqWeight
    case frozen
    case netClass
    case cloneChildren, notifyOnRelease
    case maxDepth, maxDescendants, pressureEnabled
    /// 1 for a group that has been made threaded.
    case threaded

    /// What a group has of which nothing was written. A signed number is kept as its bit pattern.
    var standard: UInt64 {
        switch self {
        case .cpuWeight: 1024
        case .cpuPeriod: 100_000
        case .realTimePeriod: 1_000_000
        case .cpuQuota, .memoryMax, .memoryHigh, .swapMax, .swapHigh, .memoryAndSwapMax, .memorySoftLimit, .tcpMax,
            .pidsMax, .maxDepth, .maxDescendants:
            .max
        case .swappiness: 60
        case .loadBalance, .pressureEnabled: 1
        case .relaxDomainLevel: UInt64(bitPattern: -1)
        case .blockWeight, .bfqWeight: 100
        default: 0
        }
    }
}

/// A setting that a group keeps for single disks.
enum DeviceSetting: CaseIterable, Sendable {
    case readBytes, writeBytes, readRequests, writeRequests, weight
}

/// A limit that a group keeps for single sizes of huge pages, in bytes.
enum HugePageSetting: CaseIterable, Sendable { case max, reservedMax }
