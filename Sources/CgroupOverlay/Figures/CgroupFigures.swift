/// Where the figures of a tree come from: the machine and the processes in the groups.
///
/// The tree tells which process is in which group, and asks for figures when a file is read. A group's figures are
/// hierarchical, the sum over itself and its descendants, gone ones included, and the root's are the machine's. All are
/// monotonic where the kernel's are.
///
/// The first family of functions is called with the tree's lock held: they must be quick, and must not call the tree. The
/// others are called without any lock, from several threads at once.
public protocol CgroupFigures: AnyObject, Sendable {
    // What happens to groups and their members, in order.

    /// A group begins. `parent` is nil for the root of a hierarchy.
    func groupBegan(_ group: CgroupGroup, in parent: CgroupGroup?, controllers: CgroupControllers)
    /// A group ends; what it has used stays part of its parent's figures.
    func groupEnded(_ group: CgroupGroup)
    /// A process, or a single thread, is in `group` from now on, and what it uses is the group's. `inherited` says that it has
    /// been from its beginning, as a child of a member: then all that it has used is. Members of roots are not told.
    func joined(_ member: CgroupMember, _ group: CgroupGroup, inherited: Bool)
    /// A member leaves `group` for another one (of which ``joined(_:_:inherited:)`` tells, unless it is a root), or because it
    /// `exited`.
    func left(_ member: CgroupMember, _ group: CgroupGroup, exited: Bool)
    /// The tree has looked at all processes, and the above been told of it. `isKnown` tells whether it has seen a process, now or at
    /// one of the last two looks.
    func looked(_ isKnown: (Int32) -> Bool)

    // Figures of a group.

    /// Processor time since the group began, or since it was reset.
    func processorTime(of group: CgroupGroup) -> ProcessorTime
    /// Memory now, and events since the group began. `own` leaves out the descendants that are there now, as v1 tells beside the hierarchical sum. (So it does below.)
    func memory(of group: CgroupGroup, own: Bool) -> MemoryFigures
    /// The devices that the group has read or written, by device number.
    func blockIO(of group: CgroupGroup, own: Bool) -> [BlockIOFigures]
    /// In the order of ``hugePageSizes``.
    func hugePages(of group: CgroupGroup) -> [HugePageFigures]
    /// How long the group's tasks waited for a resource.
    func pressure(of group: CgroupGroup, _ resource: PressureResource) -> PressureFigures

    /// Looks at all members, as is done from time to time: what is not told until somebody asks would be lost with a member, and
    /// pressure is a figure of intervals. `quotas` has the groups with a quota.
    func lookAtAll(_ quotas: [CgroupGroup: CgroupLimits])
    /// What a member would free by its end, in bytes, by the last look.
    func footprint(of member: CgroupMember) -> UInt64

    /// Begins the peak of a figure anew, as writing to memory.max_usage_in_bytes does.
    func resetPeak(of group: CgroupGroup, _ peak: CgroupPeak)
    /// Begins CPU time anew, as writing 0 to cpuacct.usage does.
    func resetProcessorTime(of group: CgroupGroup)

    // What is kept over a restart. These are called with the tree's lock held as well.

    /// What a group has used so far, in words of the figures' own, for the state file; nil where nothing is to be kept.
    func saved(of group: CgroupGroup) -> String?
    /// Takes up what ``saved(of:)`` gave before a restart. The text may be anything.
    func restore(_ group: CgroupGroup, _ saved: String)

    // What the machine has. These are called with the tree's lock held as well.

    /// The processors that are online, as their numbers.
    var processors: CgroupSet { get }
    /// The memory nodes that have memory, as their numbers.
    var memoryNodes: CgroupSet { get }
    /// The machine's memory in bytes.
    var memoryTotal: UInt64 { get }
    /// The machine's swap in bytes.
    var swapTotal: UInt64 { get }
    /// The sizes of huge pages in bytes, in ascending order.
    var hugePageSizes: [UInt64] { get }
    /// Whether a whole disk has this number.
    func hasDisk(_ device: CgroupDevice) -> Bool
    /// The names of the network interfaces.
    var networkInterfaces: [String] { get }
}

extension CgroupFigures {
    public var networkInterfaces: [String] { [] }
    public func looked(_ isKnown: (Int32) -> Bool) {}
    public func lookAtAll(_ quotas: [CgroupGroup: CgroupLimits]) {}
    public func footprint(of member: CgroupMember) -> UInt64 { 0 }
    public func saved(of group: CgroupGroup) -> String? { nil }
    public func restore(_ group: CgroupGroup, _ saved: String) {}
}

/// What a tree asks to be done to processes so that settings hold. Nothing is done by default.
///
/// Called without the tree's lock, after the setting has been stored.
public protocol CgroupActions: AnyObject, Sendable {
    /// Threads or whole processes may run on these processors only.
    func confine(_ members: [CgroupMember], to processors: CgroupSet)
    /// The share of processor time, 1...10000, of which 100 is the default (cpu.weight).
    func setWeight(_ members: [CgroupMember], _ weight: UInt32)
    /// The processes are to stop (SIGSTOP or the like) until ``thaw(_:)``.
    func freeze(_ members: [CgroupMember])
    func thaw(_ members: [CgroupMember])
    /// The processes are to end at once (SIGKILL).
    func kill(_ members: [CgroupMember])
}

extension CgroupActions {
    public func confine(_ members: [CgroupMember], to processors: CgroupSet) {}
    public func setWeight(_ members: [CgroupMember], _ weight: UInt32) {}
    public func freeze(_ members: [CgroupMember]) {}
    public func thaw(_ members: [CgroupMember]) {}
    public func kill(_ members: [CgroupMember]) {}
}

/// A peak that can begin anew.
public enum CgroupPeak: Sendable { case memory, memoryAndSwap, kernelMemory, hugePages(size: UInt64) }

/// What pressure is told of, PSI (Documentation/accounting/psi.rst).
public enum PressureResource: Sendable { case cpu, memory, io, irq }
