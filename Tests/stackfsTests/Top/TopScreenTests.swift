import Testing

@testable import stackfs

/// What a terminal gets to see, without one.
@Suite struct TopScreenTests {
    private func row(_ name: String, cpu: Double? = nil, memory: UInt64? = nil) -> GroupUse {
        GroupUse(
            path: GroupPath(names: name.split(separator: "/").map { Array($0.utf8) }), tasks: 1, cpu: cpu,
            memory: memory, limit: GroupFigures.noLimit)
    }

    @Test func tableInFull() {
        var first = row("a", cpu: 12.34, memory: 1536)
        first.limit = 1 << 30
        first.read = 2.6
        first.written = 0
        let table = TopTable(rows: [first, row("")])
        #expect(
            table.lines == [
                "GROUP   TASKS    %CPU   MEMORY    LIMIT   READ/s  WRITE/s",
                "/a          1    12.3     1.5K     1.0G       3B       0B",
                "/           1       -        -      max        -        -",
            ])
        #expect(
            TopTable(rows: [first], isExact: true).lines.last
                == "/a          1    12.3     1536  1073741824        3        0")
    }

    @Test func unitsOfBytes() {
        let texts = [0, 1023.4, 1023.5, 1024, 1_048_524, 1_048_525, 1.5 * 1024 * 1024, 1e30].map(TopTable.scaled)
        #expect(texts == ["0B", "1023B", "1.0K", "1.0K", "1023.9K", "1.0M", "1.5M", texts[7]])
        #expect(TopTable.tenths(99.96) == "100.0")
        #expect(TopTable.tenths(0.04) == "0.0")
    }

    /// Each line has exactly the width, and columns go when there is no room.
    @Test(arguments: [
        (80, "GROUP TASKS %CPU MEMORY LIMIT READ/s WRITE/s"), (64, "GROUP TASKS %CPU MEMORY READ/s WRITE/s"),
        (50, "GROUP TASKS %CPU MEMORY"), (36, "GROUP %CPU MEMORY"), (24, "GROUP %CPU"), (12, "GROUP"), (3, "…UP"),
        (0, ""),
    ])
    func columnsThatFit(width: Int, titles: String) {
        let lines = TopTable(rows: [row("a-group/with/a/long/name"), row("")]).lines(width: width, count: 10)
        #expect(lines.count == 3)
        #expect(lines[0].split(separator: " ").joined(separator: " ") == titles)
        for line in lines { #expect(DisplayText(line).width == width) }
    }

    @Test func linesThatFit() {
        let rows = (0..<10).map { row("g\($0)") }
        #expect(TopTable(rows: rows).lines(width: 80, count: 4).count == 4)
        #expect(TopTable(rows: rows).lines(width: 80, count: 1).count == 1)
        #expect(TopTable(rows: rows).lines(width: 80, count: 0).isEmpty)
    }

    @Test func namesAreCutInTheMiddle() {
        #expect(DisplayText("/kubepods/pod1/container").fitted(to: 13) == "/kub…ontainer")
        #expect(DisplayText("/abc").fitted(to: 6) == "/abc  ")
        // No half of a wide character, nor of an escape.
        #expect(DisplayText("/名前名前").fitted(to: 6) == "/…名前")
        #expect(DisplayText("/名前名前").fitted(to: 5) == "/…前 ")
        #expect(DisplayText("ab\u{1b}cd").fitted(to: 6) == "a…cd  ")
        #expect(DisplayText("e\u{301}e\u{301}").width == 2)
    }

    /// Nothing of a name steers the terminal.
    @Test func controlCharactersAreEscaped() {
        #expect(DisplayText(Array("a\u{1b}[2J\n\u{7f}".utf8)).text == "a\\x1b[2J\\x0a\\x7f")
        #expect(DisplayText("\u{9b}2J").text == "\\xc2\\x9b2J")
        #expect(DisplayText("\u{202e}abc").text == "\\xe2\\x80\\xaeabc")
        #expect(DisplayText([0x61, 0xff, 0xc3, 0xa9]).text == "a\\xff\\xc3\\xa9")
        #expect(DisplayText("é名\\x2d").text == "é名\\x2d")
        let table = TopTable(rows: [GroupUse(path: GroupPath(names: [[27, 91, 50, 74]]))])
        for line in table.lines + table.lines(width: 80, count: 5) { #expect(!line.utf8.contains(27)) }
    }

    @Test func keysOfATerminal() {
        #expect(TopKey.keys(in: Array("q +".utf8)) == [.character(113), .character(32), .character(43)])
        #expect(TopKey.keys(in: Array("\u{1b}[A\u{1b}OB\u{1b}[C\u{1b}[D".utf8)) == [.up, .down, .right, .left])
        // Others are passed over whole: none of their bytes is a key.
        #expect(TopKey.keys(in: Array("\u{1b}[3~\u{1b}[1;5Cq\u{1b}".utf8)) == [.character(113)])
        #expect(TopKey.keys(in: Array("\u{1b}\u{1b}q\u{1b}[12".utf8)) == [.character(113)])
    }

    private func screen(_ names: [String]) -> TopScreen {
        let tree = GroupTree(version: .v2, directories: ["/t"], shownPath: "/t")
        var screen = TopScreen(tree: tree, interval: 0.5, order: .path, depth: nil, isExact: false)
        screen.enter(
            Dictionary(
                uniqueKeysWithValues: names.map {
                    (GroupPath(names: $0.split(separator: "/").map { Array($0.utf8) }), GroupFigures())
                }))
        return screen
    }

    private func names(_ screen: inout TopScreen, height: Int = 24) -> [String] {
        let (lines, title) = screen.lines(width: 80, height: height)
        return lines.dropFirst(title + 1).map { String($0.prefix { $0 != " " }) }
    }

    @Test func keysChangeTheScreen() {
        var screen = screen(["", "a", "a/b", "a/b/c"])
        #expect(names(&screen) == ["/", "/a", "/a/b", "/a/b/c"])
        #expect(screen.lines(width: 80, height: 24).lines[0] == "/t (v2): 4 groups, by path, every 0.5 s, h for help")
        #expect(screen.press(.character(45)) == .none)
        #expect(names(&screen) == ["/", "/a", "/a/b"])
        #expect(screen.press(.left) == .none)
        #expect(screen.press(.left) == .none)
        #expect(screen.press(.left) == .none)
        #expect(screen.depth == 0)
        #expect(names(&screen) == ["/"])
        #expect(screen.press(.right) == .look)
        #expect(screen.depth == 1)
        for (key, order) in zip("cmtip", TopOrder.allCases) {
            #expect(screen.press(.character(key.asciiValue!)) == .none)
            #expect(screen.order == order)
        }
        #expect(screen.press(.character(32)) == .look)
        #expect(screen.press(.character(122)) == .none)
        #expect(screen.press(.character(113)) == .quit)
    }

    @Test func scrollingEndsAtTheLastRow() {
        var screen = screen(["", "a", "b", "c"])
        #expect(names(&screen, height: 4) == ["/", "/a"])
        for _ in 0..<9 { _ = screen.press(.down) }
        #expect(names(&screen, height: 4) == ["/b", "/c"])
        _ = screen.press(.up)
        #expect(names(&screen, height: 4) == ["/a", "/b"])
        #expect(screen.lines(width: 80, height: 4).lines[0].contains("4 groups, here 2 to 3,"))
    }

    @Test(arguments: [(80, 24), (30, 8), (10, 3), (1, 1)])
    func helpFitsTheScreen(width: Int, height: Int) {
        var screen = screen(["", "a"])
        _ = screen.press(.character(104))
        let (lines, _) = screen.lines(width: width, height: height)
        #expect(lines.count <= height)
        for line in lines { #expect(DisplayText(line).width <= width) }
        if height > 12 { #expect(lines.contains { $0.contains("q quit") }) }
    }
}
