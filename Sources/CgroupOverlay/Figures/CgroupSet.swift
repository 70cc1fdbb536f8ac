/// A set of processors or memory nodes, by number, 0..<4096.
public struct CgroupSet: Equatable, Sendable {
    /// Bit N of word N / 64; no zero words at the end, so that equal sets are equal.
    public private(set) var words: [UInt64] = []

    public init() {}

    public init(_ numbers: some Sequence<Int>) { for number in numbers { insert(number) } }

    public var isEmpty: Bool { words.isEmpty }
    public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
    /// The largest number; nil where there is none.
    public var last: Int? { words.last.map { words.count * 64 - 1 - $0.leadingZeroBitCount } }

    public func contains(_ number: Int) -> Bool {
        number >= 0 && number / 64 < words.count && words[number / 64] >> UInt64(number % 64) & 1 == 1
    }

    public mutating func insert(_ number: Int) {
        precondition((0..<4096).contains(number))
        while words.count <= number / 64 { words.append(0) }
        words[number / 64] |= 1 << UInt64(number % 64)
    }

    public func intersection(_ other: CgroupSet) -> CgroupSet {
        var result = CgroupSet()
        result.words = zip(words, other.words).map { $0 & $1 }
        while result.words.last == 0 { result.words.removeLast() }
        return result
    }

    public func isSubset(of other: CgroupSet) -> Bool { intersection(other) == self }

    /// The numbers in ascending order.
    public var numbers: [Int] {
        words.enumerated().flatMap { index, word in
            (0..<64).filter { word >> UInt64($0) & 1 == 1 }.map { index * 64 + $0 }
        }
    }
}
