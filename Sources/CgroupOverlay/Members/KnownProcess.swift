/// A process that has been seen: from then on it is known which groups it is in.
struct KnownProcess {
    var start: UInt64
    var processGroup: Int32
    var session: Int32
    var threads: Int32
    var isZombie: Bool
    var isKernelThread: Bool
    /// The listing that had it last.
    var seen: UInt64

    init(_ record: ProcessRecord, seen: UInt64) {
        start = record.start
        processGroup = record.processGroup
        session = record.session
        threads = record.threads
        isZombie = record.isZombie
        isKernelThread = record.isKernelThread
        self.seen = seen
    }
}

/// A member that exited between two looks at the machine's processes.
struct ExitedMember {
    var process: KnownProcess
    var pid: Int32
    /// Its groups, by the place of their hierarchy.
    var groups: [Int: Group]
}
