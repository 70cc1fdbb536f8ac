import CLinux
import CWatch
import Glibc
import Synchronization
import SystemCalls

/// The memory that the programs and this process share (struct watch_shared): who is tracked, and what has been lost.
///
/// No call here is a system call, and all may be made from any thread.
final class WatchMemory: @unchecked Sendable {
    private let memory: UnsafeMutablePointer<watch_shared>
    private let devices = Mutex<Int>(0)

    /// Maps the array map of the descriptor `map`.
    init(map: Int32) throws(Errno) {
        let address = mmap(nil, Self.length, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0)
        guard let address, address != MAP_FAILED else { throw .last }
        memory = address.assumingMemoryBound(to: watch_shared.self)
        setOwnProcess()
    }

    deinit { munmap(memory, Self.length) }

    private static var length: Int {
        let page = sysconf(Int32(_SC_PAGESIZE))
        return (MemoryLayout<watch_shared>.size + page - 1) / page * page
    }

    /// Our own changes are known. Without /proc they are reported like others'.
    private func setOwnProcess() {
        var status = linux_statx()
        guard linux_statx_at(LINUX_AT_FDCWD, "/proc/self/ns/pid", 0, LINUX_STATX_BASIC_STATS, &status) == 0 else {
            return
        }
        memory.pointee.own_namespace_device = UInt64(watch_device(status.dev_major, status.dev_minor))
        memory.pointee.own_namespace_inode = UInt32(truncatingIfNeeded: status.ino)
        memory.pointee.own_process = UInt32(getpid())
    }

    /// The device number of the mount whose passthrough writes need no report.
    func setOwnMount(_ device: UInt32) { memory.pointee.own_mount = device }

    // MARK: who is tracked

    /// Has changes of inodes on the superblock reported too, from now on and to the end.
    func watch(device: UInt32) {
        devices.withLock { count in
            let table = watch_devices(memory)!
            guard count <= WATCH_DEVICES, !(0..<min(count, Int(WATCH_DEVICES))).contains(where: { table[$0] == device })
            else { return }
            // Without a place left, the count says so.
            if count < WATCH_DEVICES { table[count] = device }
            count += 1
            Self.atomic(&memory.pointee.device_count).pointee.store(UInt32(count), ordering: .sequentiallyConsistent)
        }
    }

    /// Has changes of the inode reported. Look at the inode after that: what changes later is reported.
    func track(_ inode: UInt64) {
        let bucket = bucket(inode)
        var count = bucket.pointee.load(ordering: .relaxed)
        while count != .max {
            let (done, found) = bucket.pointee.compareExchange(
                expected: count, desired: count + 1, ordering: .sequentiallyConsistent)
            if done { return }
            count = found
        }
    }

    /// Ends one ``track(_:)``.
    func untrack(_ inode: UInt64) {
        let bucket = bucket(inode)
        var count = bucket.pointee.load(ordering: .relaxed)
        // How many there were beyond the largest count is not known.
        while count != .max, count != 0 {
            let (done, found) = bucket.pointee.compareExchange(expected: count, desired: count - 1, ordering: .relaxed)
            if done { return }
            count = found
        }
    }

    private func bucket(_ inode: UInt64) -> UnsafePointer<Atomic<UInt8>> {
        Self.atomic(watch_filter(memory) + Int(watch_bucket(inode)))
    }

    // MARK: what is reported

    /// Has further changes of the record's inode reported anew. Act on the record after that.
    func acknowledge(_ record: borrowing watch_event) {
        guard record.kind < WATCH_NAME.rawValue else { return }
        let place = watch_pending(memory, record.kind) + Int(watch_slot(record.inode))
        _ = Self.atomic(place).pointee.compareExchange(
            expected: record.inode, desired: 0, ordering: .sequentiallyConsistent)
    }

    /// How many changes have been lost since the programs were loaded, as the reader did not keep up.
    var dropped: UInt64 { Self.atomic(&memory.pointee.dropped).pointee.load(ordering: .sequentiallyConsistent) }

    private static func atomic<Value: AtomicRepresentable>(
        _ address: UnsafeMutablePointer<Value>
    ) -> UnsafePointer<Atomic<Value>> {
        UnsafePointer(UnsafeMutableRawPointer(address).assumingMemoryBound(to: Atomic<Value>.self))
    }
}
