import CTestCalls

/// One run of a script in fresh directories.
final class Play {
    /// How many processes a script's calls belong to.
    static let processes = 2

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
    private var history = FileHistory()
    /// By process and side.
    private let threads: [[ProcessThread]]

    private init(in arena: Arena, knowing known: Set<String>) throws {
        self.arena = arena
        self.known = known
        threads = try Self.start([arena.native, arena.mount], clock, arena.sides)
    }

    /// Starts the threads of all processes, one for each directory.
    static func start(_ directories: [String], _ clock: EpochClock, _ sides: Sides) throws -> [[ProcessThread]] {
        var started: [[ProcessThread]] = []
        do {
            for _ in 0..<processes {
                started.append([])
                for directory in directories {
                    started[started.count - 1].append(
                        try ProcessThread(side: directory, clock: clock, stampsAccesses: sides.stampsAccesses))
                }
            }
        } catch {
            for thread in started.joined() { thread.end() }
            throw error
        }
        return started
    }

    /// Draws `count` calls and makes them, until the sides differ; then holds the trees against each other.
    static func drawing(
        _ count: Int, using generator: inout Generator, in arena: Arena, knowing known: Set<String> = []
    ) throws -> Play {
        let play = try Play(in: arena, knowing: known)
        while !play.over, play.steps.count < count {
            let step = generator.nextStep()
            if play.perform(step) { step.call.note(in: &generator.scene, process: step.process) }
        }
        play.finish()
        return play
    }

    /// Makes the calls of a script again.
    static func replaying(_ script: [Step], in arena: Arena, knowing known: Set<String> = []) throws -> Play {
        let play = try Play(in: arena, knowing: known)
        for step in script where !play.over { _ = play.perform(step) }
        play.finish()
        return play
    }

    /// Makes one call on both sides.
    /// - Returns: whether it succeeded on the native side.
    private func perform(_ step: Step) -> Bool {
        steps.append(step)
        let circumstances = Circumstances(
            arena.sides.dataPath, step: step, on: threads, history: history)
        if Deviations.skips(step.call, circumstances) {
            coverage.skip(step.name)
            return false
        }
        if step.call is NextEpoch {
            clock.begin()
            return true
        }
        let outcomes = threads[step.process].map { $0.perform(step) }
        if let found = Difference(step: steps.count - 1, call: step.name, native: outcomes[0], mount: outcomes[1]) {
            settle(found, circumstances)
        }
        if outcomes[0].succeeded { history.note(step, circumstances) }
        coverage.count(step.name, outcomes[0])
        return outcomes[0].succeeded
    }

    private func finish() {
        for thread in threads.joined() { thread.end() }
        if !over { compareTrees() }
    }

    private var over: Bool { difference != nil || diverged }

    private func compareTrees() {
        let accesses = arena.sides.stampsAccesses
        // The lower tree is read before the mount, and without a trace but for the targets of symlinks, which come last: so
        // that the mount is asked for what was before anybody looked.
        var lower = arena.lower.map { Tree($0, clock: clock, stampsAccesses: accesses) }
        var native = Tree(arena.native, clock: clock, stampsAccesses: accesses)
        var mount = Tree(arena.mount, clock: clock, stampsAccesses: accesses)
        lower?.readTargets()
        native.readTargets()
        mount.readTargets()
        if let lower {
            settle(TreeComparison.differences(("native", "lower"), native, lower))
            settle(TreeComparison.differences(("lower", "mount"), lower, mount, raw: true))
        } else {
            settle(TreeComparison.differences(("native", "mount"), native, mount))
        }
    }

    private func settle(_ differences: [Difference]) {
        for found in differences { settle(found, Circumstances(arena.sides.dataPath)) }
    }

    /// Decides whether a difference is accepted, known, or the one to report.
    private func settle(_ found: Difference, _ circumstances: Circumstances) {
        guard let rest = Deviations.removeAccepted(from: found, circumstances) else {
            accepted += 1
            return
        }
        if let new = rest.without(known) {
            difference = difference ?? new
        } else if rest.diverges {
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
