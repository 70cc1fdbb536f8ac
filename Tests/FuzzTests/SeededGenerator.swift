import Glibc

/// SplitMix64: the same seed gives the same numbers everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    mutating func pick<C: RandomAccessCollection>(_ choices: C) -> C.Element {
        choices[choices.index(choices.startIndex, offsetBy: below(choices.count))]
    }
}

/// How much is run: a bounded run in the suite, longer where the environment asks for it.
struct FuzzBudget {
    /// STACKFS_SEED, or a new one.
    let seed: UInt64
    let requests: Int
    let seconds: Double

    init(requests: Int, seconds: Double) {
        seed = Self.number("STACKFS_SEED") ?? UInt64.random(in: 0...UInt64(UInt32.max))
        if let longer = Self.number("STACKFS_FUZZ_SECONDS") {
            self.requests = .max
            self.seconds = Double(longer)
        } else {
            self.requests = requests
            self.seconds = seconds
        }
    }

    private static func number(_ variable: String) -> UInt64? {
        getenv(variable).flatMap { UInt64(String(cString: $0)) }
    }
}

/// CLOCK_MONOTONIC in seconds.
func monotonicSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}
