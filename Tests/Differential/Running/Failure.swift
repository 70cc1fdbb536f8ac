/// A script on which the sides differ, for people to read.
public struct Failure: Error, Sendable, CustomStringConvertible {
    let seed: UInt64
    let script: [Step]
    let difference: Difference
    /// The calls of the sequence before it was made shorter.
    let originalCount: Int

    public var callCount: Int { script.count }

    public var description: String {
        var lines = ["The sides differ: \(summary)"]
        lines += script.enumerated().map { index, step in
            "\(index == difference.step ? ">" : " ") \(pad(index + 1)) \(step)"
        }
        if let path = difference.path { lines.append("afterwards, at \(path):") }
        lines += ["    \(difference.sides.0): \(difference.native)", "    \(difference.sides.1): \(difference.mount)"]
        lines.append(
            "shortened from \(originalCount) calls; STACKFS_SEED=\(seed) draws the same calls again")
        return lines.joined(separator: "\n")
    }

    /// One line.
    public var summary: String {
        func value(_ outcome: Outcome) -> String {
            difference.parts[0] == "result"
                ? (outcome.result < 0 ? errnoName(-outcome.result) : "\(outcome.result)")
                : outcome.details.first { $0.name == difference.parts[0] }.map { "\($0.value)" } ?? "none"
        }
        return "\(difference.call): \(difference.parts.joined(separator: ", ")) "
            + "\(difference.sides.0) \(value(difference.native)), \(difference.sides.1) \(value(difference.mount))"
    }

    private func pad(_ number: Int) -> String {
        let text = "\(number)"
        return String(repeating: " ", count: max(0, 3 - text.count)) + text
    }
}
