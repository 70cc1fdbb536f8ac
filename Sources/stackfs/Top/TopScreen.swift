/// A key that was pressed.
enum TopKey: Equatable {
    case character(UInt8)
    case up, down, left, right

    /// What a terminal sent: characters, and sequences that begin with ESC. One that is not known is passed over whole.
    static func keys(in input: some Sequence<UInt8>) -> [TopKey] {
        var keys: [TopKey] = []
        var rest = Array(input)[...]
        while let byte = rest.popFirst() {
            // ESC alone, or before another key, is none.
            guard byte == 0x1b, let next = rest.first, next == UInt8(ascii: "[") || next == UInt8(ascii: "O") else {
                if byte != 0x1b { keys.append(.character(byte)) }
                continue
            }
            rest = rest.dropFirst()
            let last = rest.firstIndex { (0x40...0x7e).contains($0) }
            let final = last.map { rest[$0] }
            let isPlain = last == rest.startIndex
            rest = last.map { rest[($0 + 1)...] } ?? []
            switch final {
            case UInt8(ascii: "A")? where isPlain: keys.append(.up)
            case UInt8(ascii: "B")? where isPlain: keys.append(.down)
            case UInt8(ascii: "C")? where isPlain: keys.append(.right)
            case UInt8(ascii: "D")? where isPlain: keys.append(.left)
            default: break
            }
        }
        return keys
    }
}

/// What the screen shows, and what keys change of it; knows no terminal.
struct TopScreen {
    let tree: GroupTree
    /// Seconds.
    let interval: Double
    var order: TopOrder
    /// Levels below the first group that are shown; nil for all.
    var depth: Int?
    var isExact: Bool
    private(set) var showsHelp = false
    /// Rows that are scrolled over.
    private(set) var first = 0
    private(set) var rows: [GroupUse] = []
    private var look: GroupLook?

    init(tree: GroupTree, interval: Double, order: TopOrder, depth: Int?, isExact: Bool) {
        (self.tree, self.interval, self.order) = (tree, interval, order)
        (self.depth, self.isExact) = (depth, isExact)
    }

    /// What is to be done after a key, beside a new drawing.
    enum Consequence: Equatable {
        case none, look, quit
    }

    mutating func enter(_ look: GroupLook) {
        rows = GroupUse.rows(look, since: self.look)
        self.look = look
    }

    mutating func press(_ key: TopKey) -> Consequence {
        switch key {
        case .character(UInt8(ascii: "q")): return .quit
        case .character(UInt8(ascii: " ")): return .look
        case .character(UInt8(ascii: "c")): order = .cpu
        case .character(UInt8(ascii: "m")): order = .memory
        case .character(UInt8(ascii: "t")): order = .tasks
        case .character(UInt8(ascii: "i")): order = .io
        case .character(UInt8(ascii: "p")): order = .path
        case .character(UInt8(ascii: "b")): isExact.toggle()
        case .character(UInt8(ascii: "h")), .character(UInt8(ascii: "?")): showsHelp.toggle()
        case .character(UInt8(ascii: "+")), .right:
            // All levels are as many as there are.
            guard let depth else { break }
            self.depth = depth + 1
            return .look
        case .character(UInt8(ascii: "-")), .left:
            depth = max(0, (depth ?? rows.map(\.path.depth).max() ?? 0) - 1)
        case .up: first = max(0, first - 1)
        case .down: first = min(max(0, rows.count - 1), first + 1)
        default: break
        }
        return .none
    }

    private static let help = [
        "q quit", "sort by: c CPU", "m memory", "t tasks", "i I/O", "p path", "+ - levels of groups", "up down scroll",
        "b bytes", "space look now", "h no help",
    ]

    /// The lines of a screen, at most `height`, and which of them is the one of titles.
    mutating func lines(width: Int, height: Int) -> (lines: [String], title: Int) {
        let shown = order.sorted(rows.filter { row in depth.map { row.path.depth <= $0 } ?? true })
        let help = showsHelp ? Self.wrapped(Self.help, width: width) : []
        let room = max(0, height - 1 - help.count)
        first = min(first, max(0, shown.count - max(1, room - 1)))
        let table = TopTable(rows: Array(shown[first...]), isExact: isExact).lines(width: width, count: room)
        let visible = max(0, table.count - 1)
        var summary = " (\(tree.version.rawValue)): " + (shown.count == 1 ? "1 group" : "\(shown.count) groups")
        if visible > 0, visible < shown.count { summary += ", here \(first + 1) to \(first + visible)" }
        if let depth { summary += ", depth \(depth)" }
        summary += ", by \(order.rawValue), every \(Self.seconds(interval)) s, h for help"
        let place = DisplayText(tree.shownPath).shortened(to: max(min(12, width), width - summary.utf8.count))
        let lines = [DisplayText(place + summary).cut(to: width)] + help + table
        return (Array(lines.prefix(height)), 1 + help.count)
    }

    /// "1", "0.5".
    private static func seconds(_ value: Double) -> String {
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// As many items in a line as there is room for.
    private static func wrapped(_ items: [String], width: Int) -> [String] {
        var lines: [String] = []
        for item in items {
            if let last = lines.last, last.utf8.count + 3 + item.utf8.count <= width {
                lines[lines.count - 1] += "   \(item)"
            } else {
                lines.append(String(item.prefix(max(0, width))))
            }
        }
        return lines
    }
}
