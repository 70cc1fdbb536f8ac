import StackCore
import Testing

@testable import ExtCache

/// Which events are taken for this process's own: never more of them than it has made.
@Suite struct OwnChangesTests {
    private let own = OwnChanges()
    private let directory = NodeID(rawValue: 1 << 32 | 7)

    private func begin(_ change: NameChange, _ name: String, inode: UInt64 = 0) -> Int? {
        Array(name.utf8).withUnsafeBytes { own.begin(change, $0, in: directory, inode: inode) }
    }

    private func take(_ change: NameChange, _ name: String, in other: NodeID? = nil) -> OwnChanges.Event? {
        Array(name.utf8).withUnsafeBytes { own.take(change, $0, in: other ?? directory) }
    }

    /// Begins and ends.
    private func make(_ change: NameChange, _ name: String, inode: UInt64 = 0) throws {
        #expect(!own.end(change, at: try #require(begin(change, name, inode: inode)), succeeded: true))
    }

    @Test func anEventForEachChange() throws {
        try make(.made, "a")
        try make(.movedAway, "a")
        #expect(take(.made, "a") != nil && take(.movedAway, "a") != nil)
        #expect(take(.made, "a") == nil && take(.movedAway, "a") == nil)
    }

    /// The event may come before the call returns.
    @Test func anEventBeforeTheEnd() throws {
        let place = try #require(begin(.removed, "a"))
        #expect(take(.removed, "a") != nil)
        #expect(!own.end(.removed, at: place, succeeded: true))
        #expect(take(.removed, "a") == nil)
    }

    @Test func othersChanges() throws {
        try make(.made, "a")
        #expect(take(.made, "b") == nil)
        #expect(take(.made, "a", in: NodeID(rawValue: 2 << 32 | 7)) == nil)
        // Somebody else has removed it: what comes afterwards is looked at.
        #expect(take(.removed, "a") == nil)
        #expect(take(.made, "a") == nil)
    }

    /// Who fails has no event; one that was taken for its own was another's.
    @Test func failures() throws {
        let place = try #require(begin(.made, "a"))
        #expect(!own.end(.made, at: place, succeeded: false))
        #expect(take(.made, "a") == nil)
        let again = try #require(begin(.made, "a"))
        #expect(take(.made, "a") != nil)
        #expect(own.end(.made, at: again, succeeded: false))
    }

    /// The inode of the last move, by which it is told from another's.
    @Test func moves() throws {
        try make(.movedHere, "a", inode: 5)
        try make(.movedHere, "a", inode: 6)
        #expect(take(.movedHere, "a")?.inode == 6)
    }

    /// What was done before the watch brings no event, and what was under way may bring one.
    @Test func beforeTheWatch() throws {
        try make(.made, "done")
        let place = try #require(begin(.made, "begun"))
        own.isUnseen(before: directory)
        #expect(take(.made, "done") == nil)
        #expect(!own.end(.made, at: place, succeeded: true))
        #expect(take(.made, "begun")?.isDoubtful == true)
        try make(.made, "later")
        #expect(take(.made, "later")?.isDoubtful == false)
    }

    /// No event may come of what was done just before the watch began, though it was noted after everything was cleared.
    @Test func changesWhileAWatchBegins() throws {
        own.isUnseen(before: directory)
        try make(.made, "a")
        own.isUncertain(before: directory)
        #expect(take(.made, "a")?.isDoubtful == true)
        try make(.made, "b")
        #expect(take(.made, "b")?.isDoubtful == false)
    }

    @Test func lostEvents() throws {
        try make(.made, "a")
        let place = try #require(begin(.made, "b"))
        own.doubtAll()
        #expect(take(.made, "a")?.isDoubtful == true && take(.made, "b")?.isDoubtful == true)
        #expect(!own.end(.made, at: place, succeeded: true))
    }

    /// There is room for some hundred changes at a time, and what finds none is another's.
    @Test func moreThanThereIsRoomFor() throws {
        var noted: Set<String> = []
        for number in 0..<5000 {
            guard let place = begin(.made, "\(number)") else { continue }
            noted.insert("\(number)")
            if number % 2 == 0 { #expect(!own.end(.made, at: place, succeeded: true)) }
        }
        #expect(noted.count < 5000)
        let taken = (0..<5000).filter { take(.made, "\($0)") != nil }.map { "\($0)" }
        #expect(taken.count > 500 && noted.isSuperset(of: taken))
    }
}
