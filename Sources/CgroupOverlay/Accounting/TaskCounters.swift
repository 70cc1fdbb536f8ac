/// What a task or a group has used so far: counters that only grow. Nanoseconds, bytes, counts.
struct TaskCounters: Equatable, Sendable {
    enum Field: Int {
        case user, system, nice, minorFaults, majorFaults
        /// Ready to run, but not running; and waiting for a disk, where the kernel counts that (kernel.task_delayacct).
        case waited, waitedForDisk
        case readBytes, writtenBytes, readCalls, writeCalls
    }

    private(set) var values = SIMD16<UInt64>()

    subscript(field: Field) -> UInt64 {
        get { values[field.rawValue] }
        set { values[field.rawValue] = newValue }
    }

    var time: UInt64 { self[.user] &+ self[.system] }

    mutating func add(_ other: TaskCounters) { values &+= other.values }

    /// What came since; never less than nothing.
    func since(_ before: TaskCounters) -> TaskCounters {
        var result = self
        result.values.replace(with: before.values, where: before.values .> values)
        result.values = result.values &- before.values
        return result
    }

    /// The greater of each.
    func atLeast(_ other: TaskCounters) -> TaskCounters {
        var result = self
        result.values.replace(with: other.values, where: other.values .> values)
        return result
    }

    var isZero: Bool { values == SIMD16<UInt64>() }
}

/// The memory that a task or a group has now, in bytes. Differences wrap around, so that sums stay exact.
struct TaskMemory: Equatable, Sendable {
    enum Field: Int { case anonymous, file, shared, swap, pageTables, stacks, locked, hugePages }

    private(set) var values = SIMD8<UInt64>()

    subscript(field: Field) -> UInt64 {
        get { values[field.rawValue] }
        set { values[field.rawValue] = newValue }
    }

    var resident: UInt64 { self[.anonymous] &+ self[.file] &+ self[.shared] }
    var kernel: UInt64 { self[.pageTables] &+ self[.stacks] }
    /// What memory.current counts.
    var current: UInt64 { resident &+ kernel }

    mutating func add(_ other: TaskMemory) { values &+= other.values }
    func difference(from other: TaskMemory) -> TaskMemory {
        var result = self
        result.values = values &- other.values
        return result
    }
}

/// One step of a task: what it used since the last look.
struct UsageStep: Sendable {
    var counters = TaskCounters()
    /// On which processors the time was spent.
    var processors: [(number: Int, time: ProcessorTime.PerProcessor)] = []
    var disks: [BlockIOFigures] = []
}

/// All steps together.
struct UsageLedger: Equatable, Sendable {
    var counters = TaskCounters()
    /// By number, as far as any was used.
    var processors: [ProcessorTime.PerProcessor] = []
    var disks: [CgroupDevice: BlockIOFigures] = [:]

    mutating func add(_ step: UsageStep) {
        counters.add(step.counters)
        for (number, time) in step.processors {
            while processors.count <= number { processors.append(.init()) }
            processors[number].user &+= time.user
            processors[number].system &+= time.system
        }
        for disk in step.disks { disks[disk.device, default: BlockIOFigures(device: disk.device)].add(disk) }
    }

    /// The whole of it as one step.
    var asStep: UsageStep {
        UsageStep(
            counters: counters, processors: processors.enumerated().map { ($0.offset, $0.element) },
            disks: Array(disks.values))
    }
}

extension BlockIOFigures {
    mutating func add(_ other: BlockIOFigures) {
        readBytes &+= other.readBytes
        writtenBytes &+= other.writtenBytes
        reads &+= other.reads
        writes &+= other.writes
        discardedBytes &+= other.discardedBytes
        discards &+= other.discards
    }
}
