import CTestCalls
import Synchronization

/// The differential test: random calls on a native directory and on a mount, with everything they give compared.
public struct Differential: Sendable {
    public var sides: Sides
    public var seed: UInt64
    /// How many calls are made on each side, all threads together.
    public var calls: Int
    /// Threads that work at the same time, each in a directory of its own.
    public var threads = 4
    /// How many calls go to one directory before trees are compared and a fresh one is begun.
    public var callsPerSequence = 400
    /// After so many failures no more sequences are begun.
    public var failureLimit = 1
    /// Reports each kind of difference once and goes on, to show at one look what a mount lacks.
    public var survey = false
    /// Told how many calls have been made, from any thread.
    public var progress: @Sendable (Int) -> Void = { _ in }

    public init(sides: Sides, seed: UInt64, calls: Int) {
        self.sides = sides
        self.seed = seed
        self.calls = calls
    }

    /// What a run found.
    public struct Report: Sendable {
        public internal(set) var calls = 0
        public internal(set) var failures: [Failure] = []
        /// Differences that the list of deviations accepted.
        public internal(set) var accepted = 0
        public internal(set) var coverage = Coverage()
    }

    /// Runs all sequences.
    /// - Throws: ``MountGone`` when a side's directory cannot be used, ``ConfinementError`` when calls cannot be kept in it.
    public func run() throws -> Report {
        let sequences = (calls + callsPerSequence - 1) / callsPerSequence
        let shared = Shared(sequences: sequences)
        let errors = parallel(threads) { thread in
            while let sequence = shared.next(failureLimit: failureLimit) {
                try run(sequence, count: min(callsPerSequence, calls - sequence * callsPerSequence), shared)
            }
        }
        if let error = errors.first { throw error }
        return shared.report
    }

    private func run(_ sequence: Int, count: Int, _ shared: Shared) throws {
        let known = survey ? shared.known : []
        let arena = try Arena("sequence\(sequence)", on: sides)
        var generator = Generator(random: Random(seed: seed, part: sequence), processes: Play.processes)
        let play = try Play.drawing(count, using: &generator, in: arena, knowing: known)
        arena.remove()
        progress(shared.count(play))
        guard let difference = play.difference else { return }
        var runs = 0
        let shrinker = Shrinker { script in
            runs += 1
            let arena = try Arena("sequence\(sequence)-\(runs)", on: sides)
            defer { arena.remove() }
            return try Play.replaying(script, in: arena, knowing: known).difference
        }
        let (script, shown) = try shrinker.shrink(play.steps, showing: difference)
        shared.add(Failure(seed: seed, script: script, difference: shown, originalCount: play.steps.count))
    }

    /// What the threads of a run have in common.
    private final class Shared: Sendable {
        private let state: Mutex<(next: Int, known: Set<String>, report: Report)> = Mutex((0, [], Report()))
        private let sequences: Int

        init(sequences: Int) { self.sequences = sequences }

        var known: Set<String> { state.withLock { $0.known } }
        var report: Report { state.withLock { $0.report } }

        func next(failureLimit: Int) -> Int? {
            state.withLock { state in
                guard state.next < sequences, state.report.failures.count < failureLimit else { return nil }
                state.next += 1
                return state.next - 1
            }
        }

        func count(_ play: Play) -> Int {
            let (made, accepted, coverage) = (play.steps.count, play.accepted, play.coverage)
            return state.withLock { state in
                state.report.calls += made
                state.report.accepted += accepted
                state.report.coverage.add(coverage)
                return state.report.calls
            }
        }

        /// Adds a failure, unless another thread has found the same meanwhile.
        func add(_ failure: Failure) {
            state.withLock { state in
                if state.known.isSuperset(of: failure.difference.signatures) { return }
                state.known.formUnion(failure.difference.signatures)
                state.report.failures.append(failure)
            }
        }
    }
}

/// Runs `body` on several threads at once and gives the errors they threw.
func parallel(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) -> [any Error] {
    let errors = Mutex<[any Error]>([])
    let threads = (0..<count).map { index in
        WorkerThread {
            do { try body(index) } catch { errors.withLock { $0.append(error) } }
        }
    }
    for thread in threads { thread.join() }
    return errors.withLock { $0 }
}
