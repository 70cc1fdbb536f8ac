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
                let processes = try Play.start([arena.mount], clock, sides)
                defer { for process in processes.joined() { process.end() } }
                var generator = Generator(
                    random: Random(seed: seed, part: round * threads + thread), processes: Play.processes)
                for _ in 0..<callsPerSequence {
                    let step = generator.nextStep()
                    if step.call is NextEpoch { continue }
                    let circumstances = Circumstances(sides.dataPath, step: step, on: processes)
                    if Deviations.skips(step.call, circumstances) { continue }
                    if processes[step.process][0].perform(step).succeeded {
                        step.call.note(in: &generator.scene, process: step.process)
                    }
                }
            }
            if let error = errors.first { throw error }
            report.calls += perRound
            progress(report.calls)
            if let difference = sharedDifference(in: arena, clock) {
                report.failures.append(Failure(seed: seed, script: [], difference: difference, originalCount: perRound))
            }
        }
        return report
    }

    /// The first difference between the mount and what lies behind it, that is not an accepted deviation.
    private func sharedDifference(in arena: Arena, _ clock: EpochClock) -> Difference? {
        guard let path = arena.lower else { return nil }
        var lower = Tree(path, clock: clock, stampsAccesses: sides.stampsAccesses)
        var mount = Tree(arena.mount, clock: clock, stampsAccesses: sides.stampsAccesses)
        lower.readTargets()
        mount.readTargets()
        return TreeComparison.differences(("lower", "mount"), lower, mount, raw: true)
            .lazy.compactMap { Deviations.removeAccepted(from: $0, Circumstances(sides.dataPath)) }.first
    }
}
