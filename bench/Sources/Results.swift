import Foundation

/// A line of the results.
struct Record: Codable {
    /// "machine", "measurement" or "requests".
    var kind: String
    var workload: String?
    /// The row's title, and its goal.
    var row: String?
    var goal: Double?
    var system: String?
    /// From 1.
    var run: Int?
    /// Calls or passes, and the time that they took.
    var operations: UInt64?
    var nanoseconds: UInt64?
    /// The native run right after.
    var nativeOperations: UInt64?
    var nativeNanoseconds: UInt64?
    /// Time an operation against the native one.
    var ratio: Double?
    /// Why there are no figures.
    var error: String?
    var machine: Machine?
    /// Of "requests": how many files the work was about, and requests by operation.
    var files: Int?
    var requests: [String: Int]?
    /// Requests a file that were reached before.
    var expected: Double?
    /// Of "memory": what the daemon grew by, and the processor time that it took.
    var residentBytes: Int?
    var processorNanoseconds: UInt64?

    init(kind: String) { self.kind = kind }
}

/// The file of results, one JSON object a line, written as they come.
final class Results {
    private(set) var records: [Record] = []
    private let file: FileHandle
    private let encoder = JSONEncoder()

    /// - Parameters:
    ///   - path: is written anew, unless it is the file to resume.
    ///   - resumed: whose lines are kept and not measured again.
    init(path: String, resuming resumed: String?) throws {
        if let resumed {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            guard let text = try? String(contentsOfFile: resumed, encoding: .utf8) else {
                throw Failure("\(resumed) cannot be read")
            }
            // The last line may be cut off.
            records = text.split(separator: "\n").compactMap { try? decoder.decode(Record.self, from: Data($0.utf8)) }
        }
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw Failure("\(path) cannot be written") }
        file = handle
        for record in records { try write(record) }
    }

    func append(_ record: Record) throws {
        records.append(record)
        try write(record)
    }

    private func write(_ record: Record) throws {
        file.write(try encoder.encode(record) + Data("\n".utf8))
    }

    func has(_ workload: String, _ system: String, run: Int) -> Bool {
        records.contains { $0.kind == "measurement" && $0.workload == workload && $0.system == system && $0.run == run }
    }

    /// Whether a system has failed at a workload, so that trying again is idle.
    func hasFailed(_ workload: String, _ system: String) -> Bool {
        records.contains { $0.workload == workload && $0.system == system && $0.error != nil }
    }

    func ratios(_ workload: String, _ system: String) -> [Double] {
        records.filter { $0.workload == workload && $0.system == system }.compactMap(\.ratio)
    }
}

func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
