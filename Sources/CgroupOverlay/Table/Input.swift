import SystemCalls

/// What is written to a file, read as the kernel reads it.
///
/// The kernel's parsers see a C string: a zero byte ends it.
struct Input {
    let bytes: ArraySlice<UInt8>
    let caller: CgroupCaller

    init(_ bytes: some Collection<UInt8>, _ caller: CgroupCaller) {
        self.bytes = ArraySlice(Array(bytes.prefix { $0 != 0 }))
        self.caller = caller
    }

    /// Without white space at both ends (strstrip of lib/string_helpers.c).
    var stripped: ArraySlice<UInt8> { Input.strip(bytes) }

    /// kstrtoull() with base 0: a `+`, octal and hexadecimal by their prefix, one newline at the end.
    /// - Throws: EINVAL, ERANGE.
    func unsigned() throws(Errno) -> UInt64 { try Input.unsigned(bytes) }

    /// kstrtoll() with base 0.
    func signed() throws(Errno) -> Int64 { try Input.signed(bytes) }

    /// kstrtoint() of the stripped text.
    func int() throws(Errno) -> Int32 {
        guard let value = Int32(exactly: try Input.signed(stripped)) else { throw .erange }
        return value
    }

    /// 0 or 1.
    func flag(else error: Errno) throws(Errno) -> Bool {
        let value = try int()
        if value != 0 && value != 1 { throw error }
        return value == 1
    }

    /// "max", or an int of 0 or more (cgroup.max.depth).
    func intOrMax() throws(Errno) -> UInt64 {
        if stripped.elementsEqual("max".utf8) { return .max }
        let value = try int()
        if value < 0 { throw .erange }
        return value == .max ? .max : UInt64(value)
    }

    /// Bytes of memory rounded down to `page`, `UInt64.max` for no limit (page_counter_memparse of mm/page_counter.c). No
    /// digits at all are 0, as in the kernel.
    /// - Throws: EINVAL.
    func memory(unlimited: StaticString, page: UInt64 = 4096) throws(Errno) -> UInt64 {
        let text = stripped
        if unlimited.withUTF8Buffer({ text.elementsEqual($0) }) { return .max }
        var (value, rest) = Input.digits(text)
        if let suffix = rest.first, let power = "kmgtpe".utf8.firstIndex(of: suffix | 0x20) {
            value <<= 10 * UInt64("kmgtpe".utf8.distance(from: "kmgtpe".utf8.startIndex, to: power) + 1)
            rest = rest.dropFirst()
        }
        if !rest.isEmpty { throw .einval }
        return value / 4096 >= Input.mostPages ? .max : value / page * page
    }

    /// PAGE_COUNTER_MAX.
    private static let mostPages = UInt64(Int64.max) / 4096

    /// Words between blanks.
    var words: [ArraySlice<UInt8>] { bytes.split { Input.isSpace($0) } }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) || byte == 0xa0 }

    static func strip(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text.drop { isSpace($0) }
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }

    static func signed(_ text: ArraySlice<UInt8>) throws(Errno) -> Int64 {
        if text.first != 45 {
            guard let value = Int64(exactly: try unsigned(text)) else { throw .erange }
            return value
        }
        let value = try unsigned(text.dropFirst(), plus: false)
        if value > UInt64(Int64.max) + 1 { throw .erange }
        return Int64(truncatingIfNeeded: 0 &- value)
    }

    static func unsigned(_ text: ArraySlice<UInt8>, plus: Bool = true) throws(Errno) -> UInt64 {
        let text = plus && text.first == 43 ? text.dropFirst() : text
        let base = radix(text)
        var rest = base == 16 ? text.dropFirst(2) : text
        let length = rest.count
        var value: UInt64 = 0
        var overflow = false
        while let byte = rest.first, let digit = digit(byte), digit < base {
            let (product, a) = value.multipliedReportingOverflow(by: base)
            let (sum, b) = product.addingReportingOverflow(digit)
            overflow = overflow || a || b
            value = sum
            rest = rest.dropFirst()
        }
        if overflow { throw .erange }
        if rest.count == length { throw .einval }
        if rest.first == 10 { rest = rest.dropFirst() }
        if !rest.isEmpty { throw .einval }
        return value
    }

    /// simple_strtoull(): as many digits as there are, overflow unnoticed, and what follows.
    static func digits(_ text: ArraySlice<UInt8>) -> (UInt64, ArraySlice<UInt8>) {
        let base = radix(text)
        var rest = base == 16 ? text.dropFirst(2) : text
        var value: UInt64 = 0
        while let byte = rest.first, let digit = digit(byte), digit < base {
            value = value &* base &+ digit
            rest = rest.dropFirst()
        }
        return (value, rest)
    }

    /// sscanf's "%llu": decimal digits and what follows; nil without a digit.
    static func decimal(_ text: ArraySlice<UInt8>) -> (UInt64, ArraySlice<UInt8>)? {
        guard let first = text.first, (48...57).contains(first) else { return nil }
        var value: UInt64 = 0
        var rest = text
        while let byte = rest.first, (48...57).contains(byte) {
            value = value &* 10 &+ UInt64(byte - 48)
            rest = rest.dropFirst()
        }
        return (value, rest)
    }

    private static func radix(_ text: ArraySlice<UInt8>) -> UInt64 {
        let start = Array(text.prefix(3))
        guard start.first == 48 else { return 10 }
        return start.count == 3 && start[1] | 0x20 == 120 && digit(start[2]).map { $0 < 16 } == true ? 16 : 8
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case 48...57: UInt64(byte - 48)
        case 97...122: UInt64(byte - 97 + 10)
        case 65...90: UInt64(byte - 65 + 10)
        default: nil
        }
    }
}
