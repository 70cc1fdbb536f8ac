import CTestCalls
import Glibc

/// Attributes as both sides must show them.
enum Attributes {
    static func add(_ status: tc_statx, to outcome: inout Outcome, on stage: Stage) {
        add(status, to: &outcome, clock: stage.clock, accesses: stage.stampsAccesses)
    }

    static func add(_ status: tc_statx, to outcome: inout Outcome, clock: EpochClock, accesses: Bool) {
        let mode = UInt32(status.mode)
        outcome.add("mode", .octal(mode))
        outcome.add("nlink", status.nlink)
        outcome.add("uid", status.uid)
        outcome.add("gid", status.gid)
        outcome.add("size", Int64(bitPattern: status.size))
        outcome.add("rdev", UInt64(status.rdev_major) << 32 | UInt64(status.rdev_minor))
        outcome.add("mtime", clock.canonical(status.mtime))
        outcome.add("ctime", clock.canonical(status.ctime))
        if accesses { outcome.add("atime", clock.canonical(status.atime)) }
        outcome.add("btime", status.mask & 0x800 != 0 ? clock.canonical(status.btime) : .text("absent"))
    }
}

/// statx(2) by name, and by descriptor with AT_EMPTY_PATH.
struct Stat: Call {
    let place: Place
    let flags: AtFlags

    init(using g: inout Generator) {
        let follow = g.random.chance(40) ? 0 : Linux.symlinkNofollow
        place = g.place(g.path())
        flags = AtFlags(rawValue: follow | (g.random.chance(10) ? Linux.forceSync : 0))
    }

    func run(on stage: Stage) -> Outcome {
        var status = tc_statx()
        var outcome = Outcome(
            Kernel.statx(stage.directory(of: place), place.path, flags.rawValue, Linux.timesMask, &status))
        if outcome.succeeded { Attributes.add(status, to: &outcome, on: stage) }
        return outcome
    }
}

/// statx(2) of an open file.
struct StatOpen: Call {
    let slot: Slot

    init(using g: inout Generator) { slot = g.slot() }

    func run(on stage: Stage) -> Outcome {
        var status = tc_statx()
        var outcome = Outcome(Kernel.statx(stage[slot], .empty, Linux.emptyPath, Linux.timesMask, &status))
        if outcome.succeeded { Attributes.add(status, to: &outcome, on: stage) }
        return outcome
    }
}

/// Whether two names, or a name and an open file, are the same inode.
struct SameFile: Call {
    let first: Place
    let second: Place
    let slot: Slot

    init(using g: inout Generator) {
        first = g.place(g.path())
        second = g.place(g.path())
        slot = g.slot()
    }

    func run(on stage: Stage) -> Outcome {
        var statuses = [tc_statx(), tc_statx(), tc_statx()]
        let results = [
            Kernel.statx(stage.directory(of: first), first.path, 0, Linux.timesMask, &statuses[0]),
            Kernel.statx(stage.directory(of: second), second.path, 0, Linux.timesMask, &statuses[1]),
            Kernel.statx(stage[slot], .empty, Linux.emptyPath, Linux.timesMask, &statuses[2]),
        ]
        var outcome = Outcome(0)
        for result in results { outcome.add("result", result) }
        for (a, b) in [(0, 1), (0, 2), (1, 2)] where results[a] == 0 && results[b] == 0 {
            let same = statuses[a].ino == statuses[b].ino && statuses[a].dev_minor == statuses[b].dev_minor
            outcome.add("same", same ? 1 : 0)
        }
        return outcome
    }
}

/// fchmodat(2) of a name, fchmod(2) of an open file.
struct ChangeMode: Call {
    let place: Place
    let slot: Slot?
    let mode: Mode

    init(using g: inout Generator) {
        place = g.place(g.path())
        slot = g.random.chance(30) ? g.slot(.file) : nil
        mode = g.permissions()
    }

    func run(on stage: Stage) -> Outcome {
        if let slot { return Outcome(Kernel.call(TC_fchmod, stage[slot], Int64(mode.rawValue))) }
        let directory = stage.directory(of: place)
        return Outcome(place.path.withPointer { Kernel.call(TC_fchmodat, directory, $0, Int64(mode.rawValue)) })
    }
}

/// fchownat(2) of a name, fchown(2) of an open file, with each id given or left (-1).
struct ChangeOwner: Call {
    let place: Place
    let slot: Slot?
    let uid: Int64
    let gid: Int64
    let flags: AtFlags

    init(using g: inout Generator) {
        place = g.place(g.path())
        slot = g.random.chance(30) ? g.slot(.file) : nil
        uid = g.random.pick([-1, -1, 0, 1000, 1001])
        gid = g.random.pick([-1, -1, 0, 1000, 1001])
        flags = AtFlags(rawValue: g.random.chance(50) ? Linux.symlinkNofollow : 0)
    }

    func run(on stage: Stage) -> Outcome {
        if let slot { return Outcome(Kernel.call(TC_fchown, stage[slot], uid, gid)) }
        let directory = Int64(stage.directory(of: place))
        return Outcome(
            place.path.withPointer { Kernel.call(TC_fchownat, directory, $0, uid, gid, Int64(flags.rawValue)) })
    }
}

/// utimensat(2): each time exact to the nanosecond, UTIME_NOW or UTIME_OMIT; by name or of an open file.
struct SetTimes: Call {
    let place: Place
    let slot: Slot?
    let access: Time
    let modification: Time
    let flags: AtFlags

    enum Time: Sendable, CustomStringConvertible {
        case now, omit
        case exact(Int64, Int64)

        var value: tc_time {
            switch self {
            case .now: tc_time(sec: 0, nsec: Linux.utimeNow)
            case .omit: tc_time(sec: 0, nsec: Linux.utimeOmit)
            case .exact(let seconds, let nanoseconds): tc_time(sec: seconds, nsec: nanoseconds)
            }
        }

        var description: String {
            switch self {
            case .now: "UTIME_NOW"
            case .omit: "UTIME_OMIT"
            case .exact(let seconds, let nanoseconds): "\(seconds).\(nanoseconds)"
            }
        }
    }

    private static func draw(_ g: inout Generator) -> Time {
        switch g.random.below(10) {
        case ..<2: .now
        case ..<4: .omit
        case ..<8: .exact(Int64(900_000_000 + g.random.below(100_000_000)), Int64(g.random.below(1_000_000_000)))
        default:
            // Before 1970, at 0, around 2038, beyond what ext4 can store, and no valid number of nanoseconds.
            g.random.pick([
                .exact(-1, 0), .exact(-1_000_000, 5), .exact(0, 0), .exact(2_147_483_648, 1), .exact(15_032_385_536, 0),
                .exact(100_000_000_000, 7), .exact(1_000_000_000, 1_000_000_000), .exact(-5_000_000_000, 0),
            ])
        }
    }

    init(using g: inout Generator) {
        place = g.place(g.path())
        slot = g.random.chance(30) ? g.slot(.file) : nil
        access = Self.draw(&g)
        modification = Self.draw(&g)
        flags = AtFlags(rawValue: g.random.chance(40) ? Linux.symlinkNofollow : 0)
    }

    func run(on stage: Stage) -> Outcome {
        let times = [access.value, modification.value]
        return Outcome(
            times.withUnsafeBytes { bytes in
                let times = Kernel.address(bytes.baseAddress!)
                if let slot { return Kernel.call(TC_utimensat, stage[slot], 0, times) }
                let directory = Int64(stage.directory(of: place))
                return place.path.withPointer {
                    Kernel.call(TC_utimensat, directory, $0, times, Int64(flags.rawValue))
                }
            })
    }
}

/// faccessat(2), which asks for the real ids, and faccessat2(2) with AT_EACCESS and AT_SYMLINK_NOFOLLOW.
struct Access: Call {
    let place: Place
    let mode: Int64
    /// AT_EACCESS prints as 0x200.
    let flags: AtFlags

    init(using g: inout Generator) {
        place = g.place(g.path())
        mode = Int64(g.random.below(9))  // 8 is no mode
        let effective = g.random.chance(40) ? Linux.effectiveAccess : 0
        flags = AtFlags(rawValue: effective | (g.random.chance(20) ? Linux.symlinkNofollow : 0))
    }

    func run(on stage: Stage) -> Outcome {
        let directory = stage.directory(of: place)
        return Outcome(
            place.path.withPointer {
                flags.rawValue == 0
                    ? Kernel.call(TC_faccessat, directory, $0, mode)
                    : Kernel.call(TC_faccessat2, directory, $0, mode, Int64(flags.rawValue))
            })
    }
}
