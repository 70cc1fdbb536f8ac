/// A process that has been seen: from then on it is known which groups it is in.
struct KnownProcess {
    var start: UInt64
    var parent: Int32
    var processGroup: Int32
    var session: Int32
    var threads: Int32
    var isZombie: Bool
    var isKernelThread: Bool
    /// The listing that had it last.
    var seen: UInt64

    init(_ record: ProcessRecord, seen: UInt64) {
        start = record.start
        parent = record.parent
        processGroup = record.processGroup
        session = record.session
        threads = record.threads
        isZombie = record.isZombie
        isKernelThread = record.isKernelThread
        self.seen = seen
    }
}

/// A process that exited since the look before the last one.
struct ExitedProcess {
    /// The look at which it was missing.
    var round: UInt64
    var process: KnownProcess
    /// Its groups other than roots, by the place of their hierarchy.
    var groups: [Int: Group]
}
