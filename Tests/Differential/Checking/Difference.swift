/// Where the two sides gave different answers.
public struct Difference: Error, Sendable {
    /// The step of the script; nil when the trees differ after all of them.
    let step: Int?
    /// The name of the call, or which trees differ.
    let call: String
    /// What differs: "result", or names of details.
    private(set) var parts: [String]
    let native: Outcome
    let mount: Outcome
    /// The path, for a difference of trees.
    let path: String?
    /// What the two are called.
    let sides: (String, String)

    init?(
        step: Int?, call: String, native: Outcome, mount: Outcome, path: String? = nil,
        sides: (String, String) = ("native", "mount")
    ) {
        let parts = native.parts(differingFrom: mount)
        if parts.isEmpty { return nil }
        self.step = step
        self.call = call
        self.parts = parts
        self.native = native
        self.mount = mount
        self.path = path
        self.sides = sides
    }

    /// What a shorter script must show to count as showing the same.
    var signature: String { signature(of: parts[0]) }

    /// One signature for each part that differs.
    var signatures: [String] { parts.map(signature(of:)) }

    private func signature(of part: String) -> String {
        part == "result" && (native.result < 0 || mount.result < 0)
            ? "\(call) result \(min(native.result, 0)) \(min(mount.result, 0))" : "\(call) \(part)"
    }

    /// Whether both sides show a file of the type (S_IFMT of its mode).
    func isOf(_ type: UInt32) -> Bool {
        [native, mount].allSatisfy { outcome in
            outcome.details.contains {
                guard $0.name == "mode", case .octal(let mode) = $0.value else { return false }
                return mode & Linux.typeMask == type
            }
        }
    }

    /// Whether what exists differs from now on, so that later differences tell nothing new.
    var diverges: Bool { step != nil && (parts[0] == "result" || parts[0] == "details") }

    /// The same without the parts that are known; nil when nothing is left.
    func without(_ known: Set<String>) -> Difference? { keeping { !known.contains(signature(of: $0)) } }

    /// The same with only those parts that `keep` names; nil when nothing is left.
    func keeping(_ keep: (String) -> Bool) -> Difference? {
        var rest = self
        rest.parts = parts.filter(keep)
        return rest.parts.isEmpty ? nil : rest
    }
}

/// Holds trees against each other.
enum TreeComparison {
    /// - Parameter raw: whether the trees are of the same files, so that times, inode numbers and blocks are equal too.
    static func differences(_ sides: (String, String), _ first: Tree, _ second: Tree, raw: Bool = false) -> [Difference]
    {
        var differences: [Difference] = []
        func note(_ a: Outcome, _ b: Outcome, _ path: Path) {
            let difference = Difference(
                step: nil, call: "\(sides.0) tree and \(sides.1) tree", native: a, mount: b, path: path.description,
                sides: sides)
            if let difference { differences.append(difference) }
        }
        func facts(_ entry: Tree.Entry) -> Outcome {
            Outcome(entry.facts.result, entry.facts.details + (raw ? entry.raw : []))
        }
        func exists(_ yes: Int64) -> Outcome { Outcome(0, [Detail(name: "exists", value: .number(yes))]) }
        var (i, j) = (0, 0)
        while i < first.entries.count || j < second.entries.count {
            let a = i < first.entries.count ? first.entries[i] : nil
            let b = j < second.entries.count ? second.entries[j] : nil
            if let a, let b, a.path == b.path {
                note(facts(a), facts(b), a.path)
                (i, j) = (i + 1, j + 1)
            } else if let a, b.map({ precedes(a.path, $0.path) }) ?? true {
                note(exists(1), exists(0), a.path)
                i += 1
            } else if let b {
                note(exists(0), exists(1), b.path)
                j += 1
            }
        }
        return differences
    }

    /// The order of ``Tree``: names in the order of their bytes, a directory before what lies in it.
    private static func precedes(_ a: Path, _ b: Path) -> Bool {
        let slash = UInt8(ascii: "/")
        return a.bytes.split(separator: slash).lexicographicallyPrecedes(b.bytes.split(separator: slash)) {
            $0.lexicographicallyPrecedes($1)
        }
    }
}
