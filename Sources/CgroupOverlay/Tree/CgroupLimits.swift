/// Limits of one group, in bytes and numbers; nil is "max".
public struct CgroupLimits: Equatable, Sendable {
    public var memoryMax: UInt64?
    public var memoryHigh: UInt64?
    public var memoryLow: UInt64 = 0
    public var memoryMin: UInt64 = 0
    public var swapMax: UInt64?
    /// v1: memory and swap together.
    public var memoryAndSwapMax: UInt64?
    /// An OOM kill kills all of the group.
    public var oomGroup = false
    public var oomKillDisabled = false
    public var pidsMax: UInt64?
    /// CPU quota in microseconds a period.
    public var quota: UInt64?
    public var period: UInt64 = 100_000
    /// By size of page, in bytes.
    public var hugePagesMax: [UInt64: UInt64] = [:]
    public var parent: CgroupGroup?
    public init() {}
}

/// What memory.events and its like count.
public enum CgroupEvent: Hashable, Sendable {
    case memoryLow, memoryHigh, memoryMax, oom, oomKill, oomGroupKill
    case swapHigh, swapMax, swapFail
    case pidsMax
    case hugePagesMax(size: UInt64)
}
