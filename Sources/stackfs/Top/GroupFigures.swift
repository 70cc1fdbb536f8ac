/// Where a group is, counted from the one that is looked at; that one has no names.
struct GroupPath: Hashable, Comparable, Sendable {
    /// Bytes, as the kernel has them: a name need not be UTF-8.
    private(set) var names: [[UInt8]] = []

    var depth: Int { names.count }

    func child(_ name: [UInt8]) -> GroupPath { GroupPath(names: names + [name]) }

    /// A group before those in it, and these before its next sibling.
    static func < (left: GroupPath, right: GroupPath) -> Bool {
        left.names.lexicographicallyPrecedes(right.names) { $0.lexicographicallyPrecedes($1) }
    }
}

/// A count that only grows, and when it was read.
struct Counter: Equatable, Sendable {
    let value: UInt64
    /// Nanoseconds of the monotonic clock.
    let time: UInt64

    /// By how much it grew in a second since an earlier reading. Nil where there is none, and where the count went back: it began anew.
    func rate(since earlier: Counter?) -> Double? {
        guard let earlier, time > earlier.time, value >= earlier.value else { return nil }
        return Double(value - earlier.value) / Double(time - earlier.time) * 1e9
    }
}

/// What the files of a group say, those of the groups in it included. Nil where a file is missing or cannot be read.
struct GroupFigures: Equatable, Sendable {
    /// Threads.
    var tasks: UInt64?
    /// Nanoseconds of processors.
    var cpu: Counter?
    /// Bytes.
    var memory: UInt64?
    /// Bytes; ``noLimit`` for none.
    var limit: UInt64?
    /// Bytes from and to disks.
    var read: Counter?
    var written: Counter?

    static let noLimit = UInt64.max

    /// Fills in what another hierarchy of v1 knows.
    mutating func add(_ other: GroupFigures) {
        tasks = tasks ?? other.tasks
        cpu = cpu ?? other.cpu
        memory = memory ?? other.memory
        limit = limit ?? other.limit
        read = read ?? other.read
        written = written ?? other.written
    }
}

/// All groups, as they were found at one time.
typealias GroupLook = [GroupPath: GroupFigures]

/// What a group uses: a row of the table.
struct GroupUse: Equatable, Sendable {
    let path: GroupPath
    var tasks: UInt64?
    /// Per cent of one processor.
    var cpu: Double?
    var memory: UInt64?
    var limit: UInt64?
    /// Bytes a second.
    var read: Double?
    var written: Double?

    /// The groups of a look; rates need an earlier one.
    static func rows(_ look: GroupLook, since earlier: GroupLook?) -> [GroupUse] {
        look.map { path, figures in
            let before = earlier?[path]
            return GroupUse(
                path: path, tasks: figures.tasks, cpu: figures.cpu?.rate(since: before?.cpu).map { $0 / 1e7 },
                memory: figures.memory, limit: figures.limit, read: figures.read?.rate(since: before?.read),
                written: figures.written?.rate(since: before?.written))
        }
    }

    /// Read and written together; one of them, where that is all that is known.
    var io: Double? { read == nil && written == nil ? nil : (read ?? 0) + (written ?? 0) }
}

/// By what rows are sorted: the most first, what is not known last, equal ones by path.
enum TopOrder: String, CaseIterable, Sendable {
    case cpu, memory, tasks, io, path

    func sorted(_ rows: [GroupUse]) -> [GroupUse] {
        switch self {
        case .cpu: return Self.sorted(rows, by: \.cpu)
        case .memory: return Self.sorted(rows, by: \.memory)
        case .tasks: return Self.sorted(rows, by: \.tasks)
        case .io: return Self.sorted(rows, by: \.io)
        case .path: return rows.sorted { $0.path < $1.path }
        }
    }

    private static func sorted<Value: Comparable>(_ rows: [GroupUse], by figure: KeyPath<GroupUse, Value?>)
        -> [GroupUse]
    {
        rows.sorted { left, right in
            switch (left[keyPath: figure], right[keyPath: figure]) {
            case (let first?, let second?) where first != second: return first > second
            case (_?, nil): return true
            case (nil, _?): return false
            default: return left.path < right.path
            }
        }
    }
}
