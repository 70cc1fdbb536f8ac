import Glibc
import Synchronization
import SystemCalls

/// How many of the threads at /dev/fuse read from it at a time: a few, as long as they are enough.
///
/// A wake-up across processors costs more than twice what the rest of a trip does, and a lone reader is nearly always woken on
/// the processor that its caller is not on. With as many readers as processors the next one is often woken while the last one, on its way
/// back to sleep, still keeps the other processor busy, and then runs where the caller is, which is about to sleep: half the time a trip.
/// More than that stand in each other's way once there are several callers. But a few readers alone would let as many slow requests hold
/// up all others. So the rest wait, and a supervisor looks every few milliseconds: while every reader sits in one and the same
/// request, or is hardly ever without one, it lets in one more; while there are more than are needed, one leaves.
///
/// A request costs its thread two stores. Nothing runs while nobody asks for anything.
final class WorkerGate: @unchecked Sendable {
    /// How often the supervisor looks, in microseconds.
    static var interval: UInt32 { 3_000 }
    /// Looks that decide whether the readers are too few or too many, and looks without a request after which the supervisor sleeps.
    private static var memory: Int { 8 }
    private static var patience: Int { 32 }

    private enum Place: UInt8, AtomicRepresentable {
        case waiting
        case reading
        /// To wait once the next request has been answered.
        case leaving
    }

    /// What one worker and the supervisor say to each other.
    private final class Seat: Sendable {
        /// Even while the worker waits for a request, odd while it serves one.
        let sequence = Atomic<UInt64>(0)
        let place: Atomic<Place>
        let event: Event

        init(_ place: Place) throws(Errno) {
            self.place = Atomic(place)
            event = try Event()
        }

        func admit() {
            place.store(.reading, ordering: .releasing)
            event.signal()
        }
    }

    private let seats: [Seat]
    /// How many read in any case.
    private let least: Int
    private let supervisor: Event
    private let supervisorSleeps = Atomic<Bool>(false)
    private let isOver = Atomic<Bool>(false)

    /// A gate for so many workers, numbered from 0, which ``supervise()`` directs in a thread of its own.
    /// - Parameter least: how many of them read in any case, 1 or more.
    init(workers: Int, least: Int) throws(Errno) {
        self.least = least
        var seats: [Seat] = []
        for index in 0..<workers { seats.append(try Seat(index < least ? .reading : .waiting)) }
        self.seats = seats
        supervisor = try Event()
    }

    // MARK: the workers' side

    /// Returns when a worker may read; false once the connection is over.
    @inline(__always)
    func waitForTurn(_ worker: Int) -> Bool {
        if seats[worker].place.load(ordering: .relaxed) == .reading { return true }
        return waitOutside(seats[worker])
    }

    @inline(never)
    private func waitOutside(_ seat: Seat) -> Bool {
        _ = seat.place.compareExchange(expected: .leaving, desired: .waiting, ordering: .relaxed)
        while seat.place.load(ordering: .acquiring) == .waiting {
            if isOver.load(ordering: .acquiring) { return false }
            seat.event.wait()
        }
        return !isOver.load(ordering: .acquiring)
    }

    /// A worker has read a request.
    @inline(__always)
    func requestBegan(_ worker: Int) {
        // Ordered before the look at the supervisor, who orders falling asleep before its last look at the sequences.
        seats[worker].sequence.add(1, ordering: .sequentiallyConsistent)
        if supervisorSleeps.load(ordering: .sequentiallyConsistent) { wakeSupervisor() }
    }

    /// A worker has answered it.
    @inline(__always)
    func requestEnded(_ worker: Int) { seats[worker].sequence.add(1, ordering: .releasing) }

    @inline(never)
    private func wakeSupervisor() {
        if supervisorSleeps.exchange(false, ordering: .sequentiallyConsistent) { supervisor.signal() }
    }

    /// The connection is over: whoever waits ends.
    func close() {
        isOver.store(true, ordering: .sequentiallyConsistent)
        for seat in seats { seat.event.signal() }
        supervisor.signal()
    }

    // MARK: the supervisor's side

    /// Lets workers in and out until the connection is over.
    func supervise() {
        var seen = [UInt64](repeating: .max, count: seats.count)
        // Bits of the last looks, the newest lowest: all readers were busy; some reader was idle.
        var busy: UInt8 = 0
        var idle: UInt8 = 0
        var quiet = 0
        while !isOver.load(ordering: .acquiring) {
            usleep(Self.interval)
            var readers = 0
            var stuck = 0
            var serving = 0
            var moved = false
            for (index, seat) in seats.enumerated() {
                let sequence = seat.sequence.load(ordering: .acquiring)
                let isServing = sequence & 1 == 1
                if sequence != seen[index] || isServing { moved = true }
                if seat.place.load(ordering: .relaxed) == .reading {
                    readers += 1
                    if isServing { serving += 1 }
                    if isServing, sequence == seen[index] { stuck += 1 }
                }
                seen[index] = sequence
            }
            busy = busy << 1 | (serving == readers ? 1 : 0)
            idle = idle << 1 | (serving < readers ? 1 : 0)
            if stuck == readers || busy.nonzeroBitCount >= Self.memory - 1 {
                (busy, idle) = (0, 0)
                seats.first { $0.place.load(ordering: .relaxed) != .reading }?.admit()
            } else if readers - stuck > least, idle.nonzeroBitCount == Self.memory {
                idle = 0
                seats.last { $0.place.load(ordering: .relaxed) == .reading }?.place.store(.leaving, ordering: .relaxed)
            }
            quiet = moved ? 0 : quiet + 1
            if quiet >= Self.patience { sleep(seen, &quiet) }
        }
    }

    private func sleep(_ seen: [UInt64], _ quiet: inout Int) {
        supervisorSleeps.store(true, ordering: .sequentiallyConsistent)
        let isQuiet = zip(seats, seen).allSatisfy { $0.sequence.load(ordering: .sequentiallyConsistent) == $1 }
        if isQuiet, !isOver.load(ordering: .sequentiallyConsistent) { supervisor.wait() }
        supervisorSleeps.store(false, ordering: .sequentiallyConsistent)
        quiet = 0
    }
}
