import CTestCalls

/// One run of a script in fresh directories.
final class Play {
    /// How many processes a script's calls belong to.
    static let processes = 2
    /// What the comparison of a mount with its lower directory is called.
    static let behindAndMount = "the tree behind the mount and the mount"

    private(set) var steps: [Step] = []
    private(set) var difference: Difference?
    /// How many differences the list of deviations accepted.
    private(set) var accepted = 0
    /// What the calls gave on the native side.
    private(set) var coverage = Coverage()

    /// Signatures of differences that have been reported already.
    private let known: Set<String>
    /// Whether a known difference has left different things on the sides.
    private var diverged = false
    private let arena: Arena
    private let clock = EpochClock()
    private let threads: [ProcessThread]

    private init(in arena: Arena, knowing known: Set<String>) {
        self.arena = arena
        self.known = known
        let clock = clock
        threads = (0..<Self.processes).map { _ in
            ProcessThread(
                sides: [arena.native, arena.mount], clock: clock, stampsAccesses: arena.sides.stampsAccesses)
        }
    }

    /// Draws `count` calls and makes them, until the sides differ; then holds the trees against each other.
    static func drawing(
        _ count: Int, using generator: inout Generator, in arena: Arena, knowing known: Set<String> = []
    ) -> Play {
        let play = Play(in: arena, knowing: known)
        while !play.over, play.steps.count < count {
            let step = generator.nextStep()
            if play.perform(step) { step.call.note(in: &generator.scene, process: step.process) }
        }
        play.finish()
        return play
    }

    /// Makes the calls of a script again.
    static func replaying(_ script: [Step], in arena: Arena, knowing known: Set<String> = []) -> Play {
        let play = Play(in: arena, knowing: known)
        for step in script where !play.over { _ = play.perform(step) }
        play.finish()
        return play
    }

    /// Makes one call on both sides.
    /// - Returns: whether it succeeded on the native side.
    private func perform(_ step: Step) -> Bool {
        steps.append(step)
        if step.call is NextEpoch {
            clock.begin()
            return true
        }
        let outcomes = threads[step.process].perform(step)
        if let found = Difference(step: steps.count - 1, call: step.name, native: outcomes[0], mount: outcomes[1]) {
            settle(found, of: step.call)
        }
        coverage.count(step.name, outcomes[0])
        return outcomes[0].succeeded
    }

    private func finish() {
        for thread in threads { thread.end() }
        if !over { compareTrees() }
    }

    private var over: Bool { difference != nil || diverged }

    private func compareTrees() {
        let accesses = arena.sides.stampsAccesses
        func tree(_ root: String, _ clock: EpochClock?) -> Tree { Tree(root, clock: clock, stampsAccesses: accesses) }
        let native = tree(arena.native, clock)
        guard let lower = arena.lower else {
            settle("the trees", native, tree(arena.mount, clock))
            return
        }
        // The lower tree is read first and leaves no trace, so that the mount is asked for what was before anybody looked.
        let behind = tree(lower, nil)
        settle("the native tree and the one behind the mount", native, tree(lower, clock))
        settle(Self.behindAndMount, behind, tree(arena.mount, nil))
    }

    private func settle(_ name: String, _ first: Tree, _ second: Tree) {
        for found in TreeComparison.differences(name, first, second) { settle(found, of: nil) }
    }

    /// Decides whether a difference is accepted, known, or the one to report.
    private func settle(_ found: Difference, of call: (any Call)?) {
        if Deviations.accepts(found, of: call) {
            accepted += 1
        } else if let new = found.without(known) {
            difference = difference ?? new
        } else if found.diverges {
            diverged = true
        }
    }
}

extension Generator {
    /// The next call, of the same user and process as the last for a while: long enough to reach something, short enough to
    /// mix.
    mutating func nextStep() -> Step {
        if callsLeft == 0 {
            callsLeft = 1 + random.below(6)
            process = random.below(Play.processes)
            user = random.chance(45) ? .root : random.pick(User.allCases)
        }
        callsLeft -= 1
        return Step(process: process, user: user, call: CallTable.draw(using: &self))
    }
}
