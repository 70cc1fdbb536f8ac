/// Draws calls and their arguments: mostly such that succeed, in part such that fail in every way.
struct Generator: Sendable {
    var random: Random
    var scene: Scene
    /// The process and the user that the call being drawn belongs to.
    var process = 0
    var user = User.root
    /// How many calls this user and process go on for.
    var callsLeft = 0

    init(random: Random, processes: Int) {
        self.random = random
        scene = Scene(processes: processes)
    }

    // MARK: names

    /// Few names, so that calls meet each other.
    private static let common = ["a", "b", "c", "d", "e", "f", "g.txt", "h"].map { Path($0) }

    private static let unusual: [Path] = [
        Path([UInt8](repeating: UInt8(ascii: "n"), count: 255)),
        Path([UInt8](repeating: UInt8(ascii: "m"), count: 256)),
        Path([0xff, 0xfe, 0x01]), Path("line\nbreak"), Path("späce and ünicode"),
        Path([0x80] + [UInt8](repeating: 0xc3, count: 254)),
        Path(" "), Path("-rf"), Path("..."), Path("a\\b\"c"), Path(".fuse_hidden0000"), Path(".hidden"), Path([0x7f]),
        Path("~"),
    ]

    mutating func name() -> Path { random.chance(90) ? random.pick(Self.common) : random.pick(Self.unusual) }

    /// A name that may or may not exist, in a directory that does.
    mutating func anyPath() -> Path { directoryPath().appending(name()) }

    mutating func directoryPath() -> Path {
        let directories = scene.names.filter { $0.kind == .directory && $0.path.depth < 6 }
        return directories.isEmpty || random.chance(30) ? .here : random.pick(directories).path
    }

    /// Something that exists, of one of the kinds given (of any kind when none exists).
    mutating func existingPath(_ kinds: Kind...) -> Path {
        let fitting = kinds.isEmpty ? scene.names : scene.names.filter { kinds.contains($0.kind) }
        if !fitting.isEmpty { return random.pick(fitting).path }
        return anyPath()
    }

    /// Paths that fail in ways of their own.
    private mutating func oddPath() -> Path {
        let existing = existingPath()
        switch random.below(8) {
        case 0: return .empty
        case 1: return Path(existing.bytes + [UInt8(ascii: "/")])
        case 2: return existing.appending(name())
        case 3: return Path(existing.bytes + Array("/..".utf8)).appending(name())
        case 4: return Path(existing.bytes + Array("/.".utf8))
        case 5: return existing.appending(Path([UInt8](repeating: UInt8(ascii: "x"), count: 256)))
        case 6: return Path(Array(repeating: Array("./".utf8), count: 2046).joined() + name().bytes)
        default: return Path(Array(repeating: Array("./".utf8), count: 2048).joined() + name().bytes)
        }
    }

    /// A path for a call that reads or changes something: mostly an existing one.
    mutating func path(_ kinds: Kind...) -> Path {
        switch random.below(100) {
        case ..<80:
            let fitting = scene.names.filter { kinds.isEmpty || kinds.contains($0.kind) }
            return fitting.isEmpty ? anyPath() : random.pick(fitting).path
        case ..<94: return anyPath()
        default: return oddPath()
        }
    }

    /// A path for a call that makes a name: mostly a free one.
    mutating func newPath() -> Path {
        for _ in 0..<3 where random.chance(85) {
            let path = anyPath()
            if scene.kind(of: path) == nil { return path }
        }
        return random.chance(15) ? oddPath() : anyPath()
    }

    /// The same path, now and then as seen from an open directory above it.
    mutating func place(_ path: Path) -> Place {
        guard random.chance(30) else { return Place(path) }
        let above = (0..<Slot.count).map(Slot.init(index:)).filter { slot in
            guard let open = scene[process, slot], open.kind == .directory, let directory = open.path else {
                return false
            }
            return path.below(directory) != nil
        }
        guard !above.isEmpty else {
            return random.chance(5) ? Place(path, in: Slot(index: random.below(Slot.count))) : Place(path)
        }
        let slot = random.pick(above)
        return Place(path.below(scene[process, slot]!.path!)!, in: slot)
    }

    // MARK: open files

    /// A slot with something of the kind in it, mostly.
    mutating func slot(_ kinds: Kind...) -> Slot {
        let fitting = (0..<Slot.count).map(Slot.init(index:)).filter { slot in
            scene[process, slot].map { kinds.isEmpty || kinds.contains($0.kind) } ?? false
        }
        return fitting.isEmpty || random.chance(4) ? Slot(index: random.below(Slot.count)) : random.pick(fitting)
    }

    /// Whether the process has something of the kind open.
    func hasOpen(_ kind: Kind) -> Bool {
        (0..<Slot.count).contains { scene[process, Slot(index: $0)]?.kind == kind }
    }

    /// A file that some process has open: locks and mappings meet there.
    mutating func openPath() -> Path? {
        let open = scene.openFiles
        return open.isEmpty ? nil : random.pick(open)
    }

    /// A slot to open into: a free one, mostly.
    mutating func target() -> Slot {
        let free = (0..<Slot.count).map(Slot.init(index:)).filter { scene[process, $0] == nil }
        return free.isEmpty || random.chance(10) ? Slot(index: random.below(Slot.count)) : random.pick(free)
    }

    // MARK: numbers

    mutating func offset() -> Int64 {
        switch random.below(100) {
        case ..<30: Int64(random.below(16))
        case ..<55: Int64(random.below(16)) * 4096
        case ..<80: Int64(random.below(70_000))
        case ..<92: Int64(random.below(1 << 20))
        case ..<97: Int64(random.below(1 << 16)) << 17  // up to 8 GiB
        default: random.pick([-1, .min, .max, 1 << 62, (1 << 44) - 4096, 1 << 44, 1 << 32, (1 << 31) - 1])
        }
    }

    mutating func length() -> Int {
        switch random.below(100) {
        case ..<5: 0
        case ..<45: random.below(200)
        case ..<65: (1 + random.below(8)) * 4096
        case ..<90: random.below(9000)
        default: random.below(140_000)
        }
    }

    mutating func pattern() -> Pattern { Pattern(seed: UInt8(truncatingIfNeeded: random.next()) | 1, count: length()) }

    mutating func permissions() -> Mode {
        random.chance(60)
            ? Mode(random.pick([0o644, 0o755, 0o666, 0o777, 0o600, 0o700, 0o664, 0o775]))
            : Mode(
                random.pick([
                    0, 0o111, 0o222, 0o444, 0o4755, 0o2755, 0o2745, 0o6777, 0o1777, 0o2777, 0o7777, 0o4711, 0o070,
                ]))
    }
}
