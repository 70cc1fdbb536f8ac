import CTestCalls
import Glibc

/// mkdirat(2).
struct MakeDirectory: Call {
    let place: Place
    let mode: Mode

    init(using g: inout Generator) {
        place = g.place(g.newPath())
        mode = g.permissions()
    }

    func run(on stage: Stage) -> Outcome {
        let directory = stage.directory(of: place)
        return Outcome(place.path.withPointer { Kernel.call(TC_mkdirat, directory, $0, Int64(mode.rawValue)) })
    }

    func note(in scene: inout Scene, process: Int) { scene.add(scene.resolve(place, in: process), .directory) }
}

/// mknodat(2) of every type, those that need privilege and those that do not exist among them.
struct MakeNode: Call {
    let place: Place
    let mode: Mode
    let device: Int64

    init(using g: inout Generator) {
        place = g.place(g.newPath())
        let type = g.random.pick([
            Linux.fifo, Linux.fifo, Linux.socket, Linux.regular, Linux.characterDevice, Linux.blockDevice, 0,
            Linux.directory, Linux.symlink,
        ])
        mode = Mode(type | g.permissions().rawValue)
        // The null device and one that no driver stands behind.
        device =
            type == Linux.characterDevice ? g.random.pick([0x103, 0xf007]) : type == Linux.blockDevice ? 0xf007 : 0
    }

    func run(on stage: Stage) -> Outcome {
        let directory = stage.directory(of: place)
        return Outcome(
            place.path.withPointer { Kernel.call(TC_mknodat, directory, $0, Int64(mode.rawValue), device) })
    }

    func note(in scene: inout Scene, process: Int) {
        let type = mode.rawValue & Linux.typeMask
        scene.add(scene.resolve(place, in: process), type == 0 || type == Linux.regular ? .file : .special)
    }
}

/// symlinkat(2).
struct MakeSymlink: Call {
    let target: Path
    let place: Place

    init(using g: inout Generator) {
        place = g.place(g.newPath())
        switch g.random.below(10) {
        case ..<6: target = g.name()
        case ..<8: target = g.existingPath()
        case 8:
            target = Path([UInt8](repeating: UInt8(ascii: "t"), count: g.random.pick([59, 60, 61, 300, 4095, 4096])))
        default: target = g.random.pick([.empty, Path("/"), Path("."), Path(".."), Path("no/such/name")])
        }
    }

    func run(on stage: Stage) -> Outcome {
        let directory = stage.directory(of: place)
        return Outcome(
            target.withPointer { target in
                place.path.withPointer { Kernel.call(TC_symlinkat, target, Int64(directory), $0) }
            })
    }

    func note(in scene: inout Scene, process: Int) { scene.add(scene.resolve(place, in: process), .symlink) }
}

/// readlinkat(2), also into too small a buffer.
struct ReadLink: Call {
    let place: Place
    let room: Int

    init(using g: inout Generator) {
        place = g.place(g.path(.symlink))
        room = g.random.chance(80) ? 5000 : g.random.below(4)
    }

    func run(on stage: Stage) -> Outcome {
        let directory = stage.directory(of: place)
        return Kernel.outcome("target", room) { buffer in
            place.path.withPointer { Kernel.call(TC_readlinkat, directory, $0, buffer, Int64(room)) }
        }
    }
}

/// linkat(2) of a name.
struct Link: Call {
    let old: Place
    let new: Place
    let flags: AtFlags

    init(using g: inout Generator) {
        old = g.place(g.path(.file, .file, .symlink, .special))
        new = g.place(g.newPath())
        flags = AtFlags(rawValue: g.random.chance(30) ? Linux.symlinkFollow : 0)
    }

    func run(on stage: Stage) -> Outcome {
        let (from, to) = (stage.directory(of: old), stage.directory(of: new))
        return Outcome(
            old.path.withPointer { old in
                new.path.withPointer { Kernel.call(TC_linkat, Int64(from), old, Int64(to), $0, Int64(flags.rawValue)) }
            })
    }

    func note(in scene: inout Scene, process: Int) {
        let kind = scene.resolve(old, in: process).flatMap { scene.kind(of: $0) } ?? .file
        scene.add(scene.resolve(new, in: process), kind)
    }
}

/// linkat(2) of an open file, by AT_EMPTY_PATH or by its name in /proc: how a file of O_TMPFILE gets a name.
struct LinkOpen: Call {
    let slot: Slot
    let new: Place
    let throughProc: Bool

    init(using g: inout Generator) {
        slot = g.slot(.file)
        new = g.place(g.newPath())
        throughProc = g.random.chance(60)
    }

    func run(on stage: Stage) -> Outcome {
        let to = Int64(stage.directory(of: new))
        let name = throughProc ? Path("\(stage[slot])") : .empty
        let from = throughProc ? stage.ownDescriptors : stage[slot]
        let flags = throughProc ? Linux.symlinkFollow : Linux.emptyPath
        return Outcome(
            name.withPointer { name in
                new.path.withPointer { Kernel.call(TC_linkat, Int64(from), name, to, $0, Int64(flags)) }
            })
    }

    func note(in scene: inout Scene, process: Int) {
        let path = scene.resolve(new, in: process)
        scene.add(path, .file)
        if let open = scene[process, slot], open.path == nil {
            scene[process, slot] = .init(kind: open.kind, path: path)
        }
    }
}

/// unlinkat(2).
struct Unlink: Call {
    let place: Place

    init(using g: inout Generator) {
        place = g.place(g.random.chance(92) ? g.path(.file, .symlink, .special) : g.path(.directory))
    }

    func run(on stage: Stage) -> Outcome {
        let directory = stage.directory(of: place)
        return Outcome(place.path.withPointer { Kernel.call(TC_unlinkat, directory, $0, 0) })
    }

    func note(in scene: inout Scene, process: Int) { scene.remove(scene.resolve(place, in: process)) }
}

/// unlinkat(2) with AT_REMOVEDIR, also of directories that are open or in use as the start of paths.
struct RemoveDirectory: Call {
    let place: Place

    init(using g: inout Generator) {
        place = g.place(g.random.chance(92) ? g.path(.directory) : g.path())
    }

    func run(on stage: Stage) -> Outcome {
        let directory = stage.directory(of: place)
        return Outcome(place.path.withPointer { Kernel.call(TC_unlinkat, directory, $0, Int64(Linux.removeDirectory)) })
    }

    func note(in scene: inout Scene, process: Int) { scene.remove(scene.resolve(place, in: process)) }
}

/// renameat2(2) with every flag.
struct Rename: Call {
    let old: Place
    let new: Place
    let flags: RenameFlags

    init(using g: inout Generator) {
        flags = RenameFlags(rawValue: g.random.pick([0, 0, 0, 0, 0, 1, 1, 2, 2, 4, 5, 3, 8]))
        old = g.place(g.path())
        let ontoExisting = g.random.chance(flags.rawValue & 2 != 0 ? 85 : 40)
        new = g.place(ontoExisting ? g.path() : g.newPath())
    }

    func run(on stage: Stage) -> Outcome {
        let (from, to) = (Int64(stage.directory(of: old)), Int64(stage.directory(of: new)))
        return Outcome(
            old.path.withPointer { old in
                new.path.withPointer { Kernel.call(TC_renameat2, from, old, to, $0, Int64(flags.rawValue)) }
            })
    }

    func note(in scene: inout Scene, process: Int) {
        let (from, to) = (scene.resolve(old, in: process), scene.resolve(new, in: process))
        if flags.rawValue & 2 != 0 { return scene.exchange(from, to) }
        scene.move(from, to: to)
        if flags.rawValue & 4 != 0 { scene.add(from, .special) }
    }
}
