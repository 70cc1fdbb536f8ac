import CTestCalls
import Glibc

/// read(2).
struct Read: Call {
    let slot: Slot
    let count: Int

    init(using g: inout Generator) {
        slot = g.slot(.file)
        count = g.length()
    }

    func run(on stage: Stage) -> Outcome {
        Kernel.outcome("data", count) { Kernel.call(TC_read, stage[slot], $0, Int64(count)) }
    }
}

/// pread(2).
struct ReadAt: Call {
    let slot: Slot
    let count: Int
    let offset: Int64

    init(using g: inout Generator) {
        slot = g.slot(.file)
        count = g.length()
        offset = g.offset()
    }

    func run(on stage: Stage) -> Outcome {
        Kernel.outcome("data", count) { Kernel.call(TC_pread64, stage[slot], $0, Int64(count), offset) }
    }
}

/// write(2).
struct Write: Call {
    let slot: Slot
    let data: Pattern

    var written: Slot? { slot }

    init(using g: inout Generator) {
        slot = g.slot(.file)
        data = g.pattern()
    }

    func run(on stage: Stage) -> Outcome {
        Outcome(data.withAligned { Kernel.call(TC_write, stage[slot], $0, Int64(data.count)) })
    }
}

/// pwrite(2).
struct WriteAt: Call {
    let slot: Slot
    let data: Pattern
    let offset: Int64

    var written: Slot? { slot }

    init(using g: inout Generator) {
        slot = g.slot(.file)
        data = g.pattern()
        offset = g.offset()
    }

    func run(on stage: Stage) -> Outcome {
        Outcome(data.withAligned { Kernel.call(TC_pwrite64, stage[slot], $0, Int64(data.count), offset) })
    }
}

/// writev(2), and pwritev2(2) with RWF_ flags when an offset is given.
struct WriteVector: Call {
    let slot: Slot
    let data: [Pattern]
    let offset: Int64?
    let flags: Int64

    var written: Slot? { slot }

    /// RWF_DSYNC, RWF_SYNC, RWF_APPEND.
    private static let flagChoices: [Int64] = [0, 0, 0x2, 0x4, 0x10]

    init(using g: inout Generator) {
        slot = g.slot(.file)
        data = (0..<g.random.below(4)).map { _ in g.pattern() }
        offset = g.random.chance(50) ? g.offset() : nil
        flags = offset == nil ? 0 : g.random.pick(Self.flagChoices)
    }

    func run(on stage: Stage) -> Outcome {
        // Aligned as O_DIRECT wants it.
        let vector = data.map { part in
            let buffer = UnsafeMutableRawPointer.allocate(byteCount: max(part.count, 1), alignment: 4096)
            tc_fill(buffer, part.count, part.seed)
            return tc_iovec(base: buffer, length: part.count)
        }
        defer { for part in vector { part.base?.deallocate() } }
        return Outcome(
            vector.withUnsafeBytes { bytes in
                let (address, count) = (bytes.baseAddress.map(Kernel.address) ?? 0, Int64(vector.count))
                if let offset {
                    return Kernel.call(TC_pwritev2, Int64(stage[slot]), address, count, offset, 0, flags)
                }
                return Kernel.call(TC_writev, stage[slot], address, count)
            })
    }
}

/// A shared mapping: bytes stored through it, msync(2), read back, unmapped.
///
/// The stores go through process_vm_writev(2), which faults pages in as a store does and gives EFAULT where a store would
/// be answered with SIGBUS.
struct MapAndStore: Call {
    let slot: Slot
    let page: Int
    let pages: Int
    let skip: Int
    let data: Pattern

    init(using g: inout Generator) {
        slot = g.slot(.file)
        page = g.random.below(4)
        pages = 1 + g.random.below(3)
        skip = g.random.below(4096)
        // Within the mapping: what lies behind it is this program's own memory.
        let count = min(g.random.pick([0, 1, 100, 4096]), pages * 4096 - skip)
        data = Pattern(seed: UInt8(truncatingIfNeeded: g.random.next()), count: count)
    }

    func run(on stage: Stage) -> Outcome {
        let length = Int64(pages * 4096)
        let write = data.count > 0 ? PROT_WRITE : 0
        let address = Kernel.call(
            TC_mmap, Int64(0), length, Int64(PROT_READ | write), Int64(MAP_SHARED), Int64(stage[slot]),
            Int64(page * 4096))
        if (-4095..<0).contains(address) { return Outcome(address) }
        defer { _ = Kernel.call(TC_munmap, address, length) }
        var outcome = Outcome(0)
        if data.count > 0 {
            let stored = data.withAligned { copy(TC_process_vm_writev, $0, address + Int64(skip), data.count) }
            outcome.add("stored", stored)
            outcome.add("msync", Kernel.call(TC_msync, address, length, Int64(MS_SYNC)))
        }
        let loaded = Kernel.outcome("data", Int(length)) { copy(TC_process_vm_readv, $0, address, Int(length)) }
        outcome.add("loaded", loaded.result)
        outcome.details += loaded.details
        return outcome
    }

    private func copy(_ number: Int64, _ local: Int64, _ remote: Int64, _ count: Int) -> Int64 {
        var near = tc_iovec(base: UnsafeMutableRawPointer(bitPattern: Int(local)), length: count)
        var far = tc_iovec(base: UnsafeMutableRawPointer(bitPattern: Int(remote)), length: count)
        return withUnsafeMutablePointer(to: &near) { near in
            withUnsafeMutablePointer(to: &far) { far in
                Kernel.call(number, Int64(getpid()), Kernel.address(near), 1, Kernel.address(far), 1, 0)
            }
        }
    }
}
