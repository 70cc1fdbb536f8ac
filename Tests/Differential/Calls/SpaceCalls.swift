import CTestCalls
import Glibc

/// lseek(2) with every `whence`, SEEK_DATA and SEEK_HOLE among them.
struct Seek: Call {
    let slot: Slot
    let offset: Int64
    /// SEEK_SET, CUR, END, DATA, HOLE, and one that does not exist.
    let whence: Int32

    init(using g: inout Generator) {
        slot = g.slot(.file, .file, .directory)
        whence = g.random.pick([SEEK_SET, SEEK_SET, SEEK_CUR, SEEK_END, Linux.seekData, Linux.seekHole, 7])
        offset = whence == SEEK_CUR || whence == SEEK_END ? Int64(g.random.below(9000)) - 4500 : g.offset()
    }

    func run(on stage: Stage) -> Outcome {
        // A directory's offsets are the file system's own: they are not counted with, and of those it tells only whether there is
        // one is comparable.
        var status = tc_statx()
        _ = Kernel.statx(stage[slot], .empty, Linux.emptyPath, 1, &status)
        let isDirectory = status.isDirectory
        let offset = isDirectory && whence == SEEK_CUR ? 0 : offset
        let result = Kernel.call(TC_lseek, stage[slot], offset, Int64(whence))
        return Outcome(isDirectory && whence != SEEK_SET ? min(result, 0) : result)
    }
}

/// truncate(2).
struct Truncate: Call {
    let path: Path
    let length: Int64

    init(using g: inout Generator) {
        path = g.path(.file)
        length = g.offset()
    }

    func run(on stage: Stage) -> Outcome {
        Outcome(stage.fromHere(path) { Kernel.call(TC_truncate, $0, length) })
    }
}

/// ftruncate(2).
struct TruncateOpen: Call {
    let slot: Slot
    let length: Int64

    init(using g: inout Generator) {
        slot = g.slot(.file)
        length = g.offset()
    }

    func run(on stage: Stage) -> Outcome { Outcome(Kernel.call(TC_ftruncate, stage[slot], length)) }
}

/// fallocate(2) in every mode, and in combinations that are none.
struct Allocate: Call {
    let slot: Slot
    let mode: FallocateMode
    let offset: Int64
    let length: Int64

    init(using g: inout Generator) {
        slot = g.slot(.file)
        mode = FallocateMode(
            rawValue: g.random.pick([
                0, 0, 0x01, 0x03, 0x03, 0x08, 0x10, 0x10, 0x11, 0x20, 0x40, 0x41, 0x02, 0x18, 0x80, 0x400,
            ]))
        let aligned = g.random.chance(70)
        offset = aligned ? Int64(g.random.below(16)) * 4096 : Int64(g.random.below(60_000))
        let some = aligned ? Int64(1 + g.random.below(8)) * 4096 : Int64(1 + g.random.below(30_000))
        length = g.random.chance(95) ? some : g.random.pick([0, -1, .max])
    }

    func run(on stage: Stage) -> Outcome {
        Outcome(Kernel.call(TC_fallocate, stage[slot], Int64(mode.rawValue), offset, length))
    }
}

/// copy_file_range(2), also within one file.
struct CopyRange: Call {
    let from: Slot
    let fromOffset: Int64
    let to: Slot
    let toOffset: Int64
    let length: Int64

    var written: Slot? { to }

    init(using g: inout Generator) {
        from = g.slot(.file)
        to = g.slot(.file)
        fromOffset = Int64(g.random.below(20_000))
        toOffset = Int64(g.random.below(60_000))
        length = Int64(g.length())
    }

    func run(on stage: Stage) -> Outcome {
        var offsets = [fromOffset, toOffset]
        let result = offsets.withUnsafeMutableBytes { bytes in
            let address = Kernel.address(bytes.baseAddress!)
            return Kernel.call(
                TC_copy_file_range, Int64(stage[from]), address, Int64(stage[to]), address + 8, length, 0)
        }
        return Outcome(result, offsets.map { Detail(name: "offset", value: .number($0)) })
    }
}

/// splice(2) from a file into a pipe and from the pipe into a file.
struct Splice: Call {
    let from: Slot
    let fromOffset: Int64
    let to: Slot
    let toOffset: Int64
    let length: Int64

    var written: Slot? { to }

    init(using g: inout Generator) {
        from = g.slot(.file)
        to = g.slot(.file)
        fromOffset = Int64(g.random.below(10_000))
        toOffset = Int64(g.random.below(60_000))
        length = Int64(g.random.below(40_000))
    }

    func run(on stage: Stage) -> Outcome {
        var pipe: (Int32, Int32) = (-1, -1)
        let piped = withUnsafeMutablePointer(to: &pipe) { Kernel.call(TC_pipe2, Kernel.address($0), Int64(O_NONBLOCK)) }
        guard piped == 0 else { return Outcome(piped) }
        defer {
            Kernel.close(pipe.0)
            Kernel.close(pipe.1)
        }
        var offsets = [fromOffset, toOffset]
        var outcome = Outcome(0)
        offsets.withUnsafeMutableBytes { bytes in
            let address = Kernel.address(bytes.baseAddress!)
            // One page at most at a time: how much of a longer read is in the page cache, and so what one call brings, is
            // up to read-ahead.
            var moved: Int64 = 0
            while moved < length {
                let taken = Kernel.call(
                    TC_splice, Int64(stage[from]), address, Int64(pipe.1), 0, min(length - moved, 4096), 0)
                if taken <= 0 {
                    outcome.add("in", taken)
                    if moved == 0 { outcome.result = taken }
                    return
                }
                let given = Kernel.call(TC_splice, Int64(pipe.0), 0, Int64(stage[to]), address + 8, taken, 0)
                if given < 0 {
                    outcome.add("out", given)
                    if moved == 0 { outcome.result = given }
                    return
                }
                moved += given
                outcome.result = moved
                if given < taken { return }
            }
        }
        return outcome
    }
}

/// sendfile(2).
struct SendFile: Call {
    let from: Slot
    let offset: Int64?
    let to: Slot
    let length: Int64

    var written: Slot? { to }

    init(using g: inout Generator) {
        from = g.slot(.file)
        to = g.slot(.file)
        offset = g.random.chance(60) ? Int64(g.random.below(10_000)) : nil
        length = Int64(g.random.below(60_000))
    }

    func run(on stage: Stage) -> Outcome {
        guard var offset else {
            return Outcome(Kernel.call(TC_sendfile, Int64(stage[to]), Int64(stage[from]), 0, length))
        }
        let result = withUnsafeMutablePointer(to: &offset) {
            Kernel.call(TC_sendfile, Int64(stage[to]), Int64(stage[from]), Kernel.address($0), length)
        }
        return Outcome(result, [Detail(name: "offset", value: .number(offset))])
    }
}
