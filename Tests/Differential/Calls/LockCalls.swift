import CTestCalls
import Glibc

/// flock(2) without waiting.
struct LockWhole: Call {
    let slot: Slot
    /// LOCK_SH, LOCK_EX or LOCK_UN.
    let operation: Int32

    init(using g: inout Generator) {
        slot = g.slot(.file, .directory)
        operation = g.random.pick([LOCK_SH, LOCK_EX, LOCK_UN])
    }

    func run(on stage: Stage) -> Outcome {
        Outcome(Kernel.call(TC_flock, stage[slot], Int64(operation | LOCK_NB)))
    }
}

/// fcntl(2) record locks: those of the process (F_SETLK, F_GETLK) and those of the open file (F_OFD_).
struct LockRange: Call {
    let slot: Slot
    let command: Command
    /// F_RDLCK 0, F_WRLCK 1, F_UNLCK 2.
    let type: Int16
    let whence: Int16
    let start: Int64
    let length: Int64

    enum Command: Int64, Sendable {
        case getLock = 5
        case setLock = 6
        case getOpenFileLock = 36
        case setOpenFileLock = 37
    }

    init(using g: inout Generator) {
        slot = g.slot(.file)
        command = g.random.pick([.getLock, .setLock, .setLock, .getOpenFileLock, .setOpenFileLock, .setOpenFileLock])
        type = g.random.pick([0, 1, 1, 2])
        whence = g.random.pick([0, 0, 0, 1, 2])
        start = g.random.chance(95) ? Int64(g.random.below(12)) : g.random.pick([-1, .max, 1 << 62])
        length = g.random.chance(95) ? Int64(g.random.below(8)) : g.random.pick([-3, .max])
    }

    func run(on stage: Stage) -> Outcome {
        var lock = tc_flock(type: type, whence: whence, start: start, len: length, pid: 0)
        var outcome = Outcome(
            withUnsafeMutablePointer(to: &lock) {
                Kernel.call(TC_fcntl, stage[slot], command.rawValue, Kernel.address($0))
            })
        if outcome.succeeded, command == .getLock || command == .getOpenFileLock {
            outcome.add("type", lock.type)
            if lock.type != 2 {
                outcome.add("whence", lock.whence)
                outcome.add("start", lock.start)
                outcome.add("length", lock.len)
                outcome.add(
                    "holder", .text(lock.pid == getpid() ? "this process" : lock.pid == -1 ? "an open file" : "?"))
            }
        }
        return outcome
    }
}
