import ArgumentParser
import CLinux
import Glibc
import SystemCalls

/// `stackfs cgroup top`: the groups of a tree and what they use.
struct CgroupTopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Show control groups and what they use, live.",
        discussion: """
            Any directory of a tree will do, the machine's own too: only its files are read. Of a mount, its only tree is found right \
            below or at sys/fs/cgroup.

            TASKS are threads; %CPU is of one processor; figures include those of the groups inside. What the files do not tell is "-".

            Keys: q quit; c, m, t, i, p sort by CPU, memory, tasks, I/O, path; + and - more and less levels; up and down scroll; b \
            bytes; space looks at once; h help.
            """)

    @Flag(
        name: .shortAndLong,
        help: "Write tables one after another, as where standard output is no terminal; take no keys.")
    var batch = false

    @Flag(help: "Write one table, of the time between two looks.")
    var once = false

    @Option(
        name: [.customShort("d"), .long], help: ArgumentHelp("The time between two looks.", valueName: "seconds"))
    var interval = 1.0

    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("End after so many tables (default: never).", valueName: "number"))
    var iterations: Int?

    @Option(help: ArgumentHelp("cpu, memory, tasks, io or path.", valueName: "what"))
    var sort = "cpu"

    @Option(
        help: ArgumentHelp(
            "Levels of groups below the directory that are shown (default: all); 0 is the directory alone.",
            valueName: "levels"))
    var depth: Int?

    @Flag(help: "Write whole numbers of bytes, not 1.5K.")
    var bytes = false

    @Argument(help: ArgumentHelp("A directory of a tree, or a mount that has one.", valueName: "directory"))
    var directory: String

    func run() throws {
        let order = try checkedOrder()
        let tree = try GroupTree(at: directory)
        if batch || once || !Terminal.isThere {
            let reader = GroupReader(tree: tree, depth: depth)
            return try BatchTop(reader: reader, interval: interval, order: order, isExact: bytes)
                .run(iterations: once ? 1 : iterations)
        }
        let screen = TopScreen(tree: tree, interval: interval, order: order, depth: depth, isExact: bytes)
        do {
            try LiveTop(screen, iterations: iterations).run()
        } catch let error as Errno {
            throw Failure.unable("the terminal cannot be used: \(error)")
        }
    }

    /// - Throws: `.usage` for values that make no sense.
    private func checkedOrder() throws(Failure) -> TopOrder {
        guard interval >= 0.05, interval <= 86400 else {
            throw .usage("--interval \(interval) is out of range: 0.05 to 86400 seconds")
        }
        if let iterations, iterations < 1 { throw .usage("--iterations \(iterations) is out of range: 1 or more") }
        if once, iterations != nil { throw .usage("--once is --iterations 1 of --batch: give one of them") }
        if let depth, depth < 0 { throw .usage("--depth \(depth) is out of range: 0 or more") }
        guard let order = TopOrder(rawValue: sort) else {
            let orders = TopOrder.allCases.map(\.rawValue)
            throw .usage("--sort \(sort) is none of \(orders.dropLast().joined(separator: ", ")) and \(orders.last!)")
        }
        return order
    }
}

/// Tables one after another, for a pipe or a file.
struct BatchTop {
    let reader: GroupReader
    /// Seconds.
    let interval: Double
    let order: TopOrder
    let isExact: Bool

    /// Ends after so many tables, when nobody reads them any more, or never.
    func run(iterations: Int?) throws(Failure) {
        var earlier = try reader.look()
        var written = 0
        while iterations.map({ written < $0 }) ?? true {
            pause()
            let look = try reader.look()
            let rows = order.sorted(GroupUse.rows(look, since: earlier))
            let lines = (written > 0 ? [""] : []) + TopTable(rows: rows, isExact: isExact).lines
            do throws(Errno) {
                try Self.write(lines.joined(separator: "\n") + "\n")
            } catch {
                if error.rawValue == EPIPE { return }
                throw .unable("standard output cannot be written: \(error)")
            }
            earlier = look
            written += 1
        }
    }

    private func pause() {
        let whole = interval.rounded(.down)
        var wanted = timespec(tv_sec: Int(whole), tv_nsec: Int((interval - whole) * 1e9))
        var left = timespec()
        while nanosleep(&wanted, &left) != 0, errno == EINTR { wanted = left }
    }

    private static func write(_ text: String) throws(Errno) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let result = rest.withUnsafeBytes { linux_write(1, $0.baseAddress!, $0.count) }
            if result != Int64(-EINTR) { rest = rest.dropFirst(try checked(result)) }
        }
    }
}
