import SystemCalls

/// One process, as /proc/PID/stat tells it.
public struct ProcessRecord: Equatable, Sendable {
    public var pid: Int32
    public var parent: Int32
    public var processGroup: Int32
    public var session: Int32
    /// In clock ticks since the machine began: with the pid it names a process for good.
    public var start: UInt64
    public var threads: Int32
    public var isZombie: Bool
    public var isKernelThread: Bool

    public init(
        pid: Int32, parent: Int32, processGroup: Int32 = 0, session: Int32 = 0, start: UInt64, threads: Int32 = 1,
        isZombie: Bool = false, isKernelThread: Bool = false
    ) {
        self.pid = pid
        self.parent = parent
        self.processGroup = processGroup
        self.session = session
        self.start = start
        self.threads = threads
        self.isZombie = isZombie
        self.isKernelThread = isKernelThread
    }
}

/// The machine's processes.
///
/// Called with the tree's lock held: an implementation does not call the tree.
public protocol ProcessTable: AnyObject, Sendable {
    /// Every process there is. `maximumAge` in nanoseconds allows an earlier answer; 0 asks for one that has every process
    /// which began before the call.
    func all(maximumAge: UInt64) -> ProcessListing
    /// One process; nil where there is none, or where the number is that of a thread other than the first.
    func process(_ pid: Int32) -> ProcessRecord?
    /// The process that began this one, as far as the last listing knew of it, also where it has exited; nil where nobody tells.
    func parentAtBirth(of pid: Int32) -> Int32?
    /// The process that a thread belongs to; nil where there is no such thread.
    func processOfThread(_ tid: Int32) -> Int32?
    /// The threads of a process in ascending order, empty where there is none.
    func threads(of pid: Int32) -> [Int32]
    /// Whether all threads of a process have been stopped by a signal or a tracer; also where there is no such process.
    func hasStopped(_ pid: Int32) -> Bool
    /// The process's real and saved user id.
    func owner(of pid: Int32) -> (real: UInt32, saved: UInt32)?
    /// How much rather a process is killed for memory, -1000 (never) ... 1000: /proc/PID/oom_score_adj.
    func oomAdjustment(of pid: Int32) -> Int32
    /// Where a descriptor of a thread leads, as the link in /proc/TID/fd shows it.
    func descriptor(_ number: Int32, of tid: Int32) -> DescriptorTarget
    /// What is another one each time the machine begins.
    var bootIdentity: String { get }
}

/// What a descriptor of another process is.
public enum DescriptorTarget: Equatable, Sendable {
    case notOpen
    /// Nobody says: the other process has rights that this one has not (ptrace(2), PTRACE_MODE_READ_FSCREDS).
    case unknown
    case path([UInt8])
}

/// The processes of one moment.
public struct ProcessListing: Sendable {
    /// Listings of the same number are the same.
    public var serial: UInt64
    /// In ascending order of pids.
    public var records: [ProcessRecord]
    public init(serial: UInt64, records: [ProcessRecord]) {
        self.serial = serial
        self.records = records
    }
}

/// A member of a group: a process, or one thread of it that is in another group than the process.
public struct CgroupMember: Hashable, Sendable {
    public var pid: Int32
    /// The thread's number where only it is meant.
    public var thread: Int32?
    /// When the process began, as ``ProcessRecord/start``.
    public var start: UInt64
    public init(pid: Int32, thread: Int32? = nil, start: UInt64) {
        self.pid = pid
        self.thread = thread
        self.start = start
    }
}
