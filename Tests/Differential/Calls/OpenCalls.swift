import CTestCalls
import Glibc

/// openat(2) of a name. O_NONBLOCK always: a FIFO without a peer would block for ever.
struct Open: Call {
    let place: Place
    let flags: OpenFlags
    let mode: Mode
    let into: Slot

    var opened: Slot? { into }

    init(using g: inout Generator) {
        var flags = g.random.pick([O_RDONLY, O_RDWR, O_RDWR, O_RDWR, O_WRONLY]) | O_NONBLOCK
        let creates = g.random.chance(45)
        if creates { flags |= O_CREAT }
        let rare: [(percent: Int, flag: Int32)] = [
            (creates ? 25 : 2, O_EXCL), (12, O_TRUNC), (12, O_APPEND), (4, TC_O_DIRECTORY), (8, TC_O_NOFOLLOW),
            (4, TC_O_DIRECT), (3, TC_O_SYNC), (2, TC_O_DSYNC), (4, TC_O_PATH), (2, TC_O_NOATIME),
        ]
        for (percent, flag) in rare where g.random.chance(percent) { flags |= flag }
        self.flags = OpenFlags(rawValue: flags)
        let again = g.random.chance(20) ? g.openPath() : nil
        let path = again ?? (creates && g.random.chance(60) ? g.newPath() : g.path(.file, .file, .file, .symlink))
        place = g.place(path)
        mode = g.permissions()
        into = g.target()
    }

    func run(on stage: Stage) -> Outcome {
        Outcome(
            stage.install(into) { Kernel.openat(stage.directory(of: place), place.path, flags.rawValue, mode.rawValue) }
        )
    }

    func note(in scene: inout Scene, process: Int) {
        let path = scene.resolve(place, in: process)
        let known = path.flatMap { scene.kind(of: $0) }
        if flags.rawValue & O_CREAT != 0, known == nil { scene.add(path, .file) }
        scene[process, into] = .init(kind: known ?? .file, path: path)
    }
}

/// openat(2) of a directory, for reading it or as the start of other paths.
struct OpenDirectory: Call {
    let place: Place
    let flags: OpenFlags
    let into: Slot

    init(using g: inout Generator) {
        place = g.place(g.random.chance(15) ? .here : g.path(.directory))
        let path = g.random.chance(15) ? TC_O_PATH : 0
        let follow = g.random.chance(20) ? TC_O_NOFOLLOW : 0
        flags = OpenFlags(rawValue: O_RDONLY | TC_O_DIRECTORY | path | follow)
        into = g.target()
    }

    func run(on stage: Stage) -> Outcome {
        Outcome(stage.install(into) { Kernel.openat(stage.directory(of: place), place.path, flags.rawValue) })
    }

    func note(in scene: inout Scene, process: Int) {
        scene[process, into] = .init(kind: .directory, path: scene.resolve(place, in: process))
    }
}

/// open(2) with O_TMPFILE.
struct OpenTemporary: Call {
    let place: Place
    let flags: OpenFlags
    let mode: Mode
    let into: Slot

    var opened: Slot? { into }

    init(using g: inout Generator) {
        place = g.place(g.random.chance(90) ? g.directoryPath() : g.path())
        let access = g.random.pick([O_RDWR, O_RDWR, O_WRONLY, O_RDONLY])
        flags = OpenFlags(rawValue: TC_O_TMPFILE | access | (g.random.chance(20) ? O_EXCL : 0))
        mode = g.permissions()
        into = g.target()
    }

    func run(on stage: Stage) -> Outcome {
        Outcome(
            stage.install(into) { Kernel.openat(stage.directory(of: place), place.path, flags.rawValue, mode.rawValue) }
        )
    }

    func note(in scene: inout Scene, process: Int) { scene[process, into] = .init(kind: .file, path: nil) }
}

/// close(2).
struct Close: Call {
    let slot: Slot

    init(using g: inout Generator) { slot = g.slot() }

    func run(on stage: Stage) -> Outcome { Outcome(stage.close(slot)) }

    func note(in scene: inout Scene, process: Int) { scene[process, slot] = nil }
}

/// dup(2): both slots share one open file, its offset and its locks.
struct Duplicate: Call {
    let slot: Slot
    let into: Slot

    init(using g: inout Generator) {
        slot = g.slot()
        into = g.target()
    }

    func run(on stage: Stage) -> Outcome {
        if slot == into { return Outcome(-Int64(EINVAL)) }
        return Outcome(stage.install(into) { Kernel.call(TC_fcntl, stage[slot], Int64(F_DUPFD)) })
    }

    func note(in scene: inout Scene, process: Int) {
        let duplicated = scene[process, slot]
        scene[process, into] = duplicated
    }
}

/// fcntl(2) F_SETFL and F_GETFL: O_APPEND and O_NOATIME of an open file; O_DIRECT stays as it is.
struct ChangeStatusFlags: Call {
    let slot: Slot
    let flags: OpenFlags

    init(using g: inout Generator) {
        slot = g.slot(.file)
        flags = OpenFlags(rawValue: O_NONBLOCK | g.random.pick([0, O_APPEND, O_APPEND, TC_O_NOATIME]))
    }

    func run(on stage: Stage) -> Outcome { StatusFlags.set(stage[slot]) { ($0 & TC_O_DIRECT) | flags.rawValue } }
}

/// fcntl(2) F_SETFL with O_DIRECT set or cleared.
struct SwitchDirect: Call {
    let slot: Slot
    let on: Bool

    init(using g: inout Generator) {
        slot = g.slot(.file)
        on = g.random.chance(50)
    }

    func run(on stage: Stage) -> Outcome {
        StatusFlags.set(stage[slot]) { on ? $0 | TC_O_DIRECT : $0 & ~TC_O_DIRECT }
    }
}

private enum StatusFlags {
    static func set(_ fd: Int32, _ change: (Int32) -> Int32) -> Outcome {
        let before = Kernel.call(TC_fcntl, fd, Int64(F_GETFL))
        var outcome = Outcome(Kernel.call(TC_fcntl, fd, Int64(F_SETFL), Int64(change(Int32(max(before, 0))))))
        let after = Kernel.call(TC_fcntl, fd, Int64(F_GETFL))
        outcome.add("flags", .text(after < 0 ? errnoName(-after) : OpenFlags(rawValue: Int32(after)).description))
        return outcome
    }
}
