import Synchronization

/// Counts, errors and latencies by operation, kept by one worker without locks and merged on reading.
///
/// The counters are plain memory with relaxed atomic access: a reader may see a request counted whose latency is not yet.
public final class Statistics: @unchecked Sendable {
    /// Latency buckets: bucket N counts requests of 2^N to 2^(N+1) nanoseconds.
    public static let buckets = 40

    private static let wordsPerOperation = 2 + buckets
    private let words: UnsafeMutablePointer<UInt64>

    init() {
        let count = Opcode.tableSize * Self.wordsPerOperation
        words = .allocate(capacity: count)
        words.initialize(repeating: 0, count: count)
    }

    deinit { words.deallocate() }

    private func counter(_ opcode: UInt32, _ field: Int) -> UnsafeMutablePointer<Atomic<UInt64>>? {
        // Codes that the protocol does not know are counted together, under 0.
        let index = opcode < UInt32(Opcode.tableSize) ? Int(opcode) : 0
        return UnsafeMutableRawPointer(words + index * Self.wordsPerOperation + field)
            .assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Counts one request; `nanoseconds` is nil where latency is not measured.
    func count(_ opcode: UInt32, failed: Bool, nanoseconds: UInt64?) {
        counter(opcode, 0)?.pointee.wrappingAdd(1, ordering: .relaxed)
        if failed { counter(opcode, 1)?.pointee.wrappingAdd(1, ordering: .relaxed) }
        if let nanoseconds {
            let bucket = min(Self.buckets - 1, 63 - (nanoseconds | 1).leadingZeroBitCount)
            counter(opcode, 2 + bucket)?.pointee.wrappingAdd(1, ordering: .relaxed)
        }
    }

    private func value(_ opcode: Int, _ field: Int) -> UInt64 {
        counter(UInt32(opcode), field)?.pointee.load(ordering: .relaxed) ?? 0
    }

    /// The sum over workers.
    public static func merge(_ workers: [Statistics]) -> [OperationStatistics] {
        (0..<Opcode.tableSize).compactMap { code in
            var sum = OperationStatistics(code: UInt32(code))
            for worker in workers {
                sum.requests += worker.value(code, 0)
                sum.errors += worker.value(code, 1)
                for bucket in 0..<buckets { sum.latency[bucket] += worker.value(code, 2 + bucket) }
            }
            return sum.requests > 0 ? sum : nil
        }
    }
}

/// What is known of one operation since the session began.
public struct OperationStatistics: Sendable {
    /// The operation code; 0 stands for all that the protocol does not know.
    public let code: UInt32
    public internal(set) var requests: UInt64 = 0
    /// Requests answered with an error. A LOOKUP of a missing name is one.
    public internal(set) var errors: UInt64 = 0
    /// Requests by latency: element N counts those of 2^N to 2^(N+1) nanoseconds; all zero where it is not measured.
    public internal(set) var latency: [UInt64]

    init(code: UInt32) {
        self.code = code
        latency = Array(repeating: 0, count: Statistics.buckets)
    }

    /// The protocol's name of the operation.
    public var name: String { Opcode(rawValue: code)?.name ?? "UNKNOWN" }

    /// The latency, in nanoseconds, that the share `quantile` (0...1) of the requests stayed below; an upper bound by the
    /// bucket's width, nil where nothing was measured.
    public func latency(quantile: Double) -> UInt64? {
        let total = latency.reduce(0, +)
        guard total > 0 else { return nil }
        var seen: UInt64 = 0
        for (bucket, count) in latency.enumerated() {
            seen += count
            if seen > 0, Double(seen) >= quantile * Double(total) { return 1 << UInt64(bucket + 1) }
        }
        return nil
    }
}
