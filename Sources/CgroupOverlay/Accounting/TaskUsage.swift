import CLinux
import Glibc
import SystemCalls

/// What a process, or one thread, has used so far, and the memory it has now: nanoseconds, counts, bytes.
struct TaskUsage {
    var user: UInt64 = 0
    var system: UInt64 = 0
    var minorFaults: UInt64 = 0
    var majorFaults: UInt64 = 0
    var anonymous: UInt64 = 0
    var file: UInt64 = 0
    var shared: UInt64 = 0
    var swap: UInt64 = 0
    var pageTables: UInt64 = 0

    var resident: UInt64 { anonymous &+ file &+ shared }

    init() {}

    /// Nil where the process is gone, or another one has its number.
    init?(of member: CgroupMember) {
        let path = member.thread.map { "/proc/\(member.pid)/task/\($0)" } ?? "/proc/\(member.pid)"
        // The command's name, which may hold anything, ends at the last parenthesis.
        guard let stat = SmallFile.read(path + "/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        let words = stat[stat.index(after: end)...].split(separator: " ")
        func number(_ field: Int) -> UInt64 { words.count > field - 3 ? UInt64(words[field - 3]) ?? 0 : 0 }
        if member.thread == nil, number(22) != member.start { return nil }
        let tick = 1_000_000_000 / UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        user = number(14) &* tick
        system = number(15) &* tick
        minorFaults = number(10)
        majorFaults = number(12)
        guard member.thread == nil, let status = SmallFile.read(path + "/status") else { return }
        let values = SmallFile.kilobytes(status)
        anonymous = values["RssAnon"] ?? 0
        file = values["RssFile"] ?? 0
        shared = values["RssShmem"] ?? 0
        swap = values["VmSwap"] ?? 0
        pageTables = values["VmPTE"] ?? 0
    }

    /// Without the memory, which ends with the process.
    var countersOnly: TaskUsage {
        var result = TaskUsage()
        (result.user, result.system) = (user, system)
        (result.minorFaults, result.majorFaults) = (minorFaults, majorFaults)
        return result
    }

    mutating func add(_ other: TaskUsage) {
        for field in Self.fields { self[keyPath: field] &+= other[keyPath: field] }
    }

    /// What was used since; never less than nothing.
    func since(_ base: TaskUsage) -> TaskUsage {
        var result = self
        for field in Self.fields { result[keyPath: field] -= min(self[keyPath: field], base[keyPath: field]) }
        return result
    }

    private static var fields: [WritableKeyPath<TaskUsage, UInt64>] {
        [\.user, \.system, \.minorFaults, \.majorFaults, \.anonymous, \.file, \.shared, \.swap, \.pageTables]
    }
}

/// The machine as a whole.
enum Machine {
    static var memoryInformation: [String: UInt64] { SmallFile.read("/proc/meminfo").map(SmallFile.kilobytes) ?? [:] }

    static var memory: MemoryFigures {
        let values = memoryInformation
        var figures = MemoryFigures()
        figures.current = (values["MemTotal"] ?? 0) - min(values["MemTotal"] ?? 0, values["MemFree"] ?? 0)
        figures.peak = figures.current
        figures.swap = (values["SwapTotal"] ?? 0) - min(values["SwapTotal"] ?? 0, values["SwapFree"] ?? 0)
        figures[.anon] = values["AnonPages"] ?? 0
        figures[.file] = values["Cached"] ?? 0
        figures[.fileMapped] = values["Mapped"] ?? 0
        figures[.fileDirty] = values["Dirty"] ?? 0
        figures[.fileWriteback] = values["Writeback"] ?? 0
        figures[.shmem] = values["Shmem"] ?? 0
        figures[.slab] = values["Slab"] ?? 0
        figures[.slabReclaimable] = values["SReclaimable"] ?? 0
        figures[.slabUnreclaimable] = values["SUnreclaim"] ?? 0
        figures[.kernelStack] = values["KernelStack"] ?? 0
        figures[.pageTables] = values["PageTables"] ?? 0
        figures[.inactiveAnon] = values["Inactive(anon)"] ?? 0
        figures[.activeAnon] = values["Active(anon)"] ?? 0
        figures[.inactiveFile] = values["Inactive(file)"] ?? 0
        figures[.activeFile] = values["Active(file)"] ?? 0
        figures[.unevictable] = values["Unevictable"] ?? 0
        return figures
    }

    static var processorTime: ProcessorTime {
        var time = ProcessorTime()
        let tick = 1_000_000_000 / UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        for line in (SmallFile.read("/proc/stat") ?? "").split(separator: "\n") where line.hasPrefix("cpu") {
            let words = line.split(separator: " ")
            let values = words.dropFirst().map { (UInt64($0) ?? 0) &* tick }
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
}

/// Files of /proc.
enum SmallFile {
    /// Up to 64 KiB; nil where it cannot be read.
    static func read(_ path: String) -> String? {
        guard let number = try? checked(linux_openat(LINUX_AT_FDCWD, path, O_RDONLY | LINUX_O_CLOEXEC, 0)) else {
            return nil
        }
        let file = Descriptor(owning: Int32(number))
        return withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            var length = 0
            while length < buffer.count {
                let count = linux_read(file.number, buffer.baseAddress! + length, buffer.count - length)
                if count < 0 { return nil }
                if count == 0 { break }
                length += Int(count)
            }
            return String(decoding: UnsafeRawBufferPointer(rebasing: buffer[..<length]), as: UTF8.self)
        }
    }

    /// The lines "Key:   N kB" as bytes.
    static func kilobytes(_ text: String) -> [String: UInt64] {
        var values: [String: UInt64] = [:]
        for line in text.split(separator: "\n") where line.hasSuffix("kB") {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.count == 3, let value = UInt64(words[1]) { values[String(words[0].dropLast())] = value << 10 }
        }
        return values
    }
}
