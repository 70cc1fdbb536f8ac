/// The table of groups: rows of figures, laid out for a terminal or for a pipe.
struct TopTable {
    let rows: [GroupUse]
    /// Whole numbers, not 1.5K.
    var isExact = false

    /// A column of figures, all flush right.
    private struct Column {
        let title: String
        /// So that columns stay in place while figures change.
        let least: Int
        /// Those with the highest go first where the screen is narrow.
        let rank: Int
        let cell: (GroupUse) -> String
    }

    private var columns: [Column] {
        let exact = isExact
        let bytes = { (value: UInt64?) in value.map { exact ? "\($0)" : Self.scaled(Double($0)) } ?? "-" }
        let rate = { (value: Double?) in
            value.map { exact ? "\(Self.whole($0))" : Self.scaled($0) } ?? "-"
        }
        return [
            Column(title: "TASKS", least: 6, rank: 2) { $0.tasks.map { "\($0)" } ?? "-" },
            Column(title: "%CPU", least: 6, rank: 0) { $0.cpu.map(Self.tenths) ?? "-" },
            Column(title: "MEMORY", least: 7, rank: 1) { bytes($0.memory) },
            Column(title: "LIMIT", least: 7, rank: 4) { $0.limit == GroupFigures.noLimit ? "max" : bytes($0.limit) },
            Column(title: "READ/s", least: 7, rank: 3) { rate($0.read) },
            Column(title: "WRITE/s", least: 7, rank: 3) { rate($0.written) },
        ]
    }

    private static let title = "GROUP"
    private static let gap = "  "

    /// The line of titles and one for each row, names in full.
    var lines: [String] {
        let names = rows.map { DisplayText($0.path) }
        let width = max(Self.title.count, names.map(\.width).max() ?? 0)
        return lines(names, width: width, columns.map { ($0, cells($0)) })
    }

    /// The same in at most `width` columns and `count` lines. Names are cut, and columns left out, until names have a fourth of the
    /// width, or what they need.
    func lines(width: Int, count: Int) -> [String] {
        let shown = TopTable(rows: Array(rows.prefix(max(0, count - 1))), isExact: isExact)
        let names = shown.rows.map { DisplayText($0.path) }
        let wanted = max(Self.title.count, min(names.map(\.width).max() ?? 0, max(12, width / 4)))
        var columns = columns.map { (column: $0, cells: shown.cells($0)) }
        func room() -> Int { width - columns.reduce(0) { $0 + Self.gap.count + Self.width($1.column, $1.cells) } }
        while room() < wanted, let last = columns.map(\.column.rank).max() {
            columns.removeAll { $0.column.rank == last }
        }
        return Array(shown.lines(names, width: max(0, room()), columns).prefix(count))
    }

    private func cells(_ column: Column) -> [String] { rows.map(column.cell) }

    private static func width(_ column: Column, _ cells: [String]) -> Int {
        max(column.least, column.title.count, cells.map(\.utf8.count).max() ?? 0)
    }

    private func lines(_ names: [DisplayText], width: Int, _ columns: [(column: Column, cells: [String])]) -> [String] {
        var lines = [DisplayText(Self.title).fitted(to: width)] + names.map { $0.fitted(to: width) }
        for (column, cells) in columns {
            let room = Self.width(column, cells)
            for (line, cell) in ([column.title] + cells).enumerated() {
                lines[line] += Self.gap + String(repeating: " ", count: room - cell.utf8.count) + cell
            }
        }
        return lines
    }

    /// "12.5"; what is less than the half of a tenth is 0.0.
    static func tenths(_ value: Double) -> String {
        let tenths = whole(value * 10)
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// "512B", "1.5K", "12.0M": units of 1024.
    static func scaled(_ bytes: Double) -> String {
        if bytes.rounded() < 1024 { return "\(whole(bytes))B" }
        var value = bytes / 1024
        var units = "KMGTPE"[...]
        // 1023.96K would be shown as 1024.0K.
        while (value * 10).rounded() >= 10240, units.count > 1 {
            value /= 1024
            units.removeFirst()
        }
        return tenths(value) + String(units.first!)
    }

    private static func whole(_ value: Double) -> UInt64 { UInt64(exactly: value.rounded()) ?? .max }
}
