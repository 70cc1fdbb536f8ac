extension Differential {
    /// All threads work in one tree of the mount at the same time. What single calls give is not defined then; that the mount
    /// shows exactly what lies behind it once all is quiet, is.
    /// - Throws: ``MountGone`` when the mount's directory cannot be used.
    public func runShared() throws -> Report {
        var report = Report()
        let perRound = callsPerSequence * threads
        for round in 0..<(calls + perRound - 1) / perRound where report.failures.count < failureLimit {
            let arena = try Arena("round\(round)", on: sides)
            defer { arena.remove() }
            let clock = EpochClock()
            let errors = parallel(threads) { thread in
                let processes = (0..<Play.processes).map { _ in
                    ProcessThread(sides: [arena.mount], clock: clock, stampsAccesses: sides.stampsAccesses)
                }
                defer { for process in processes { process.end() } }
                var generator = Generator(
                    random: Random(seed: seed, part: round * threads + thread), processes: Play.processes)
                for _ in 0..<callsPerSequence {
                    let step = generator.nextStep()
                    if processes[step.process].perform(step)[0].succeeded {
                        step.call.note(in: &generator.scene, process: step.process)
                    }
                }
            }
            if let error = errors.first { throw error }
            report.calls += perRound
            progress(report.calls)
            if let difference = Play.sharedDifference(in: arena) {
                report.failures.append(Failure(seed: seed, script: [], difference: difference, originalCount: perRound))
            }
        }
        return report
    }
}

extension Play {
    /// The first difference between the mount and what lies behind it, that is not an accepted deviation.
    static func sharedDifference(in arena: Arena) -> Difference? {
        guard let lower = arena.lower else { return nil }
        let accesses = arena.sides.stampsAccesses
        let behind = Tree(lower, clock: nil, stampsAccesses: accesses)
        let shown = Tree(arena.mount, clock: nil, stampsAccesses: accesses)
        return TreeComparison.differences(Self.behindAndMount, behind, shown).first { !Deviations.accepts($0, of: nil) }
    }
}
