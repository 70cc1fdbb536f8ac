/// Makes a script that shows a difference as short as it gets (delta debugging: Zeller and Hildebrandt, 2002).
struct Shrinker {
    /// Runs a script in fresh directories and gives the difference it shows.
    let replay: ([Step]) throws -> Difference?
    /// At most so many runs.
    var budget = 600

    /// - Returns: a script of which no single call can be left out (unless the budget ended first), and what it shows.
    func shrink(_ script: [Step], showing difference: Difference) throws -> (script: [Step], difference: Difference) {
        var best = (script: cut(script, after: difference), difference: difference)
        var runs = 0
        func attempt(_ candidate: [Step]) throws -> Bool {
            runs += 1
            guard let shown = try replay(candidate), shown.signature == difference.signature else { return false }
            best = (cut(candidate, after: shown), shown)
            return true
        }
        // A difference that does not come again is reported as it was.
        guard try attempt(best.script) else { return best }
        var parts = 2
        while best.script.count > 1, runs < budget {
            let size = (best.script.count + parts - 1) / parts
            var shorter = false
            var start = 0
            while start < best.script.count, runs < budget {
                let end = min(start + size, best.script.count)
                let rest = Array(best.script[..<start] + best.script[end...])
                if try !rest.isEmpty && attempt(rest) { shorter = true } else { start = end }
            }
            if shorter {
                parts = max(parts - 1, 2)
            } else if size == 1 {
                break
            } else {
                parts = min(parts * 2, best.script.count)
            }
        }
        return best
    }

    private func cut(_ script: [Step], after difference: Difference) -> [Step] {
        difference.step.map { Array(script[...min($0, script.count - 1)]) } ?? script
    }
}
