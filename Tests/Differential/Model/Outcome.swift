import CTestCalls

/// What a call gave, with everything that depends on the side taken out (descriptor and inode numbers, clock readings).
public struct Outcome: Equatable, Sendable {
    /// 0 or more, or -errno.
    var result: Int64
    /// What else the call told, by name.
    var details: [Detail] = []

    init(_ result: Int64, _ details: [Detail] = []) {
        self.result = result
        self.details = details
    }

    var succeeded: Bool { result >= 0 }

    /// A detail that is text.
    func text(_ name: String) -> String? {
        for detail in details where detail.name == name {
            if case .text(let text) = detail.value { return text }
        }
        return nil
    }

    mutating func add(_ name: String, _ value: Detail.Value) { details.append(Detail(name: name, value: value)) }
    mutating func add(_ name: String, _ number: some BinaryInteger) {
        add(name, .number(Int64(truncatingIfNeeded: number)))
    }
}

/// One named part of an outcome.
struct Detail: Equatable, Sendable {
    enum Value: Equatable, Sendable {
        case number(Int64)
        case octal(UInt32)
        case text(String)
        case bytes(Bytes)
    }

    let name: String
    let value: Value
}

extension Detail.Value: CustomStringConvertible {
    var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .octal(let number): "0" + String(number, radix: 8)
        case .text(let text): text
        case .bytes(let bytes): bytes.description
        }
    }
}

extension Outcome: CustomStringConvertible {
    public var description: String {
        let head = result < 0 ? errnoName(-result) : "\(result)"
        return ([head] + details.map { "\($0.name) \($0.value)" }).joined(separator: ", ")
    }

    /// The parts in which this outcome and another are not equal: "result", names of details.
    func parts(differingFrom other: Outcome) -> [String] {
        if result != other.result { return ["result"] }
        if details.count != other.details.count { return ["details"] }
        return zip(details, other.details).filter { $0 != $1 }.map(\.0.name)
    }
}

func errnoName(_ number: Int64) -> String {
    tc_errno_name(Int32(truncatingIfNeeded: number)).map { String(cString: $0) } ?? "errno \(number)"
}

/// What is kept of bytes that were read: enough to tell whether two are equal, and to show where they begin.
struct Bytes: Equatable, Sendable, CustomStringConvertible {
    let count: Int
    let checksum: UInt64
    let head: [UInt8]

    init(_ buffer: UnsafeRawBufferPointer) {
        count = buffer.count
        checksum = buffer.baseAddress.map { tc_checksum($0, buffer.count, 0) } ?? 0
        head = Array(buffer.prefix(24))
    }

    var description: String {
        "\(count) bytes \(Path(head))" + (count > head.count ? "... of checksum \(String(checksum, radix: 16))" : "")
    }
}
