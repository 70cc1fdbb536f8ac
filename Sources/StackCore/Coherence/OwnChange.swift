import FuseKernel
import SystemCalls

/// A change of a name by this process, of which the source of changes knows.
struct OwnChange {
    fileprivate let change: NameChange
    fileprivate let place: Int
}

extension Coherence {
    /// A name is about to be changed by order of the kernel. Nil where nobody needs to know; else ``ends(_:_:in:succeeded:)`` follows.
    func begins(
        _ change: NameChange, _ name: borrowing Name, in directory: borrowing NodeReference, inode: UInt64 = 0
    ) -> OwnChange? {
        guard wantsOwnChanges,
            let place = source.ownChangeBegins(change, name.bytes, in: directory.id, inode: inode)
        else { return nil }
        return OwnChange(change: change, place: place)
    }

    func ends(
        _ own: OwnChange?, _ name: borrowing Name, in directory: borrowing NodeReference, succeeded: Bool
    ) {
        guard let own, source.ownChangeEnds(own.change, at: own.place, succeeded: succeeded) else { return }
        entryChanged(name.bytes, in: directory.id)
    }
}

extension Mirror {
    /// ``mutate(_:_:)`` with a `body` that makes a name or removes it.
    func mutate<Result: ~Copyable>(
        _ request: Request, _ change: NameChange, _ name: borrowing Name, in directory: borrowing NodeReference,
        _ body: () throws(Errno) -> Result
    ) throws(Errno) -> Result {
        try mutate(request) { () throws(Errno) in
            guard let coherence, let own = coherence.begins(change, name, in: directory) else { return try body() }
            do throws(Errno) {
                let result = try body()
                coherence.ends(own, name, in: directory, succeeded: true)
                return result
            } catch {
                coherence.ends(own, name, in: directory, succeeded: false)
                throw error
            }
        }
    }

    /// Runs `body`, which moves a name to another, or exchanges them where `other` is given.
    ///
    /// - Parameters:
    ///   - moved: the inode number of what is moved, 0 if that is unknown.
    ///   - other: that of what it is exchanged with.
    func moving(
        _ name: borrowing Name, in from: borrowing NodeReference, _ moved: UInt64,
        to newName: borrowing Name, in to: borrowing NodeReference, exchangedWith other: UInt64? = nil,
        _ body: () throws(Errno) -> Void
    ) throws(Errno) {
        guard let coherence, coherence.wantsOwnChanges else { return try body() }
        let moves = OwnMoves(
            away: coherence.begins(.movedAway, name, in: from),
            here: coherence.begins(.movedHere, newName, in: to, inode: moved),
            otherAway: other == nil ? nil : coherence.begins(.movedAway, newName, in: to),
            otherHere: other == nil ? nil : coherence.begins(.movedHere, name, in: from, inode: other ?? 0))
        do throws(Errno) {
            try body()
        } catch {
            coherence.ends(moves, name, from, newName, to, succeeded: false)
            throw error
        }
        // rename(2) of one name of an inode to another does nothing, and tells nobody.
        let remains = other ?? (try? Lower.status(of: name, in: from.descriptor))?.ino
        coherence.ends(moves, name, from, newName, to, succeeded: remains == nil || remains != moved)
    }
}

private struct OwnMoves {
    let away, here, otherAway, otherHere: OwnChange?
}

extension Coherence {
    fileprivate func ends(
        _ moves: OwnMoves, _ name: borrowing Name, _ from: borrowing NodeReference, _ newName: borrowing Name,
        _ to: borrowing NodeReference, succeeded: Bool
    ) {
        ends(moves.away, name, in: from, succeeded: succeeded)
        ends(moves.here, newName, in: to, succeeded: succeeded)
        ends(moves.otherAway, newName, in: to, succeeded: succeeded)
        ends(moves.otherHere, name, in: from, succeeded: succeeded)
    }
}
