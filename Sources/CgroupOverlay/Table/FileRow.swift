import SystemCalls

/// One file of every group that has it: the whole description. A controller is a table of them.
struct FileRow: Sendable {
    enum Place: Sendable { case everywhere, root, notRoot }

    /// How its content comes about.
    enum Reading: Sendable {
        /// Reading fails with EINVAL.
        case never
        /// From what the tree keeps, with its lock held.
        case state(@Sendable (Group, inout Text) throws(Errno) -> Void)
        /// From figures, without lock.
        case figures(@Sendable (FigureReader, inout Text) throws(Errno) -> Void)
    }

    /// Takes what is written, with the tree's lock held; throws before it changes anything.
    typealias Writing = @Sendable (Group, Input) throws(Errno) -> Void

    let name: String
    let controller: CgroupControllers
    let place: Place
    /// The kernel that has it first.
    let since: KernelStyle
    let mode: UInt32
    let reading: Reading
    let writing: Writing?
    /// The processes of the group must be looked at before the file is read.
    let needsMembers: Bool
    /// How old, in nanoseconds, that look may be.
    var maximumAge: UInt64 { controller == .pids ? 10_000_000 : 0 }
    let summary: String
    let source: String
    /// One of the files that cgroup.pressure takes away.
    let isPressure: Bool

    init(
        _ name: String, _ controller: CgroupControllers, _ place: Place, mode: UInt32? = nil,
        since: KernelStyle = .linux61, _ summary: String, source: String = "", needsMembers: Bool = false,
        read: Reading = .never,
        write: Writing? = nil
    ) {
        self.name = name
        self.controller = controller
        self.place = place
        self.since = since
        self.summary = summary
        self.source = source
        self.needsMembers = needsMembers
        isPressure = name.hasSuffix(".pressure") && !name.hasPrefix("cgroup.")
        reading = read
        writing = write
        if let mode {
            self.mode = mode
        } else if case .never = read {
            self.mode = 0o200
        } else {
            self.mode = write == nil ? 0o444 : 0o644
        }
    }
}

extension FileRow {
    /// A file of the core, in every group.
    init(
        _ name: String, _ summary: String, source: String = "", needsMembers: Bool = false, read: Reading = .never,
        write: Writing? = nil
    ) {
        self.init(name, [], .everywhere, summary, source: source, needsMembers: needsMembers, read: read, write: write)
    }

    /// A file in every group that has the controller.
    init(
        _ name: String, _ controller: CgroupControllers, mode: UInt32? = nil, _ summary: String, source: String = "",
        read: Reading = .never, write: Writing? = nil
    ) {
        self.init(name, controller, .everywhere, mode: mode, summary, source: source, read: read, write: write)
    }
}

/// What the reader of a figure gets.
struct FigureReader {
    let group: CgroupGroup
    let isRoot: Bool
    let figures: any CgroupFigures
    /// The least of the limits of the group and its ancestors.
    let effectiveMemoryMax: UInt64
    let effectiveMemoryAndSwapMax: UInt64
    /// Those that are enabled for the group.
    let controllers: CgroupControllers
    let kernel: KernelStyle
}

/// Which kernel's set of keys a hierarchy shows, where they differ.
enum KernelStyle: Sendable {
    /// 6.1, for the unified hierarchy alone: what long-lived distributions run, and clients were made for.
    case linux61
    /// 6.18, for v1 and the unified hierarchy beside it.
    case linux618
}

extension FileRow {
    /// A figure in one number.
    static func figure(
        _ name: String, _ controller: CgroupControllers, _ place: Place, _ summary: String, source: String,
        write: Writing? = nil, _ value: @escaping @Sendable (FigureReader) -> UInt64
    ) -> FileRow {
        FileRow(
            name, controller, place, summary, source: source,
            read: .figures { reader, text in text.line(value(reader)) },
            write: write)
    }

    /// A number that is kept as it is.
    static func setting(
        _ name: String, _ controller: CgroupControllers, _ place: Place, _ setting: Setting,
        _ summary: String, write: @escaping Writing
    ) -> FileRow {
        FileRow(
            name, controller, place, summary, read: .state { group, text in text.line(group[setting]) }, write: write)
    }

    /// A number that may be "max".
    static func limit(
        _ name: String, _ controller: CgroupControllers, _ place: Place, _ setting: Setting,
        _ summary: String, write: @escaping Writing
    ) -> FileRow {
        FileRow(
            name, controller, place, summary,
            read: .state { group, text in
                text.append(orMax: group[setting])
                text.newline()
            }, write: write)
    }
}
