/// The files of a group that figures are taken from. What is not here is not read.
enum GroupFile: String, CaseIterable, Sendable {
    // v2
    case cpuStat = "cpu.stat"
    case memoryCurrent = "memory.current"
    case memoryMax = "memory.max"
    case ioStat = "io.stat"
    case threads = "cgroup.threads"
    // v1
    case cpuacctUsage = "cpuacct.usage"
    case memoryUsage = "memory.usage_in_bytes"
    case memoryLimit = "memory.limit_in_bytes"
    case ioServiceBytes = "blkio.throttle.io_service_bytes"
    case ioServiceBytesRecursive = "blkio.throttle.io_service_bytes_recursive"
    case tasks
    // both
    case pidsCurrent = "pids.current"

    /// Lists of threads: counted where there is no `pids.current`.
    static let lists: Set<GroupFile> = [.threads, .tasks]

    /// Enters what the text of the file says; `time` is when it was read. A text that says something else enters nothing.
    func enter(_ text: String, at time: UInt64, into figures: inout GroupFigures) {
        switch self {
        case .cpuStat:
            let line = text.split(separator: "\n").first { $0.hasPrefix("usage_usec ") }
            guard let usage = line.flatMap({ UInt64($0.dropFirst(11)) }) else { return }
            figures.cpu = Counter(value: usage &* 1000, time: time)
        case .cpuacctUsage: figures.cpu = Self.number(text).map { Counter(value: $0, time: time) }
        case .memoryCurrent, .memoryUsage: figures.memory = Self.number(text)
        case .memoryMax: figures.limit = text == "max\n" ? GroupFigures.noLimit : Self.number(text)
        // No limit is the largest number of whole pages, whose size is the machine's own.
        case .memoryLimit: figures.limit = Self.number(text).map { $0 > 1 << 62 ? GroupFigures.noLimit : $0 }
        case .pidsCurrent: figures.tasks = Self.number(text)
        case .ioStat: Self.enterIO(Self.unifiedIO(text), at: time, into: &figures)
        case .ioServiceBytes, .ioServiceBytesRecursive: Self.enterIO(Self.legacyIO(text), at: time, into: &figures)
        case .threads, .tasks: break
        }
    }

    private static func number(_ text: String) -> UInt64? { UInt64(text.prefix { $0 != "\n" }) }

    private static func enterIO(
        _ sums: (read: UInt64, written: UInt64)?, at time: UInt64, into figures: inout GroupFigures
    ) {
        figures.read = sums.map { Counter(value: $0.read, time: time) }
        figures.written = sums.map { Counter(value: $0.written, time: time) }
    }

    /// A line for each disk, "8:0 rbytes=1 wbytes=2 rios=3 ..."; none before the first access. A disk that did nothing may stand
    /// without keys.
    private static func unifiedIO(_ text: String) -> (read: UInt64, written: UInt64)? {
        var sums: (read: UInt64, written: UInt64) = (0, 0)
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            if word.hasPrefix("rbytes=") {
                guard let value = UInt64(word.dropFirst(7)) else { return nil }
                sums.read &+= value
            } else if word.hasPrefix("wbytes=") {
                guard let value = UInt64(word.dropFirst(7)) else { return nil }
                sums.written &+= value
            }
        }
        return sums
    }

    /// Lines "8:0 Read 1" and "8:0 Write 2" among others, and "Total 3".
    private static func legacyIO(_ text: String) -> (read: UInt64, written: UInt64)? {
        var sums: (read: UInt64, written: UInt64) = (0, 0)
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[1] == "Read" || words[1] == "Write" else { continue }
            guard let value = UInt64(words[2]) else { return nil }
            if words[1] == "Read" { sums.read &+= value } else { sums.written &+= value }
        }
        return sums
    }
}
