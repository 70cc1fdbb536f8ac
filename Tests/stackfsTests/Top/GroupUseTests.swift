import Testing

@testable import stackfs

/// Rates between two looks, and the order of rows.
@Suite struct GroupUseTests {
    private func path(_ text: String) -> GroupPath {
        GroupPath(names: text.split(separator: "/").map { Array($0.utf8) })
    }

    private func figures(_ value: UInt64, at time: UInt64) -> GroupFigures {
        GroupFigures(
            tasks: 1, cpu: Counter(value: value, time: time), memory: 5, limit: 6,
            read: Counter(value: value, time: time),
            written: Counter(value: value * 2, time: time))
    }

    @Test func ratesAreOfTheTimeBetween() throws {
        let second: UInt64 = 1_000_000_000
        let rows = GroupUse.rows(
            [path("a"): figures(second, at: 5 * second)], since: [path("a"): figures(0, at: 3 * second)])
        let row = try #require(rows.first)
        #expect(row.cpu == 50)
        #expect(row.read == 5e8)
        #expect(row.written == 1e9)
        #expect(row.io == 1.5e9)
        #expect(row.tasks == 1 && row.memory == 5 && row.limit == 6)
    }

    /// Never a zero where nothing is known.
    @Test func whatIsNotKnownHasNoRate() {
        let now = [path("a"): figures(10, at: 100)]
        #expect(GroupUse.rows(now, since: nil).first?.cpu == nil)
        #expect(GroupUse.rows(now, since: [path("b"): figures(0, at: 0)]).map(\.path) == [path("a")])
        #expect(GroupUse.rows(now, since: [path("b"): figures(0, at: 0)]).first?.io == nil)
        #expect(GroupUse.rows(now, since: [path("a"): figures(11, at: 0)]).first?.cpu == nil)
        #expect(GroupUse.rows(now, since: [path("a"): figures(10, at: 100)]).first?.cpu == nil)
        #expect(GroupUse.rows(now, since: [path("a"): GroupFigures()]).first?.cpu == nil)
        #expect(GroupUse.rows(now, since: [path("a"): figures(10, at: 0)]).first?.cpu == 0)
        #expect(GroupUse.rows([path("a"): GroupFigures()], since: now).first == GroupUse(path: path("a")))
    }

    @Test(arguments: [
        (TopOrder.cpu, "c b a d"), (.memory, "a c b d"), (.tasks, "b a c d"), (.io, "b c a d"), (.path, "a b c d"),
    ])
    func orders(order: TopOrder, expected: String) {
        let rows = [
            GroupUse(path: path("d")),
            GroupUse(path: path("b"), tasks: 9, cpu: 3, memory: 1, read: 5, written: 5),
            GroupUse(path: path("a"), tasks: 1, memory: 3),
            GroupUse(path: path("c"), tasks: 1, cpu: 4, memory: 2, written: 7),
        ]
        let sorted = order.sorted(rows).map { String(decoding: $0.path.names[0], as: UTF8.self) }
        #expect(sorted.joined(separator: " ") == expected)
    }

    @Test func groupsStandBeforeThoseInThem() {
        let paths = ["a", "a-b", "a/c", "", "a/c/d", "b"].map { path($0) }.sorted()
        #expect(paths.map { DisplayText($0).text } == ["/", "/a", "/a/c", "/a/c/d", "/a-b", "/b"])
    }
}
