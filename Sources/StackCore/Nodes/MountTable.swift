import CLinux
import Synchronization
import SystemCalls

/// A lower mount in the arena. It lives as long as nodes are on it.
struct MountRecord {
    /// STATX_MNT_ID, 0 where the kernel does not tell (before 5.8).
    var id: UInt64
    /// Major and minor number. Part of the key, as the kernel uses mount ids again.
    var device: UInt64
    /// How many nodes are on it.
    var nodes: UInt64
    /// Open for reading on a directory of the mount, for open_by_handle_at(2); -1 if handles are not used, or not yet.
    var descriptor: Int32
    /// Of the device, ``NodeTable/deviceIndex(of:)``.
    var deviceIndex: UInt16
    /// 1 once it is known that file handles do not work here.
    var withoutHandles: UInt8
    var unused: (UInt8, UInt64, UInt64, UInt64)
}

/// The lower mounts that have nodes, and the devices ever seen.
///
/// The root's mount is number 0 and never changes: it is recognised without a lock. For the others there is one lock, under which
/// no other than the pools' is taken. A mount's record stays as long as it has a node, so that whoever holds a node reads
/// it without the lock.
final class MountTable: @unchecked Sendable {
    /// How a mount is recognised.
    struct Key: Equatable {
        var id: UInt64
        var device: UInt64

        init(_ status: borrowing linux_statx) {
            id = status.mask & LINUX_STATX_MNT_ID != 0 ? status.mnt_id : 0
            device = UInt64(status.dev_major) << 32 | UInt64(status.dev_minor)
        }
    }
    private struct State {
        var mounts = SlotIndex()
        var devices = SlotIndex()
    }

    private let mounts: Pool
    private let devices: Pool
    private let lock: UnsafeMutablePointer<Guarded<State>>
    private let rootKey: Key
    private let fileHandles: Bool

    /// - Throws: `.enomem`.
    init(_ arena: Arena, root: Int32, _ status: borrowing linux_statx, fileHandles: Bool) throws(Errno) {
        mounts = try Pool(arena, .mounts, link: 0)
        devices = try Pool(arena, .devices, link: 0)
        lock = try PrivateMemory.map(1, of: Guarded<State>.self)
        lock.initializeLock(State())
        rootKey = Key(status)
        self.fileHandles = fileHandles
        // The pools give number 0 first.
        _ = try mounts.allocate()
        deviceNumber(try devices.allocate()).pointee = rootKey.device
        fill(0, rootKey, deviceIndex: 0)
        probeHandles(record(0), root)
    }

    deinit {
        mounts.forEachBlock { [mounts = record(0)] number in
            let record = mounts + Int(number)
            if number == 0 || record[\.nodes] != 0, record[\.descriptor] >= 0 {
                _ = linux_close(record[\.descriptor])
            }
        }
        lock.pointee.state.mounts.removeAll()
        lock.pointee.state.devices.removeAll()
        PrivateMemory.unmap(lock, 1)
    }

    /// The descriptor for open_by_handle_at(2) of a mount that has a node; -1 if there is none.
    func handleDescriptor(_ mount: UInt16) -> Int32 {
        record(UInt32(mount)).atomic(\.descriptor).pointee.load(ordering: .acquiring)
    }

    /// The mount of `status`, nil if no node is on it. It may lose its nodes any time: ``isMount(_:_:)`` tells later.
    func find(_ status: borrowing linux_statx) -> UInt16? {
        let key = Key(status)
        if key == rootKey { return 0 }
        lock.lock()
        defer { lock.unlock() }
        let slot = search(key)
        return slot == 0 ? nil : UInt16(slot - 1)
    }

    /// Whether a mount that has a node is the one of `status`.
    func isMount(_ mount: UInt16, _ status: borrowing linux_statx) -> Bool {
        let key = Key(status)
        if mount == 0 { return key == rootKey }
        return record(UInt32(mount))[\.id] == key.id && record(UInt32(mount))[\.device] == key.device
    }

    /// The mount of `status`, with one node more, made if it is new. `descriptor` is on an inode of it: if that is a directory and it is
    /// not known yet whether file handles work, they are tried with it.
    /// - Throws: `.enomem`, `.enfile` beyond 65,536 mounts or devices.
    func enter(_ status: borrowing linux_statx, _ descriptor: Int32) throws(Errno) -> UInt16 {
        let key = Key(status)
        if key == rootKey { return 0 }
        lock.lock()
        defer { lock.unlock() }
        var number = search(key)
        if number == 0 {
            try lock.pointee.state.mounts.reserve()
            let device = try deviceIndexLocked(key.device)
            let block = try mounts.allocate()
            fill(block, key, deviceIndex: device)
            number = block + 1
            lock.pointee.state.mounts.insert(tag(key), number)
        }
        let mount = record(number - 1)
        mount[\.nodes] += 1
        if mount[\.descriptor] < 0, mount[\.withoutHandles] == 0, status.mode & 0o170000 == 0o040000 {
            probeHandles(mount, descriptor)
        }
        return UInt16(number - 1)
    }

    /// The mount of `status` with one node more, if it has nodes and file handles work there; nil otherwise.
    func enterWithHandles(_ status: borrowing linux_statx) -> UInt16? {
        let key = Key(status)
        if key == rootKey { return handleDescriptor(0) >= 0 ? 0 : nil }
        lock.lock()
        defer { lock.unlock() }
        let slot = search(key)
        guard slot != 0, record(slot - 1)[\.descriptor] >= 0 else { return nil }
        record(slot - 1)[\.nodes] += 1
        return UInt16(slot - 1)
    }

    /// One node less; the last one takes the record and its descriptor with it, lest the lower mount stays busy.
    func leave(_ mount: UInt16) {
        if mount == 0 { return }
        lock.lock()
        defer { lock.unlock() }
        let record = record(UInt32(mount))
        record[\.nodes] -= 1
        guard record[\.nodes] == 0 else { return }
        if record[\.descriptor] >= 0 { _ = linux_close(record[\.descriptor]) }
        lock.pointee.state.mounts.remove(tag(record[\.id], record[\.device]), UInt32(mount) + 1)
        mounts.free(UInt32(mount))
    }

    /// The small number of the device of `status`; devices beyond 65,535 share the last one.
    func deviceIndex(of status: borrowing linux_statx) -> UInt16 {
        let device = Key(status).device
        if device == rootKey.device { return 0 }
        lock.lock()
        defer { lock.unlock() }
        do throws(Errno) {
            return try deviceIndexLocked(device)
        } catch {
            return .max
        }
    }

    private func deviceIndexLocked(_ device: UInt64) throws(Errno) -> UInt16 {
        if device == rootKey.device { return 0 }
        let tag = tag(0, device)
        var position = lock.pointee.state.devices.start(tag)
        while true {
            let slot = lock.pointee.state.devices.next(tag, &position)
            if slot == 0 { break }
            if deviceNumber(slot).pointee == device { return UInt16(slot) }
        }
        try lock.pointee.state.devices.reserve()
        let slot = try devices.allocate()
        deviceNumber(slot).pointee = device
        lock.pointee.state.devices.insert(tag, slot)
        return UInt16(slot)
    }

    /// Opens the directory behind `directory` for open_by_handle_at(2) and tries its own handle with it.
    private func probeHandles(_ mount: UnsafeMutablePointer<MountRecord>, _ directory: Int32) {
        guard fileHandles else { return }
        do throws(Errno) {
            var handle = linux_file_handle()
            try LowerReference.handle(of: directory, &handle)
            let descriptor = try LowerReference.openDirectory(directory)
            _ = try LowerReference.open(&handle, mount: descriptor.number)
            mount.atomic(\.descriptor).pointee.store(descriptor.take(), ordering: .releasing)
        } catch .emfile {
            return
        } catch .enfile {
            return
        } catch {
            mount[\.withoutHandles] = 1
        }
    }

    private func fill(_ number: UInt32, _ key: Key, deviceIndex: UInt16) {
        record(number).initialize(
            to: MountRecord(
                id: key.id, device: key.device, nodes: 0, descriptor: -1, deviceIndex: deviceIndex, withoutHandles: 0,
                unused: (0, 0, 0, 0)))
    }

    /// The number of the mount plus 1 (slots of an index are not 0), or 0.
    private func search(_ key: Key) -> UInt32 {
        let tag = tag(key)
        var position = lock.pointee.state.mounts.start(tag)
        while true {
            let slot = lock.pointee.state.mounts.next(tag, &position)
            if slot == 0 { return 0 }
            if record(slot - 1)[\.id] == key.id, record(slot - 1)[\.device] == key.device { return slot }
        }
    }

    private func tag(_ key: Key) -> UInt32 { tag(key.id, key.device) }

    private func tag(_ id: UInt64, _ device: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: (id &* 0x9e37_79b9_7f4a_7c15 ^ device &* 0xd6e8_feb8_6659_fd93) >> 32)
    }

    private func record(_ number: UInt32) -> UnsafeMutablePointer<MountRecord> {
        mounts.address(number).assumingMemoryBound(to: MountRecord.self)
    }

    private func deviceNumber(_ index: UInt32) -> UnsafeMutablePointer<UInt64> {
        devices.address(index).assumingMemoryBound(to: UInt64.self)
    }
}
