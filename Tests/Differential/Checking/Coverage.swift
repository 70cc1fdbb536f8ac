/// How often each call was made, and what it gave on the native side: tells whether the calls drawn reach anything.
public struct Coverage: Sendable, CustomStringConvertible {
    private var results: [String: [String: Int]] = [:]
    private var skipped: Set<String> = []

    mutating func count(_ call: String, _ outcome: Outcome) {
        results[call, default: [:]][outcome.succeeded ? "ok" : errnoName(-outcome.result), default: 0] += 1
    }

    /// Remembers that a call was not made, as it is an accepted deviation.
    mutating func skip(_ call: String) { skipped.insert(call) }

    mutating func add(_ other: Coverage) {
        skipped.formUnion(other.skipped)
        for (call, counts) in other.results {
            results[call, default: [:]].merge(counts, uniquingKeysWith: +)
        }
    }

    /// The calls of the table that were made and never succeeded, or were never made at all.
    public var neverSucceeded: [String] {
        CallTable.rows.map(\.name).filter { name in
            guard let counts = results[name] else { return name != "\(NextEpoch.self)" && !skipped.contains(name) }
            return counts["ok"] == nil
        }
    }

    /// One line a call: how often it was made, the share that succeeded, the errors by frequency.
    public var description: String {
        results.sorted { $0.key < $1.key }.map { call, counts in
            let made = counts.values.reduce(0, +)
            let errors = counts.filter { $0.key != "ok" }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            let share = 100 * counts["ok", default: 0] / made
            return "\(call): \(made), \(share) % ok" + errors.map { ", \($0.key) \($0.value)" }.joined()
        }.joined(separator: "\n")
    }
}
