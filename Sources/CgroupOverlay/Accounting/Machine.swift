import CLinux
import Glibc
import SystemCalls

/// The machine as a whole.
struct Machine: Sendable {
    let processors = Machine.set("/sys/devices/system/cpu/online") ?? CgroupSet([0])
    let memoryNodes = Machine.set("/sys/devices/system/node/has_memory") ?? CgroupSet([0])
    let memoryTotal: UInt64
    let swapTotal: UInt64
    /// The default size of huge pages.
    let hugePageSize: UInt64
    /// Those of x86 and arm64 that the kernel has.
    let hugePageSizes: [UInt64] = [64, 2048, 32768, 1_048_576, 16_777_216]
        .filter { access("/sys/kernel/mm/hugepages/hugepages-\($0)kB", F_OK) == 0 }.map { $0 << 10 }

    /// A tick of the clock in which /proc counts time, nanoseconds.
    static let tick = 1_000_000_000 / UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))

    init() {
        let information = Self.information
        memoryTotal = information["MemTotal"] ?? 0
        swapTotal = information["SwapTotal"] ?? 0
        hugePageSize = information["Hugepagesize"] ?? 0
    }

    private static func set(_ path: String) -> CgroupSet? {
        guard let text = ProcText.read(path, { Array(Input.strip($0)) }) else { return nil }
        let set = try? CgroupSet(list: text[...], limit: 4096)
        return set?.isEmpty == false ? set : nil
    }

    private static var information: [String: UInt64] { ProcText.text("/proc/meminfo").map(ProcText.kilobytes) ?? [:] }

    /// A whole disk is a directory of /sys/dev/block that is not a partition.
    static func hasDisk(_ device: CgroupDevice) -> Bool {
        let path = "/sys/dev/block/\(device.major):\(device.minor)"
        return access(path, F_OK) == 0 && access(path + "/partition", F_OK) != 0
    }

    /// The disks that have done anything, of /proc/diskstats (Documentation/admin-guide/iostats.rst).
    var disks: [BlockIOFigures] {
        (ProcText.text("/proc/diskstats") ?? "").split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count >= 14, words[3] != "0" || words[7] != "0" else { return nil }
            func number(_ field: Int) -> UInt64 { words.count >= field ? UInt64(words[field - 1]) ?? 0 : 0 }
            let device = CgroupDevice(
                major: UInt32(truncatingIfNeeded: number(1)), minor: UInt32(truncatingIfNeeded: number(2)))
            guard Self.hasDisk(device) else { return nil }
            var disk = BlockIOFigures(device: device)
            (disk.reads, disk.readBytes) = (number(4), number(6) &* 512)
            (disk.writes, disk.writtenBytes) = (number(8), number(10) &* 512)
            (disk.discards, disk.discardedBytes) = (number(15), number(17) &* 512)
            return disk
        }
    }

    /// Those of them that lie on no other disk, where everything would show twice: no loop devices, nothing with slaves.
    var bottomDisks: [BlockIOFigures] {
        disks.filter { disk in
            let (major, minor) = (disk.device.major, disk.device.minor)
            // LOOP_MAJOR
            if major == 7 { return false }
            guard let slaves = opendir("/sys/dev/block/\(major):\(minor)/slaves") else { return true }
            defer { closedir(slaves) }
            while let entry = readdir(slaves) { if entry.pointee.d_name.0 != 46 { return false } }
            return true
        }
    }

    /// The kernel counts for its root what is of no group as well: all pages of programs and files (mem_cgroup_usage).
    var memory: MemoryFigures {
        let values = Self.information
        var figures = MemoryFigures()
        let keys: [(MemoryCounter, String)] = [
            (.anon, "AnonPages"), (.fileMapped, "Mapped"), (.fileDirty, "Dirty"), (.fileWriteback, "Writeback"),
            (.shmem, "Shmem"), (.slab, "Slab"), (.slabReclaimable, "SReclaimable"),
            (.slabUnreclaimable, "SUnreclaim"), (.kernelStack, "KernelStack"), (.pageTables, "PageTables"),
            (.secPageTables, "SecPageTables"), (.perCPU, "Percpu"), (.vmalloc, "VmallocUsed"),
            (.swapCached, "SwapCached"), (.anonTHP, "AnonHugePages"), (.fileTHP, "FileHugePages"),
            (.shmemTHP, "ShmemHugePages"), (.inactiveAnon, "Inactive(anon)"), (.activeAnon, "Active(anon)"),
            (.inactiveFile, "Inactive(file)"), (.activeFile, "Active(file)"), (.unevictable, "Unevictable"),
        ]
        for (counter, key) in keys { figures[counter] = values[key] ?? 0 }
        figures[.file] = (values["Cached"] ?? 0) + (values["Buffers"] ?? 0) + (values["SwapCached"] ?? 0)
        figures[.kernel] =
            figures[.slab] + figures[.kernelStack] + figures[.pageTables] + figures[.secPageTables] + figures[.perCPU]
        figures.current = figures[.anon] + figures[.file]
        figures.peak = figures.current
        figures.swap = (values["SwapTotal"] ?? 0) - min(values["SwapTotal"] ?? 0, values["SwapFree"] ?? 0)
        figures.swapPeak = figures.swap
        figures.peakWithSwap = figures.current + figures.swap
        figures.kernelPeak = figures[.kernel]
        takeEvents(&figures)
        return figures
    }

    /// Events of /proc/vmstat, most of which are called as in memory.stat.
    private func takeEvents(_ figures: inout MemoryFigures) {
        var keys: [Substring: MemoryCounter] = [
            "pgmajfault": .pgmajfault, "pgpgin": .pgpgin, "pgpgout": .pgpgout,
        ]
        for (counter, key) in MemoryStatistics.keys
        where counter.rawValue >= MemoryCounter.workingsetRefaultAnon.rawValue { keys[Substring("\(key)")] = counter }
        for line in (ProcText.text("/proc/vmstat") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let counter = keys[words[0]], let value = UInt64(words[1]) { figures[counter] = value }
        }
        figures[.pgscan] = figures[.pgscanKswapd] &+ figures[.pgscanDirect]
        figures[.pgsteal] = figures[.pgstealKswapd] &+ figures[.pgstealDirect]
    }

    var processorTime: ProcessorTime {
        var time = ProcessorTime()
        for line in (ProcText.text("/proc/stat") ?? "").split(separator: "\n") where line.hasPrefix("cpu") {
            let words = line.split(separator: " ")
            let values = words.dropFirst().map { (UInt64($0) ?? 0) &* Self.tick }
            guard values.count > 6 else { continue }
            // user, nice, system, idle, iowait, irq, softirq
            let (user, system) = (values[0] &+ values[1], values[2] &+ values[5] &+ values[6])
            guard let number = Int(words[0].dropFirst(3)) else {
                (time.user, time.system, time.nice) = (user, system, values[1])
                continue
            }
            while time.processors.count <= number { time.processors.append(.init()) }
            time.processors[number] = .init(user: user, system: system)
        }
        return time
    }

    /// /proc/pressure; zero where the kernel does not count it.
    func pressure(_ resource: PressureResource) -> PressureFigures {
        var figures = PressureFigures()
        for line in (ProcText.text("/proc/pressure/\(resource)") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ").map { $0.split(separator: "=").last ?? "" }
            guard words.count == 5 else { continue }
            var values = PressureFigures.Line()
            func hundredths(_ word: Substring) -> UInt32 { UInt32(word.filter { $0 != "." }) ?? 0 }
            values.average10 = hundredths(words[1])
            values.average60 = hundredths(words[2])
            values.average300 = hundredths(words[3])
            values.total = UInt64(words[4]) ?? 0
            if words[0] == "some" { figures.some = values } else { figures.full = values }
        }
        return figures
    }

    func hugePages(size: UInt64) -> HugePageFigures {
        let path = "/sys/kernel/mm/hugepages/hugepages-\(size >> 10)kB/"
        func number(_ name: String) -> UInt64 { ProcText.numbers(path + name, 1)?[0] ?? 0 }
        var figures = HugePageFigures()
        figures.current = (number("nr_hugepages") &- number("free_hugepages")) &* size
        figures.reserved = figures.current &+ number("resv_hugepages") &* size
        (figures.peak, figures.reservedPeak) = (figures.current, figures.reserved)
        return figures
    }
}
