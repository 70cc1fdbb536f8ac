import StackCore

/// What `-o` lists have set; nil where nothing was said, so that the default can depend on who mounts and what.
struct MountOptions: Sendable {
    /// How requests reach the daemon.
    enum Transport: Sendable { case auto, ring, device }

    /// What keeps the kernel's caches right.
    enum Cache: Equatable, Sendable {
        case auto, watched, none
        case timeToLive(seconds: Double)
    }

    /// Who sees changes behind the mount.
    enum Watcher: String, CaseIterable, Sendable { case auto, ebpf, fanotify, inotify }

    /// Who may use the mount beside the one who mounts it.
    enum Access: Sendable { case owner, root, everybody }

    var cache: Cache?
    var watcher = Watcher.auto
    /// Seconds.
    var entryTimeout: Double?
    var attributeTimeout: Double?
    var negativeTimeout: Double?
    /// Bytes.
    var maxWrite: Int?
    var maxRead: Int?
    var writebackCache = false
    var smallFiles = false
    /// Kinds of locks that the kernel keeps for the mount alone.
    var ownLocks: MirrorOptions.LowerLocks = []
    var passthrough = MirrorOptions.Passthrough.auto
    var transport = Transport.auto
    /// splice_read, splice_write or splice_move was given.
    var splices = false
    var access: Access?
    var readOnly: Bool?
    var devices: Bool?
    var setID: Bool?
    var programs: Bool?
    /// atime or noatime, sync or async: the last one given.
    var accessTimes: String?
    var synchrony: String?
    var directorySync = false
    var fsname: String?
    var subtype: String?
    var nonempty = false
    var autoUnmount = false
    var cloneDescriptor = false
    /// Microseconds.
    var busyPoll = 0
    /// Trees of control groups, in their order, and the size that stat(2) tells of their files.
    var cgroups: [CgroupOption] = []
    var cgroupSize: UInt64 = 0
    /// Limits of control groups are enforced by killing.
    var cgroupEnforce = false
    var threads: Int?

    /// Takes the lists in their order: of a repeated option the last one counts.
    init(lists: [String] = []) throws(Failure) {
        for list in lists {
            for option in Self.split(list) where !option.isEmpty { try apply(option) }
        }
    }

    /// Splits a list at its commas; `\,` is a comma within a value.
    static func split(_ list: String) -> [String] {
        var options = [""]
        var escaped = false
        for scalar in list.unicodeScalars {
            if escaped {
                escaped = false
                if scalar != "," { options[options.count - 1].unicodeScalars.append("\\") }
                if scalar == "\\" {
                    escaped = true
                } else {
                    options[options.count - 1].unicodeScalars.append(scalar)
                }
            } else if scalar == "\\" {
                escaped = true
            } else if scalar == "," {
                options.append("")
            } else {
                options[options.count - 1].unicodeScalars.append(scalar)
            }
        }
        if escaped { options[options.count - 1].unicodeScalars.append("\\") }
        return options
    }

    private mutating func apply(_ option: String) throws(Failure) {
        let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        if MountOption.isGeneric(name) { return }
        guard let row = MountOption.all.first(where: { $0.names.contains(name) }) else {
            let hint = closest(to: name, among: MountOption.all.flatMap(\.names)).map { ": did you mean '\($0)'?" }
            throw .usage("unknown option '\(name)' in -o\(hint ?? "; see 'stackfs --help'")")
        }
        switch (row.value, parts.count) {
        case (nil, 1): try row.apply(&self, name, "")
        case (.some, 2): try row.apply(&self, name, String(parts[1]))
        case (.some(let value), _): throw .usage("option '\(name)' needs a value: \(name)=\(value)")
        default: throw .usage("option '\(name)' takes no value, and '\(parts[1])' was given")
        }
    }

    /// The cache policy of these options.
    /// - Parameters:
    ///   - attrval: what `--attrval` said, in seconds.
    ///   - isWatched: changes behind the mount are reported.
    func cachePolicy(attrval: Double?, isWatched: Bool) -> CachePolicy {
        let mode: CachePolicy.Mode
        switch cache {
        case .some(.none): mode = .none
        case .timeToLive(let seconds): mode = .timeToLive(seconds: seconds)
        case nil, .auto, .watched: mode = isWatched ? .watched : .timeToLive(seconds: 1)
        }
        return CachePolicy(
            mode: mode, entry: entryTimeout ?? attrval, attributes: attributeTimeout ?? attrval,
            negative: negativeTimeout)
    }
}

/// Whole or fractional seconds, 0 to 10^9.
func seconds(_ text: String, of name: String, separator: String = "=") throws(Failure) -> Double {
    guard let value = Double(text), value >= 0, value <= 1e9 else {
        let given = "\(name)\(separator)\(text)"
        throw .usage("\(given) is no time: give seconds, 0 to 1000000000, as in \(name)\(separator)1.5")
    }
    return value
}

/// A whole number within bounds.
func number(_ text: String, of name: String, in range: ClosedRange<Int>) throws(Failure) -> Int {
    guard let value = Int(text), range.contains(value) else {
        throw .usage(
            "\(name)=\(text) is out of range: give a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
}

/// The candidate that a mistyped word most probably means, if there is one: at most two typing errors away, one in short words.
func closest(to word: String, among candidates: [String]) -> String? {
    let limit = word.utf8.count < 5 ? 1 : 2
    let distances = candidates.map { (name: $0, distance: editDistance(word, $0)) }
    return distances.filter { $0.distance <= limit }.min { $0.distance < $1.distance }?.name
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.
func editDistance(_ first: String, _ second: String) -> Int {
    let a = Array(first.utf8)
    let b = Array(second.utf8)
    var rows = [Array(0...b.count)]
    for i in 0..<a.count {
        var row = [i + 1]
        for j in 0..<b.count {
            var best = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
            row.append(best)
        }
        rows.append(row)
    }
    return rows[a.count][b.count]
}
