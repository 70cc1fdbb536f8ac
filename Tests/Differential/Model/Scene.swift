/// What a file is, as far as the choice of the next call cares.
enum Kind: Sendable {
    case file, directory, symlink, special
}

/// What the generator believes to exist; it is told of every call that succeeded on the native side.
///
/// It only steers the choice: a wrong belief makes a call more likely to fail, on both sides alike.
struct Scene: Sendable {
    struct Open: Sendable {
        var kind: Kind
        /// Where it was opened; nil for a file without a name.
        var path: Path?
    }

    /// Names in order of creation; an array, as the order of a dictionary would differ from run to run.
    private(set) var names: [(path: Path, kind: Kind)] = []
    private var open: [[Open?]]

    init(processes: Int) {
        open = Array(repeating: Array(repeating: nil, count: Slot.count), count: processes)
    }

    subscript(process: Int, slot: Slot) -> Open? {
        get { open[process][slot.index] }
        set { open[process][slot.index] = newValue }
    }

    /// Names of the files that are open in any process.
    var openFiles: [Path] { open.joined().compactMap { $0?.kind == .file ? $0?.path : nil } }

    /// Extended attributes that were set, the latest last.
    private(set) var xattrs: [(subject: XattrSubject, name: Path)] = []

    mutating func addXattr(_ subject: XattrSubject, _ name: Path) {
        if xattrs.count == 12 { xattrs.removeFirst() }
        xattrs.append((subject, name))
    }

    /// The path from the sequence's directory; nil when it starts at a directory whose name is not known.
    func resolve(_ place: Place, in process: Int) -> Path? {
        guard let slot = place.directory else { return place.path }
        return self[process, slot]?.path.map { $0.appending(place.path) }
    }

    func kind(of path: Path) -> Kind? {
        path == .here ? .directory : names.last { $0.path == path }?.kind
    }

    mutating func add(_ path: Path?, _ kind: Kind) {
        guard let path, !path.bytes.isEmpty, path != .here else { return }
        names.removeAll { $0.path == path }
        names.append((path, kind))
    }

    mutating func remove(_ path: Path?) {
        guard let path else { return }
        names.removeAll { $0.path == path || $0.path.below(path) != nil }
    }

    mutating func move(_ old: Path?, to new: Path?) {
        guard let old, let new, old != new else { return }
        let moved = names.filter { $0.path == old || $0.path.below(old) != nil }
        remove(old)
        remove(new)
        names += moved.map { ($0.path == old ? new : new.appending($0.path.below(old)!), $0.kind) }
    }

    mutating func exchange(_ first: Path?, _ second: Path?) {
        guard let first, let second else { return }
        let aside = Path("\u{1}")
        move(first, to: aside)
        move(second, to: first)
        move(aside, to: second)
    }
}
