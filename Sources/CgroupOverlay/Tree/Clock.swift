import Glibc

/// The time in nanoseconds since 1970.
@Sendable public func realTime() -> Int64 { time(of: CLOCK_REALTIME) }

/// Nanoseconds since the machine began: it never goes back.
func monotonicTime() -> UInt64 { UInt64(time(of: CLOCK_MONOTONIC)) }

/// Nanoseconds that the calling thread has run.
func threadTime() -> UInt64 { UInt64(time(of: CLOCK_THREAD_CPUTIME_ID)) }

private func time(of clock: clockid_t) -> Int64 {
    var now = timespec()
    clock_gettime(clock, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}
