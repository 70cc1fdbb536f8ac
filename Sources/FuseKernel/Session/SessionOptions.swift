import SystemCalls

/// What a session asks of the kernel and how many threads serve it.
public struct SessionOptions: Sendable {
    /// The most bytes of one WRITE, 4,096 to 1,048,576, a multiple of 4,096. One READ is as long at most.
    public var maxWrite = 1 << 20
    /// The most bytes the kernel reads ahead; nil leaves the kernel its own limit.
    public var maxReadahead: UInt32?
    /// Worker threads on /dev/fuse, 1 or more.
    public var threads = 4
    /// How long a thread looks for the next request before it sleeps, in nanoseconds.
    public var pollTime: UInt64 = 0
    /// Rings to serve by, made before (``RingSet``); /dev/fuse serves where the kernel does not want them.
    public var rings: RingSet?
    /// Each worker reads from a descriptor of its own (FUSE_DEV_IOC_CLONE).
    public var clonesDescriptor = false
    /// Flags that the file system wants, beyond those without which stackfs serves nobody. What the kernel does not offer is
    /// left out.
    public var wanted: InitFlags = []
    /// How many file systems may be stacked below the mount, itself included, for the kernel's passthrough: 1 if the lower
    /// one is none that stacks, 2 if it is one. What the mount takes is missing to those who stack upon it.
    public var stackDepth: UInt32 = 1
    /// With `allow_root`: the one user, beside root, who may use the mount.
    public var soleUser: UInt32?
    /// Measure how long each request takes (two readings of the clock a request).
    public var measuresLatency = false

    public init() {}
}

/// Why a session could not begin.
public enum SessionError: Error, Equatable {
    /// The kernel's protocol is older than 7.34 (Linux 5.15).
    case protocolTooOld(major: UInt32, minor: UInt32)
    /// The first message was not INIT, or not one that makes sense.
    case malformedInit
    /// The connection ended before INIT came.
    case connectionEnded
    case system(Errno)
}
