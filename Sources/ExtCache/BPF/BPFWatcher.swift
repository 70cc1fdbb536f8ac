import CLinux
import CWatch
import Glibc
import StackCore
import Synchronization
import SystemCalls

/// Sees changes of the lower tree by programs in the kernel: of whatever process, on whatever file system, by whatever name.
///
/// Which inodes it is about stands in memory that the programs read, so that ``track(_:node:)`` is a few instructions. Two threads: one reads
/// what the programs report, the other follows the mounts below the lower directory and asks each second whether programs were kept
/// from running.
public final class BPFWatcher: ChangeSource {
    public let name = "eBPF"
    public let reach = ChangeReach.inodes
    private let programs: WatchPrograms
    private let mounts: LowerMounts
    private let reader: ChangeReader
    private let ring: WatchRing
    private let mountPoint: String?
    /// Set by ``begin(_:)``, and taken by ``end()``.
    private let threads = Mutex<[PollingThread]>([])

    /// Loads the programs and looks at the lower tree.
    ///
    /// - Parameters:
    ///   - lower: a descriptor of the lower directory.
    ///   - mountPoint: where the mount of the lower directory is, once the source begins; nil if that is not known.
    ///   - verbose: libbpf writes to standard error why it fails.
    public init(lower: Int32, mountPoint: String?, verbose: Bool = false) throws(ChangeSourceError) {
        guard LocalFileSystem.contains(lower) else { throw LocalFileSystem.obstacle }
        do throws(BPFObstacle) {
            programs = try WatchPrograms(verbose: verbose)
        } catch {
            throw ChangeSourceError("\(error)")
        }
        do throws(Errno) {
            mounts = try LowerMounts(root: lower)
            reader = ChangeReader(programs.memory)
            // libbpf calls bpf(2) for it.
            ring = try programs.ring(reader.receive)
        } catch {
            throw ChangeSourceError("what the programs report cannot be read: \(error)")
        }
        self.mountPoint = mountPoint
    }

    public var blindSpots: [String] {
        programs.losses.map { "\($0) are not seen: this kernel has no function that a program could be attached to" }
    }

    public func track(_ inode: LowerInode, node: NodeID) { programs.memory.track(inode.inode) }

    public func untrack(_ inode: LowerInode, node: NodeID) { programs.memory.untrack(inode.inode) }

    public func begin(_ sink: any ChangeSink) throws(Errno) {
        reader.sink = sink
        if let device = mountPoint.flatMap(mounts.device(at:)) { programs.memory.setOwnMount(device) }
        let seen = Mutex(watchMounts())
        let readerThread = try PollingThread(ring.descriptor, POLLIN) { [ring, reader] in
            ring.consume()
            reader.checkForLoss()
        }
        threads.withLock { $0.append(readerThread) }
        let missed = Mutex(programs.misses)
        let checkForMisses = { @Sendable [programs] in
            let now = programs.misses
            let isMore = missed.withLock { missed in
                defer { missed = now }
                return missed != now
            }
            if isMore { sink.changesLost() }
        }
        let mountThread = try PollingThread(mounts.table, POLLPRI, idle: checkForMisses) { [self] in
            let now = watchMounts()
            let changed = seen.withLock { seen in
                defer { seen = now }
                return seen.symmetricDifference(now)
            }
            // The directory at the mount point is another by now.
            for mount in changed { Self.report(mountPoint: mount.point, to: sink) }
            // What has changed on a file system before it was watched is unknown.
            if !changed.isEmpty { sink.changesLost() }
        }
        threads.withLock { $0.append(mountThread) }
    }

    private static func report(mountPoint: String, to sink: any ChangeSink) {
        let parts = mountPoint.split(separator: "/")
        guard let name = parts.last else { return }
        var status = linux_statx()
        let above = parts.dropLast().reduce("/") { "\($0)\($1)/" }
        guard linux_statx_at(LINUX_AT_FDCWD, above, 0, LINUX_STATX_BASIC_STATS, &status) == 0 else { return }
        let bytes = Array(name.utf8)
        bytes.withUnsafeBytes { sink.entryChanged($0, in: LowerInode(status)) }
    }

    /// Has all of the lower tree's superblocks watched, and returns its mounts.
    private func watchMounts() -> Set<MountInfo> {
        let now = mounts.current()
        for mount in now {
            mounts.keepNotified(mount)
            programs.memory.watch(device: mount.device)
        }
        return Set(now)
    }

    public func end() {
        for thread in threads.withLock({ threads in
            defer { threads = [] }
            return threads
        }) { thread.end() }
    }
}

/// Turns records into changes; on the thread that reads them.
private final class ChangeReader: @unchecked Sendable {
    private let memory: WatchMemory
    private var lossesTold: UInt64 = 0
    private var records = 0
    /// Set before the thread starts.
    nonisolated(unsafe) var sink: (any ChangeSink)?

    init(_ memory: WatchMemory) { self.memory = memory }

    func receive(_ record: UnsafePointer<watch_event>) {
        guard let sink else { return }
        // What comes without a pause never comes to an end.
        records &+= 1
        if records % 1024 == 0 { checkForLoss() }
        let inode = LowerInode(device: 0, inode: record.pointee.inode)
        memory.acknowledge(record.pointee)
        switch UInt32(record.pointee.kind) {
        case WATCH_ATTRIBUTES.rawValue: sink.attributesChanged(inode)
        case WATCH_DATA.rawValue: sink.dataChanged(inode)
        default:
            sink.entryChanged(
                UnsafeRawBufferPointer(start: watch_name(record), count: Int(record.pointee.name_length)), in: inode)
        }
    }

    /// Tells if records have been lost since it was last asked.
    func checkForLoss() {
        let dropped = memory.dropped
        guard dropped != lossesTold else { return }
        lossesTold = dropped
        sink?.changesLost()
    }
}
