/// Controllers of a hierarchy, in the order in which the kernel lists them.
public struct CgroupControllers: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let cpuset = CgroupControllers(rawValue: 1 << 0)
    public static let cpu = CgroupControllers(rawValue: 1 << 1)
    public static let cpuacct = CgroupControllers(rawValue: 1 << 2)
    /// blkio on v1.
    public static let io = CgroupControllers(rawValue: 1 << 3)
    public static let memory = CgroupControllers(rawValue: 1 << 4)
    public static let devices = CgroupControllers(rawValue: 1 << 5)
    public static let freezer = CgroupControllers(rawValue: 1 << 6)
    public static let netClass = CgroupControllers(rawValue: 1 << 7)
    public static let perfEvent = CgroupControllers(rawValue: 1 << 8)
    public static let netPriority = CgroupControllers(rawValue: 1 << 9)
    public static let hugetlb = CgroupControllers(rawValue: 1 << 10)
    public static let pids = CgroupControllers(rawValue: 1 << 11)
    public static let rdma = CgroupControllers(rawValue: 1 << 12)
    public static let misc = CgroupControllers(rawValue: 1 << 13)

    /// Those of the unified hierarchy.
    public static let unified: CgroupControllers = [.cpuset, .cpu, .io, .memory, .hugetlb, .pids, .rdma, .misc]
}
