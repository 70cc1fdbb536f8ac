import CgroupOverlay
import Synchronization

/// A machine of known size whose processes do what a test says.
final class FakeProcesses: ProcessTable {
    private struct State {
        var serial: UInt64 = 0
        var records: [Int32: ProcessRecord] = [:]
        var threads: [Int32: [Int32]] = [:]
        var owners: [Int32: UInt32] = [:]
        var descriptors: [Int32: String] = [:]
        var stopped: Set<Int32> = []
        var births: [Int32: Int32] = [:]
        var adjustments: [Int32: Int32] = [:]
        var time: UInt64 = 100
        var next: Int32 = 1000
    }
    private let state = Mutex(State())

    init() {
        add(1, parent: 0)
        add(2, parent: 0, isKernelThread: true)
    }

    /// Begins a process and returns its number.
    @discardableResult
    func add(_ pid: Int32? = nil, parent: Int32 = 1, session: Int32 = 0, isKernelThread: Bool = false) -> Int32 {
        state.withLock { state in
            state.time += 1
            state.next += 1
            let pid = pid ?? state.next
            state.records[pid] = ProcessRecord(
                pid: pid, parent: parent, processGroup: session, session: session, start: state.time,
                isKernelThread: isKernelThread)
            state.threads[pid] = [pid]
            return pid
        }
    }

    /// Begins a thread of a process.
    func addThread(to pid: Int32) -> Int32 {
        state.withLock { state in
            state.next += 1
            state.threads[pid]?.append(state.next)
            state.records[pid]?.threads += 1
            return state.next
        }
    }

    /// A process exits, and its parent has not waited for it yet; its children become init's.
    func exit(_ pid: Int32) {
        state.withLock { state in
            state.records[pid]?.isZombie = true
            for child in state.records.keys where state.records[child]?.parent == pid {
                state.records[child]?.parent = 1
            }
        }
    }

    /// A process that exited is waited for.
    func reap(_ pid: Int32) {
        exit(pid)
        state.withLock { state in
            state.records[pid] = nil
            state.threads[pid] = nil
        }
    }

    func setOwner(of pid: Int32, _ uid: UInt32) { state.withLock { $0.owners[pid] = uid } }
    func setOOMAdjustment(of pid: Int32, _ value: Int32) { state.withLock { $0.adjustments[pid] = value } }
    func oomAdjustment(of pid: Int32) -> Int32 { state.withLock { $0.adjustments[pid] ?? 0 } }
    /// Where a descriptor of every process leads; one that leads to nothing cannot be seen.
    func setDescriptor(_ number: Int32, _ target: String) { state.withLock { $0.descriptors[number] = target } }

    func all(maximumAge: UInt64) -> ProcessListing {
        state.withLock { state in
            state.serial += 1
            return ProcessListing(serial: state.serial, records: state.records.values.sorted { $0.pid < $1.pid })
        }
    }
    /// Who began a process is told from now on.
    func tellBirths(of pid: Int32, _ parent: Int32) { state.withLock { $0.births[pid] = parent } }
    func parentAtBirth(of pid: Int32) -> Int32? { state.withLock { $0.births[pid] } }
    func process(_ pid: Int32) -> ProcessRecord? { state.withLock { $0.records[pid] } }
    func processOfThread(_ tid: Int32) -> Int32? {
        state.withLock { $0.threads.first { $0.value.contains(tid) }?.key }
    }
    func threads(of pid: Int32) -> [Int32] { state.withLock { $0.threads[pid] ?? [] } }
    func setStopped(_ pids: [Int32]) { state.withLock { $0.stopped = Set(pids) } }
    func hasStopped(_ pid: Int32) -> Bool { state.withLock { $0.stopped.contains(pid) || $0.records[pid] == nil } }
    func owner(of pid: Int32) -> (real: UInt32, saved: UInt32)? {
        state.withLock { state in state.records[pid].map { _ in (state.owners[pid] ?? 0, state.owners[pid] ?? 0) } }
    }
    var bootIdentity: String { "boot" }
    func descriptor(_ number: Int32, of tid: Int32) -> DescriptorTarget {
        state.withLock { state in
            guard let target = state.descriptors[number] else { return .notOpen }
            return target.isEmpty ? .unknown : .path(Array(target.utf8))
        }
    }
}

/// Figures that a test sets, and what the tree has told.
final class FakeFigures: CgroupFigures {
    private struct State {
        var time: [CgroupGroup: ProcessorTime] = [:]
        var memory: [CgroupGroup: MemoryFigures] = [:]
        var io: [CgroupGroup: [BlockIOFigures]] = [:]
        var footprints: [Int32: UInt64] = [:]
        var log: [String] = []
    }
    private let state = Mutex(State())
    let processors: CgroupSet
    let memoryNodes = CgroupSet([0])
    let memoryTotal: UInt64 = 1 << 30
    let swapTotal: UInt64 = 1 << 30
    let hugePageSizes: [UInt64] = [2 << 20, 1 << 30]
    let networkInterfaces = ["lo", "eth0"]
    private let disks: Set<CgroupDevice>

    init(processors: Int = 2, disks: Set<CgroupDevice> = [CgroupDevice(major: 254, minor: 0)]) {
        self.processors = CgroupSet(0..<processors)
        self.disks = disks
    }

    var log: [String] { state.withLock { $0.log } }
    func set(_ time: ProcessorTime, _ group: CgroupGroup) { state.withLock { $0.time[group] = time } }
    func set(_ memory: MemoryFigures, _ group: CgroupGroup) { state.withLock { $0.memory[group] = memory } }
    func set(_ io: [BlockIOFigures], _ group: CgroupGroup) { state.withLock { $0.io[group] = io } }
    private func note(_ text: String) { state.withLock { $0.log.append(text) } }

    func groupBegan(_ group: CgroupGroup, in parent: CgroupGroup?, controllers: CgroupControllers) {}
    func groupEnded(_ group: CgroupGroup) { note("end") }
    func joined(_ member: CgroupMember, _ group: CgroupGroup, inherited: Bool) {
        note("join \(member.thread ?? member.pid) \(inherited)")
    }
    func left(_ member: CgroupMember, _ group: CgroupGroup, exited: Bool) {
        note("leave \(member.thread ?? member.pid) \(exited)")
    }
    func processorTime(of group: CgroupGroup) -> ProcessorTime {
        state.withLock { $0.time[group] }
            ?? ProcessorTime(processors: Array(repeating: .init(), count: processors.count))
    }
    func memory(of group: CgroupGroup, own: Bool) -> MemoryFigures {
        state.withLock { $0.memory[group] } ?? MemoryFigures()
    }
    func blockIO(of group: CgroupGroup, own: Bool) -> [BlockIOFigures] { state.withLock { $0.io[group] } ?? [] }
    func hugePages(of group: CgroupGroup) -> [HugePageFigures] { hugePageSizes.map { _ in HugePageFigures() } }
    func pressure(of group: CgroupGroup, _ resource: PressureResource) -> PressureFigures { PressureFigures() }
    func setFootprint(of pid: Int32, _ bytes: UInt64) { state.withLock { $0.footprints[pid] = bytes } }
    func footprint(of member: CgroupMember) -> UInt64 { state.withLock { $0.footprints[member.pid] ?? 0 } }
    func resetPeak(of group: CgroupGroup, _ peak: CgroupPeak) { note("reset \(peak)") }
    func resetProcessorTime(of group: CgroupGroup) { note("reset time") }
    func hasDisk(_ device: CgroupDevice) -> Bool { disks.contains(device) }
}

/// What the tree asks to be done, as lines.
final class FakeActions: CgroupActions {
    private let state = Mutex<[String]>([])
    /// What was asked since the last call.
    func take() -> [String] {
        state.withLock { log in
            defer { log = [] }
            return log
        }
    }
    private func note(_ what: String, _ members: [CgroupMember]) {
        state.withLock { $0.append("\(what) \(members.map { $0.thread ?? $0.pid }.sorted())") }
    }
    func confine(_ members: [CgroupMember], to processors: CgroupSet) { note("confine \(processors.numbers)", members) }
    func setWeight(_ members: [CgroupMember], _ weight: UInt32) { note("weight \(weight)", members) }
    func freeze(_ members: [CgroupMember]) { note("freeze", members) }
    func thaw(_ members: [CgroupMember]) { note("thaw", members) }
    func kill(_ members: [CgroupMember]) {
        note("kill", members)
        whenKilling.withLock { $0 }(members)
    }
    /// What happens at the moment of killing.
    let whenKilling = Mutex<@Sendable ([CgroupMember]) -> Void>({ _ in })
}
