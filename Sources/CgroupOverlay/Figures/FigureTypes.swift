/// Processor time of a group, in nanoseconds.
public struct ProcessorTime: Equatable, Sendable {
    /// A processor's share.
    public struct PerProcessor: Equatable, Sendable {
        public var user: UInt64
        public var system: UInt64
        public init(user: UInt64 = 0, system: UInt64 = 0) {
            self.user = user
            self.system = system
        }
    }

    /// By processor number, as many as are possible; processors that are offline stay 0.
    public var processors: [PerProcessor]
    /// In programs, part of it `nice`.
    public var user: UInt64
    /// In the kernel.
    public var system: UInt64
    /// Part of `user`: at a lowered priority.
    public var nice: UInt64
    /// Periods in which a quota was in force, those in which it ran out, and for how long.
    public var periods: UInt64 = 0
    public var throttledPeriods: UInt64 = 0
    public var throttled: UInt64 = 0
    /// Periods in which saved quota was used, and how much of it.
    public var bursts: UInt64 = 0
    public var burst: UInt64 = 0

    public var total: UInt64 { user &+ system }

    public init(processors: [PerProcessor] = [], user: UInt64 = 0, system: UInt64 = 0, nice: UInt64 = 0) {
        self.processors = processors
        self.user = user
        self.system = system
        self.nice = nice
    }
}

/// The figures of memory.stat on v2, in the kernel's order, and the few that v1 has beside them. Bytes, or counts of events
/// from `workingsetRefaultAnon` on.
public enum MemoryCounter: Int, CaseIterable, Sendable {
    case anon, file, kernel, kernelStack, pageTables, secPageTables, perCPU, sock, vmalloc, shmem
    case fileMapped, fileDirty, fileWriteback, swapCached, anonTHP, fileTHP, shmemTHP
    case inactiveAnon, activeAnon, inactiveFile, activeFile, unevictable, slabReclaimable, slabUnreclaimable, slab
    case workingsetRefaultAnon, workingsetRefaultFile, workingsetActivateAnon, workingsetActivateFile
    case workingsetRestoreAnon, workingsetRestoreFile, workingsetNodeReclaim
    case pgscan, pgsteal, pgscanKswapd, pgscanDirect, pgstealKswapd, pgstealDirect
    case pgfault, pgmajfault, pgrefill, pgactivate, pgdeactivate, pglazyfree, pglazyfreed
    case thpFaultAlloc, thpCollapseAlloc
    // v1 only.
    case pgpgin, pgpgout
}

/// Memory of a group.
public struct MemoryFigures: Equatable, Sendable {
    private var values = [UInt64](repeating: 0, count: MemoryCounter.allCases.count)
    /// memory.current, in bytes.
    public var current: UInt64 = 0
    /// memory.peak, since the group began or the peak was reset.
    public var peak: UInt64 = 0
    /// Swap in use, and the most there was.
    public var swap: UInt64 = 0
    public var swapPeak: UInt64 = 0
    /// The most there was of memory and swap together, and of kernel memory.
    public var peakWithSwap: UInt64 = 0
    public var kernelPeak: UInt64 = 0
    /// TCP buffers, and the most there was of them.
    public var tcp: UInt64 = 0
    public var tcpPeak: UInt64 = 0
    /// The shares of memory nodes, by number; empty where there is one node.
    public var nodes: [MemoryFigures] = []

    public init() {}

    public subscript(counter: MemoryCounter) -> UInt64 {
        get { values[counter.rawValue] }
        set { values[counter.rawValue] = newValue }
    }
}

/// What a group has read from and written to one disk: bytes and requests.
public struct BlockIOFigures: Equatable, Sendable {
    public var device: CgroupDevice
    public var readBytes: UInt64 = 0
    public var writtenBytes: UInt64 = 0
    public var reads: UInt64 = 0
    public var writes: UInt64 = 0
    public var discardedBytes: UInt64 = 0
    public var discards: UInt64 = 0
    public init(device: CgroupDevice) { self.device = device }
}

/// Huge pages of one size, in bytes.
public struct HugePageFigures: Equatable, Sendable {
    public var current: UInt64 = 0
    public var peak: UInt64 = 0
    public var reserved: UInt64 = 0
    public var reservedPeak: UInt64 = 0
    /// By memory node; empty where there is one.
    public var nodes: [UInt64] = []
    public init() {}
}

/// How long tasks waited, of /proc/pressure. Averages are in hundredths of a per cent, totals in microseconds.
public struct PressureFigures: Equatable, Sendable {
    /// One line of the file: the averages over 10, 60 and 300 seconds, and the total.
    public struct Line: Equatable, Sendable {
        public var average10: UInt32 = 0
        public var average60: UInt32 = 0
        public var average300: UInt32 = 0
        public var total: UInt64 = 0
        public init() {}
    }
    /// While at least one task waited, and while all did.
    public var some = Line()
    public var full = Line()
    public init() {}
}

/// A block device's number.
public struct CgroupDevice: Hashable, Comparable, Sendable {
    public var major: UInt32
    public var minor: UInt32
    public init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }
    public static func < (a: CgroupDevice, b: CgroupDevice) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}
