import CLinux
import CWatch
import Glibc
import SystemCalls
import Testing

@testable import ExtCache

/// The shared memory by itself, on a memory file in place of the programs' map.
@Suite struct WatchMemoryTests {
    private let file: Int32
    private let seen: UnsafeMutablePointer<watch_shared>
    private let memory: WatchMemory

    init() throws {
        file = Int32(try checked(linux_memfd_create("watch", LINUX_MFD_CLOEXEC)))
        let length = MemoryLayout<watch_shared>.size + 4096
        guard ftruncate(file, length) == 0 else { throw Errno.last }
        let address = try #require(mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0))
        seen = address.assumingMemoryBound(to: watch_shared.self)
        memory = try WatchMemory(map: file)
    }

    private func count(_ inode: UInt64) -> UInt8 { watch_filter(seen)[Int(watch_bucket(inode))] }

    @Test func trackedInodesAreCounted() {
        #expect(count(7) == 0)
        memory.track(7)
        memory.track(7)
        #expect(count(7) == 2)
        memory.untrack(7)
        memory.untrack(7)
        memory.untrack(7)
        #expect(count(7) == 0)
    }

    /// Who is tracked must never be missed, at the price of reports about others.
    @Test func aFullBucketStays() {
        for _ in 0..<300 { memory.track(7) }
        for _ in 0..<300 { memory.untrack(7) }
        #expect(count(7) == 255)
    }

    @Test func devicesAreListedOnceAndBeyondTheRoomAllAreMeant() {
        for _ in 0..<2 { for device in 0..<UInt32(WATCH_DEVICES) { memory.watch(device: device) } }
        #expect(seen.pointee.device_count == UInt32(WATCH_DEVICES))
        memory.watch(device: 1000)
        memory.watch(device: 1001)
        #expect(seen.pointee.device_count == UInt32(WATCH_DEVICES) + 1)
    }

    /// A record clears what stands for itself only.
    @Test func acknowledgement() {
        var record = watch_event()
        record.inode = 7
        record.kind = UInt8(WATCH_DATA.rawValue)
        let place = watch_pending(seen, record.kind) + Int(watch_slot(7))
        place.pointee = 8
        memory.acknowledge(record)
        #expect(place.pointee == 8)
        place.pointee = 7
        memory.acknowledge(record)
        #expect(place.pointee == 0)
    }

    @Test func ownProcessIsNamed() {
        #expect(seen.pointee.own_process == UInt32(getpid()))
        #expect(seen.pointee.own_namespace_inode != 0)
    }

    @Test func layout() {
        #expect(MemoryLayout<watch_event>.size == 16)
        #expect(MemoryLayout<watch_event>.offset(of: \.kind) == 8)
        #expect(MemoryLayout<watch_shared>.size == 24 + 64 * 4 + 8 + 2 * 1024 * 8 + (1 << 21))
    }
}
