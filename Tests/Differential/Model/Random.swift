/// The generator of the tests: SplitMix64, so that a seed means the same calls everywhere and for ever.
public struct Random: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// An independent generator for part `index` of the work.
    public init(seed: UInt64, part index: Int) {
        var mixer = Random(seed: seed &+ UInt64(truncatingIfNeeded: index) &* 0xd134_2543_de82_ef95)
        state = mixer.next()
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// True in `percent` of 100 cases.
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

    mutating func pick<T>(_ range: ClosedRange<T>) -> T where T: FixedWidthInteger {
        range.lowerBound + T(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }
}
