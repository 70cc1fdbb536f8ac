import CTestCalls

/// Makes time stamps of two sides comparable without comparing clocks.
///
/// A run is cut into epochs by pauses that outlast the kernel's clock tick. A stamp taken in epoch *n* on one side must be
/// of epoch *n* on the other side too; a stamp that was set explicitly lies far from now and must be equal to the nanosecond.
final class EpochClock: @unchecked Sendable {
    /// When each epoch began; nanoseconds since 1970.
    private var starts: [Int64] = []

    init() { begin() }

    /// Begins an epoch: waits until no stamp from now on can equal an earlier one.
    ///
    /// Inodes are stamped with the tick's time (CLOCK_REALTIME_COARSE), or with the exact time where someone looked at the
    /// stamp within the tick; neither is later than CLOCK_REALTIME, so the first tick beyond it separates.
    func begin() {
        let past = Kernel.time(Linux.clockRealtime)
        var tick = Kernel.time(Linux.clockRealtimeCoarse)
        while tick <= past {
            sleepMicroseconds(500)
            tick = Kernel.time(Linux.clockRealtimeCoarse)
        }
        starts.append(tick)
    }

    /// How many epochs have begun.
    var count: Int { starts.count }

    /// `time` without the clock: the epoch it lies in, or itself where it was set explicitly.
    func canonical(_ time: tc_statx_time) -> Detail.Value {
        let hundredDays: Int64 = 100 * 86_400
        guard abs(time.sec - starts[0] / 1_000_000_000) < hundredDays else {
            return .text("\(time.sec).\(time.nsec)")
        }
        let nanoseconds = time.sec * 1_000_000_000 + Int64(time.nsec)
        return .text("epoch \(starts.count { $0 <= nanoseconds })")
    }
}
