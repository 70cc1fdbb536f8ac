/// What a file says, while it is put together.
struct Text {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ literal: StaticString) {
        literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ string: String) { bytes.append(contentsOf: string.utf8) }

    mutating func append(_ some: some Collection<UInt8>) { bytes.append(contentsOf: some) }

    mutating func append(_ value: UInt64) {
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { room in
            var rest = value
            var at = room.count
            repeat {
                at -= 1
                room[at] = UInt8(48 + rest % 10)
                rest /= 10
            } while rest != 0
            bytes.append(contentsOf: room[at...])
        }
    }

    mutating func append(_ value: some SignedInteger) {
        if value < 0 { bytes.append(45) }
        append(UInt64(value.magnitude))
    }

    mutating func newline() { bytes.append(10) }

    mutating func space() { bytes.append(32) }

    /// A value alone on its line.
    mutating func line(_ value: UInt64) {
        append(value)
        newline()
    }

    mutating func line(_ value: some SignedInteger) {
        append(value)
        newline()
    }

    /// A key, a blank, a value.
    mutating func line(_ key: StaticString, _ value: UInt64) {
        append(key)
        space()
        line(value)
    }

    mutating func line(_ key: String, _ value: UInt64) {
        append(key)
        space()
        line(value)
    }

    mutating func line(_ text: StaticString) {
        append(text)
        newline()
    }

    /// A number, or "max" for the largest.
    mutating func append(orMax value: UInt64, max: UInt64 = .max) {
        if value >= max { append("max" as StaticString) } else { append(value) }
    }

    /// Hundredths, as "12.34".
    mutating func append(hundredths value: UInt32) {
        append(UInt64(value / 100))
        bytes.append(46)
        bytes.append(UInt8(48 + value / 10 % 10))
        bytes.append(UInt8(48 + value % 10))
    }
}
