import CTestCalls
import Glibc

/// fsync(2), fdatasync(2), syncfs(2).
struct Sync: Call {
    let slot: Slot
    let kind: Kind

    enum Kind: Sendable { case file, data, fileSystem }

    init(using g: inout Generator) {
        slot = g.slot()
        kind = g.random.pick([.file, .file, .data, .data, .fileSystem])
    }

    func run(on stage: Stage) -> Outcome {
        switch kind {
        case .file: Outcome(Kernel.call(TC_fsync, stage[slot]))
        case .data: Outcome(Kernel.call(TC_fdatasync, stage[slot]))
        case .fileSystem: Outcome(Kernel.call(TC_syncfs, stage[slot]))
        }
    }
}

/// statfs(2) and fstatfs(2): what is constant of a file system. Its type is not compared, as a mount has its own.
struct StatFileSystem: Call {
    let path: Path
    let slot: Slot?

    init(using g: inout Generator) {
        path = g.path()
        slot = g.random.chance(40) ? g.slot() : nil
    }

    func run(on stage: Stage) -> Outcome {
        var status = tc_statfs()
        let result = withUnsafeMutablePointer(to: &status) { status in
            if let slot { return Kernel.call(TC_fstatfs, stage[slot], Kernel.address(status)) }
            return stage.fromHere(path) { Kernel.call(TC_statfs, $0, Kernel.address(status)) }
        }
        var outcome = Outcome(result)
        if outcome.succeeded {
            outcome.add("bsize", status.bsize)
            outcome.add("frsize", status.frsize)
            outcome.add("namelen", status.namelen)
            outcome.add("blocks", status.blocks)
        }
        return outcome
    }
}

/// FS_IOC_GETFLAGS, and FS_IOC_SETFLAGS with one flag set or cleared (append-only, immutable and others).
struct ChangeInodeFlags: Call {
    let slot: Slot
    let flag: InodeFlags
    let set: Bool

    init(using g: inout Generator) {
        slot = g.slot(.file, .directory)
        flag = InodeFlags(rawValue: g.random.pick([0x10, 0x20, 0x20, 0x40, 0x40, 0x80, 0x08]))
        set = g.random.chance(40)
    }

    func run(on stage: Stage) -> Outcome {
        var flags: UInt32 = 0
        let got = withUnsafeMutablePointer(to: &flags) {
            Kernel.call(TC_ioctl, stage[slot], Linux.getFlags, Kernel.address($0))
        }
        var outcome = Outcome(got)
        guard got == 0 else { return outcome }
        outcome.add("flags", .text("0x" + String(flags, radix: 16)))
        flags = set ? flags | flag.rawValue : flags & ~flag.rawValue
        outcome.add(
            "set",
            withUnsafeMutablePointer(to: &flags) {
                Kernel.call(TC_ioctl, stage[slot], Linux.setFlags, Kernel.address($0))
            })
        return outcome
    }
}

/// FS_IOC_FSGETXATTR, and FS_IOC_FSSETXATTR of what was got.
struct ExtendedInodeFlags: Call {
    let slot: Slot

    init(using g: inout Generator) { slot = g.slot(.file, .directory) }

    func run(on stage: Stage) -> Outcome {
        var attributes = tc_fsxattr()
        return withUnsafeMutablePointer(to: &attributes) { pointer in
            let address = Kernel.address(pointer)
            var outcome = Outcome(Kernel.call(TC_ioctl, stage[slot], Linux.fsGetXattr, address))
            guard outcome.succeeded else { return outcome }
            outcome.add("xflags", pointer.pointee.xflags)
            outcome.add("project", pointer.pointee.projid)
            outcome.add("set", Kernel.call(TC_ioctl, stage[slot], Linux.fsSetXattr, address))
            return outcome
        }
    }
}

/// umask(2) of the process.
struct ChangeUmask: Call {
    let mask: Mode

    init(using g: inout Generator) { mask = Mode(g.random.pick([0, 0o022, 0o022, 0o027, 0o077, 0o002, 0o777])) }

    func run(on stage: Stage) -> Outcome {
        Outcome(Kernel.call(TC_umask, Int64(mask.rawValue)))
    }
}

/// Begins an epoch (see ``EpochClock``): later time stamps are told apart from earlier ones. Made once, not on each side.
struct NextEpoch: Call {
    init(using g: inout Generator) {}
    init() {}

    func run(on stage: Stage) -> Outcome { Outcome(0) }
}
