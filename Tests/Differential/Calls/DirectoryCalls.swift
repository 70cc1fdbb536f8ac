import CTestCalls
import Glibc

/// Reads an open directory from its start: names, types, and whether d_ino is the inode that stat(2) tells.
struct List: Call {
    let slot: Slot
    let room: Int

    init(using g: inout Generator) {
        slot = g.slot(.directory)
        room = g.random.pick([32768, 32768, 600, 300, 10])
    }

    func run(on stage: Stage) -> Outcome {
        let fd = stage[slot]
        let rewound = Kernel.call(TC_lseek, fd, 0, 0)
        if rewound < 0 { return Outcome(rewound) }
        let (result, entries) = Listing.rest(fd, room: room)
        var outcome = Outcome(result)
        outcome.add("entries", .text(entries.map { describe($0, in: fd) }.sorted().joined(separator: " ")))
        return outcome
    }

    private func describe(_ entry: Listing.Entry, in fd: Int32) -> String {
        var text = "\(entry.name):\(entry.type)"
        var status = tc_statx()
        // The inode of ".." is another file system's at the root of a mount; it lies outside of what is compared.
        if entry.name != Path(".."), Kernel.statx(fd, entry.name, Linux.symlinkNofollow, Linux.timesMask, &status) == 0,
            status.ino != entry.inode
        {
            text += ":another-inode-than-stat"
        }
        return text
    }
}

/// Reads on from where an open directory stands; which names one read brings is the file system's own, so only the result
/// is compared.
struct ReadSomeEntries: Call {
    let slot: Slot

    init(using g: inout Generator) { slot = g.slot(.directory) }

    func run(on stage: Stage) -> Outcome { Outcome(min(Listing.rest(stage[slot]).result, 0)) }
}

/// Reads a directory in pieces while entries come and go, with seekdir(3) back to a place told before.
///
/// No entry that existed throughout may be lost or doubled, and reading on from an old place must bring what it brought.
struct ListWhileChanging: Call {
    let directory: Path
    let entries: Int
    let room: Int
    let seekAfter: Int

    init(using g: inout Generator) {
        directory = g.newPath()
        entries = g.random.pick([3, 30, 30, 100, 250])
        room = g.random.pick([100, 300, 1000, 4096])
        seekAfter = g.random.below(4)
    }

    func run(on stage: Stage) -> Outcome {
        var outcome = Outcome(
            directory.withPointer { Kernel.call(TC_mkdirat, stage.base, $0, 0o777) })
        guard outcome.succeeded else { return outcome }
        let opened = Kernel.openat(stage.base, directory, O_RDONLY | TC_O_DIRECTORY)
        guard opened >= 0 else {
            outcome.add("open", opened)
            return outcome
        }
        let fd = Int32(opened)
        defer {
            removeAll(in: fd)
            Kernel.close(fd)
            outcome.add(
                "rmdir",
                directory.withPointer { Kernel.call(TC_unlinkat, stage.base, $0, Int64(Linux.removeDirectory)) })
        }
        outcome.add("made", (0..<entries).count { make("stays\($0)", in: fd) && make("goes\($0)", in: fd) })
        // btrfs shows an open directory as it was when it was opened or rewound.
        _ = Kernel.call(TC_lseek, fd, 0, Int64(SEEK_SET))
        check(fd, &outcome)
        return outcome
    }

    private func check(_ fd: Int32, _ outcome: inout Outcome) {
        var seen: [Path: Int] = [:]
        var place: Int64 = 0
        var afterPlace: Set<Path> = []
        var chunks = 0
        var removed = 0
        while true {
            let (result, found) = Listing.chunk(fd, room: room)
            if result <= 0 {
                outcome.add("end", result)
                break
            }
            for entry in found { seen[entry.name, default: 0] += 1 }
            if chunks > seekAfter { afterPlace.formUnion(found.map(\.name)) }
            if chunks == seekAfter { place = found.last!.next }
            chunks += 1
            // One more comes, one goes that may or may not have been read already.
            _ = make("new\(chunks)", in: fd)
            if removed < entries {
                _ = Path("goes\(removed)").withPointer { Kernel.call(TC_unlinkat, fd, $0, 0) }
                removed += 1
            }
        }
        let stayed = (0..<entries).map { Path("stays\($0)") }
        outcome.add("lost", stayed.count { seen[$0] == nil })
        outcome.add("doubled", stayed.count { seen[$0, default: 0] > 1 })
        // How many pieces there are is the file system's own; where they were too few the place is the start.
        if chunks <= seekAfter { afterPlace = Set(seen.keys) }
        let sought = Kernel.call(TC_lseek, fd, place, Int64(SEEK_SET))
        outcome.add("seek", sought == place ? 0 : min(sought, -1))
        let again = Set(Listing.rest(fd, room: room).entries.map(\.name))
        outcome.add("lost after seek", stayed.count { afterPlace.contains($0) && !again.contains($0) })
        outcome.add("back after seek", stayed.count { !afterPlace.contains($0) && again.contains($0) })
    }

    private func make(_ name: String, in fd: Int32) -> Bool {
        Path(name).withPointer { Kernel.call(TC_mknodat, fd, $0, Int64(Linux.regular | 0o600)) } == 0
    }

    private func removeAll(in fd: Int32) {
        _ = Kernel.call(TC_lseek, fd, 0, 0)
        for entry in Listing.rest(fd).entries { _ = entry.name.withPointer { Kernel.call(TC_unlinkat, fd, $0, 0) } }
    }
}

/// A chain of directories with long names, deeper than PATH_MAX when walked to its end, made by relative steps; then its end
/// by one long path, and away again.
struct DeepPath: Call {
    let top: Path
    let levels: Int
    let nameLength: Int

    init(using g: inout Generator) {
        top = g.newPath()
        levels = g.random.pick([5, 16, 17, 30])
        nameLength = g.random.pick([10, 200, 255])
    }

    func run(on stage: Stage) -> Outcome {
        let name = Path([UInt8](repeating: UInt8(ascii: "p"), count: nameLength))
        var outcome = Outcome(top.withPointer { Kernel.call(TC_mkdirat, stage.base, $0, 0o777) })
        guard outcome.succeeded else { return outcome }
        var chain = [Kernel.openat(stage.base, top, TC_O_DIRECTORY)]
        while chain.count <= levels, let last = chain.last, last >= 0 {
            let made = name.withPointer { Kernel.call(TC_mkdirat, Int32(last), $0, 0o777) }
            chain.append(made < 0 ? made : Kernel.openat(Int32(last), name, TC_O_DIRECTORY))
        }
        outcome.add("levels", chain.count { $0 >= 0 })
        outcome.add("last", min(chain.last!, 0))
        let path = Path(
            Array([top.bytes] + Array(repeating: name.bytes, count: levels)).joined(separator: [UInt8(ascii: "/")]).map
            { $0 })
        var status = tc_statx()
        outcome.add("stat", Kernel.statx(stage.base, path, 0, Linux.timesMask, &status))
        outcome.add("list", Listing.rest(Int32(truncatingIfNeeded: chain.last!)).result)
        for fd in chain.dropLast().reversed() where fd >= 0 {
            outcome.add(
                "rmdir", name.withPointer { Kernel.call(TC_unlinkat, Int32(fd), $0, Int64(Linux.removeDirectory)) })
        }
        for fd in chain where fd >= 0 { Kernel.close(Int32(fd)) }
        outcome.add("rmdir", top.withPointer { Kernel.call(TC_unlinkat, stage.base, $0, Int64(Linux.removeDirectory)) })
        return outcome
    }
}
