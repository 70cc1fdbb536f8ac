import Glibc

/// How long the tasks of a group waited, from what each of them did: for a processor (/proc/PID/schedstat), and for disks where the
/// kernel counts that.
///
/// The kernel sees at each moment who waits; from outside only each task's share of an interval is known. Tasks are taken to
/// be independent of each other: some wait unless all do not, and all wait where none runs. For one task that is exact.
struct GroupPressure {
    /// Products over the tasks in this interval.
    private var noneWaits = 1.0
    private var noneRuns = 1.0
    private var allIdle = 1.0
    private var noneWaitsForDisk = 1.0
    private var allIdleButDisk = 1.0
    var cpu = PressureFigures()
    var io = PressureFigures()
    private var exact: (cpu: PressureAverages, io: PressureAverages) = (PressureAverages(), PressureAverages())

    /// A task's part in an interval of `length` nanoseconds; one of several threads stands for each of them.
    mutating func add(ran: UInt64, waited: UInt64, waitedForDisk: UInt64, threads: Int, length: UInt64) {
        let whole = Double(length) * Double(threads)
        func share(_ time: UInt64) -> Double { min(1, Double(time) / whole) }
        let (runs, waits, disk) = (share(ran), share(waited), share(waitedForDisk))
        func each(_ value: Double) -> Double { pow(max(0, value), Double(threads)) }
        noneWaits *= each(1 - waits)
        noneRuns *= each(1 - runs)
        allIdle *= each(1 - runs - waits)
        noneWaitsForDisk *= each(1 - disk)
        allIdleButDisk *= each(1 - runs - disk)
    }

    /// Ends the interval.
    mutating func end(length: UInt64) {
        exact.cpu.add(some: 1 - noneWaits, full: max(0, noneRuns - allIdle), length)
        exact.io.add(some: 1 - noneWaitsForDisk, full: max(0, noneRuns - allIdleButDisk), length)
        (noneWaits, noneRuns, allIdle, noneWaitsForDisk, allIdleButDisk) = (1, 1, 1, 1, 1)
        cpu = exact.cpu.figures
        io = exact.io.figures
    }

    /// Takes up totals that were kept over a restart, in microseconds.
    mutating func restore(_ totals: [UInt64]) {
        guard totals.count == 4 else { return }
        exact.cpu.restore(totals[0], totals[1])
        exact.io.restore(totals[2], totals[3])
        (cpu, io) = (exact.cpu.figures, exact.io.figures)
    }

    var totals: [UInt64] { [cpu.some.total, cpu.full.total, io.some.total, io.full.total] }
}

/// Averages that fade over 10, 60 and 300 seconds, and totals (kernel/sched/psi.c).
private struct PressureAverages {
    private struct Line {
        var averages = SIMD3<Double>()
        /// Nanoseconds.
        var total = 0.0

        mutating func add(_ share: Double, _ length: UInt64) {
            let seconds = Double(length) / 1e9
            for (index, span) in [10.0, 60, 300].enumerated() {
                let fade = exp(-seconds / span)
                averages[index] = averages[index] * fade + share * 10_000 * (1 - fade)
            }
            total += share * Double(length)
        }

        var figures: PressureFigures.Line {
            var line = PressureFigures.Line()
            line.average10 = UInt32(averages[0])
            line.average60 = UInt32(averages[1])
            line.average300 = UInt32(averages[2])
            line.total = UInt64(total / 1000)
            return line
        }
    }
    private var some = Line()
    private var full = Line()

    mutating func add(some someShare: Double, full fullShare: Double, _ length: UInt64) {
        some.add(someShare, length)
        full.add(min(fullShare, someShare), length)
    }

    mutating func restore(_ someTotal: UInt64, _ fullTotal: UInt64) {
        some.total = Double(someTotal) * 1000
        full.total = Double(fullTotal) * 1000
    }

    var figures: PressureFigures {
        var figures = PressureFigures()
        (figures.some, figures.full) = (some.figures, full.figures)
        return figures
    }
}
