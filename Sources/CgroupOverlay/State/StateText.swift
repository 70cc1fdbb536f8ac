/// The words of a state file: one record a line, words apart by blanks, other bytes as %XX.
enum StateText {
    static func escape(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        for byte in bytes {
            if (33...126).contains(byte) && byte != 37 {
                result.append(byte)
            } else {
                result += [37, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        // Nothing at all is a word as well.
        return result.isEmpty ? [37, 45] : result
    }

    /// nil where it is not what ``escape(_:)`` gives.
    static func unescape(_ word: ArraySlice<UInt8>) -> [UInt8]? {
        if word.elementsEqual([37, 45]) { return [] }
        var result: [UInt8] = []
        var rest = word
        while let byte = rest.popFirst() {
            if byte != 37 {
                result.append(byte)
                continue
            }
            guard let first = rest.popFirst(), let second = rest.popFirst(), let high = digits.firstIndex(of: first),
                let low = digits.firstIndex(of: second)
            else { return nil }
            result.append(UInt8(high << 4 | low))
        }
        return result
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// FNV-1a, 64 bits: finds a file that was cut off or changed, not one that was forged.
    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

extension Text {
    /// A record: a keyword and words, each escaped.
    mutating func record(_ keyword: StaticString, _ words: [UInt8]...) {
        append(keyword)
        for word in words {
            space()
            append(StateText.escape(word))
        }
        newline()
    }
}

/// A number as the bytes of its digits.
func decimalBytes(_ value: some BinaryInteger) -> [UInt8] { Array("\(value)".utf8) }
