import CLinux
import FuseKernel
import Glibc
import Logging
import Synchronization
import SystemCalls

/// How a mirror behaves.
public struct MirrorOptions: Sendable {
    /// How long the kernel may answer by itself.
    public var cache: CachePolicy = .standard
    /// Every change is EROFS. The mount's own `ro` does the same in the kernel; this one holds for a connection that
    /// somebody else opened.
    public var readOnly = false
    /// The kernel collects writes (FUSE_WRITEBACK_CACHE) and asks for them back in any order.
    public var writebackCache = false
    /// Whether the kernel may read and write lower files by itself.
    public var passthrough = Passthrough.auto
    /// Which locks are taken on the lower files, where those who lock there meet them. The kernel keeps the others, among the users
    /// of the mount only: without a request for each, nor one for each close(2).
    public var lowerLocks: LowerLocks = [.posix, .flock]
    /// Files are opened without a request, and read and written through the page cache: for trees of small files.
    public var smallFiles = false
    /// How many O_PATH descriptors may be kept open for nodes.
    public var descriptorLimit = 1024

    public init() {}

    /// Kinds of locks: fcntl(2)'s, and flock(2)'s.
    public struct LowerLocks: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let posix = LowerLocks(rawValue: 1)
        public static let flock = LowerLocks(rawValue: 2)
    }

    /// FUSE passthrough (7.40): data go between the caller and the lower file without the daemon.
    public enum Passthrough: Sendable {
        /// Where the kernel and the daemon's rights allow it.
        case auto
        /// A mount without it is not wanted.
        case on
        case off
    }
}

/// The faithful mirror of a lower directory: each operation on a node is the same operation on the inode behind it.
///
/// Operations are in extensions, one family a file (Operations/). The tables lock themselves and no lock is held over a system
/// call on the lower directory, so that a slow disk delays nobody else. All that changes the lower directory goes through
/// ``mutate(_:_:)``.
public final class Mirror: FileSystem {
    let nodes: NodeTable
    let files: OpenFileTable
    let lockOwners: LockOwnerTable
    let lockWaiters = LockWaiters()
    /// Whether the last lookup met an inode that had no node.
    let meetsNewInodes = Atomic<Bool>(false)
    let directoryStreams: DirectoryStreams
    let keptPages = KeptPages()
    let credentials: Credentials
    public let options: MirrorOptions
    /// What the file system of the lower root is like.
    let lowerKind: LowerKind
    /// Whether an SELinux runs here, whose labels programs ask for.
    let hasSELinux: Bool
    /// Kernel passthrough, if it is in force; set before any thread serves.
    nonisolated(unsafe) private(set) var backing: BackingFiles?
    /// Directories and, with `smallFiles`, files are read without having been opened; set before any thread serves.
    nonisolated(unsafe) private(set) var opensDirectories = true
    nonisolated(unsafe) private(set) var opensFiles = true
    /// What keeps the kernel's caches right where changes are watched, and how long they are kept; set before any thread serves.
    nonisolated(unsafe) private(set) var coherence: Coherence?
    nonisolated(unsafe) private(set) var cache: CachePolicy
    /// Where notifications go; set before any thread serves.
    nonisolated(unsafe) private(set) var connection: Connection?
    let logger: Logger

    /// Mirrors an open directory.
    ///
    /// - Throws: ENOTDIR, or what opening it again gives.
    public init(lower: consuming Descriptor, options: MirrorOptions, logger: Logger) throws(Errno) {
        self.options = options
        self.logger = logger
        cache = options.cache
        credentials = Credentials()
        let tableOptions = NodeTableOptions(
            fileHandles: credentials.has(LINUX_CAP_DAC_READ_SEARCH),
            descriptorLimit: max(64, options.descriptorLimit))
        guard try Lower.status(of: lower.number).isDirectory else { throw .enotdir }
        lowerKind = LowerKind(of: lower.number)
        hasSELinux = readWhole("/proc/filesystems")?.contains("selinuxfs") ?? true
        directoryStreams = DirectoryStreams()
        nodes = try NodeTable(root: lower, options: tableOptions)
        files = try OpenFileTable(nodes)
        lockOwners = LockOwnerTable()
    }

    /// What the mirror needs of the kernel; a flag that is not offered costs a line of LIMITS.md, not the mount.
    public var wantedFlags: InitFlags {
        var flags: InitFlags = [
            .asyncRead, .exportSupport, .dontMask, .autoInvalidateData,
            .readdirplus, .readdirplusAuto, .asyncDirectIO, .parallelDirectoryOperations, .posixACL, .abortError,
            .cacheSymlinks, .handleKillPrivilegesV2, .setxattrExtended, .createSupplementaryGroup,
            .ioctlDirectories,
        ]
        if keepsDirectories { flags.insert(.noOpendir) }
        if options.smallFiles {
            flags.insert(.noOpen)
            return flags
        }
        // Without an open file the kernel would truncate, and count on it, before it is known whether that works.
        flags.insert(.atomicTruncate)
        if options.lowerLocks.contains(.posix) { flags.insert(.posixLocks) }
        if options.lowerLocks.contains(.flock) { flags.insert(.flockLocks) }
        if options.writebackCache {
            // The kernel refuses passthrough with it.
            flags.insert(.writebackCache)
        } else if options.passthrough != .off, credentials.has(LINUX_CAP_SYS_ADMIN) {
            flags.insert(.passthrough)
        }
        return flags
    }

    /// Whether the kernel may keep what it has read of a directory, until the time of its change is another: that time must tell two
    /// changes apart, and a place in the directory must mean the same to everybody who reads it.
    private var keepsDirectories: Bool { options.cache.mode != .none && lowerKind.tellsChangesApart }

    /// What is in force, in a few words each.
    public var summary: [String] {
        var lines: [String] = []
        if nodes.usesFileHandles {
            lines.append(
                "lower files are referenced by file handles, with up to \(options.descriptorLimit) descriptors kept")
        } else {
            lines.append(
                "lower files are referenced by descriptors, up to \(options.descriptorLimit) at a time (no file handles: "
                    + (credentials.has(LINUX_CAP_DAC_READ_SEARCH)
                        ? "the lower file system has none" : "CAP_DAC_READ_SEARCH is missing")
                    + ")")
        }
        if options.smallFiles { lines.append("files are opened without a request") }
        lines.append(passthroughObstacle.map { "data go through the daemon (\($0))" } ?? "data by passthrough")
        return lines
    }

    /// What is left out for want of privilege; a line each.
    public var shortcomings: [String] {
        credentials.canSwitch
            ? [] : ["new files belong to the daemon's own user (only root can create on behalf of others)"]
    }

    /// Why kernel passthrough is not in force, nil if it is; known once the mirror is attached.
    public var passthroughObstacle: String? {
        if backing != nil { return nil }
        if options.smallFiles { return "small-files excludes passthrough" }
        if options.writebackCache { return "writeback_cache excludes passthrough" }
        if options.passthrough == .off { return "passthrough=off" }
        if !credentials.has(LINUX_CAP_SYS_ADMIN) { return "passthrough needs CAP_SYS_ADMIN" }
        return "this kernel has no passthrough: Linux 6.9 and later have"
    }

    /// How many stacking file systems there are with the mount on top: an overlay below leaves room for no other above.
    public var stackDepth: UInt32 {
        var status = linux_statfs()
        guard let root = try? nodes.borrow(.root), linux_fstatfs(root.descriptor, &status) == 0 else { return 1 }
        let overlayfs: Int64 = 0x794c_7630
        return status.type == overlayfs ? 2 : 1
    }

    /// Takes the connection that INIT has settled; before the session begins.
    public func attach(_ connection: Connection, _ negotiation: Negotiation) {
        lockWaiters.attach(connection)
        // Sent by a lease that is broken (``Lower/hasNoWriter(_:)``).
        signal(SIGIO, SIG_IGN)
        self.connection = connection
        if negotiation.inForce.contains(.passthrough) { backing = BackingFiles(connection) }
        opensDirectories = !negotiation.inForce.contains(.noOpendir)
        opensFiles = !negotiation.inForce.contains(.noOpen)
    }

    /// Has `source` report what changes behind the mount from now on; after ``attach(_:_:)``, before the session begins.
    ///
    /// - Parameter heldFiles: helps to have changes that were lost seen sooner, where there is much that the kernel keeps for long
    ///   (``CachePolicy/keepsAttributes(_:)``).
    /// - Throws: ENOMEM, EMFILE or EAGAIN where there is no room for threads and what they wait for.
    public func watch(
        by source: any ChangeSource, _ heldFiles: (any HeldFileSource)?, _ negotiation: Negotiation
    ) throws(Errno) {
        guard let connection else { return }
        let hasEpochs = negotiation.minorVersion >= 44
        let coherence = try Coherence(
            source, nodes, files, connection, backing, opensFiles: opensFiles, heldFiles: heldFiles,
            hasEpochs: hasEpochs, keepsAttributes: cache.unwatched.attributes.seconds > 1, logger)
        if !hasEpochs { cache = cache.withoutEpochs }
        try coherence.begin()
        self.coherence = coherence
    }

    /// Gives the source of changes up, if there is one: from now on caches are kept by time.
    public func stopWatching() { coherence?.stop() }

    /// Ends the threads that keep caches right; the session has ended.
    public func endWatching() { coherence?.end() }

    /// A worker needs a umask of its own: creation sets it to the caller's (the kernel leaves its application to us,
    /// FUSE_DONT_MASK, as a default ACL of the parent turns it off).
    public func threadWillServe() throws(Errno) {
        try checked(linux_unshare(LINUX_CLONE_FS))
    }

    /// The one path of everything that changes the lower directory or the tables of open files.
    ///
    /// It is here that a read-only mirror refuses, and that an intent can be written down before and cleared after, so that a
    /// successor knows what a killed daemon was doing.
    @inline(__always)
    func mutate<Result: ~Copyable>(_ request: Request, _ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        if options.readOnly { throw .erofs }
        return try body()
    }

    /// Runs `body` again after closing descriptors that are kept for speed only, if it met the limit on open files.
    func withRoomForDescriptors<Result: ~Copyable>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        do throws(Errno) {
            return try body()
        } catch let error where error == .emfile || error == .enfile {
            guard directoryStreams.closeAll() + nodes.shedDescriptors() > 0 else { throw error }
            return try body()
        }
    }
}
