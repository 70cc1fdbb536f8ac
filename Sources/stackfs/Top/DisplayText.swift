/// A text as a terminal shows it: what would steer the terminal is escaped, and how many columns each piece takes is known.
struct DisplayText: Equatable {
    /// What must not be torn apart: a character with the marks on it, or an escape.
    private var pieces: [(text: String, width: Int)] = []

    /// Bytes that are no UTF-8, and what has no shape of its own (control characters, marks of direction, unassigned ones), become
    /// "\x0a".
    init(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            for byte in bytes { append(byte < 0x80 ? Unicode.Scalar(byte) : nil, [byte]) }
            return
        }
        for scalar in text.unicodeScalars { append(scalar, Array(String(scalar).utf8)) }
    }

    init(_ text: String) { self.init(text.utf8) }

    /// What stands for a path of groups: "/a/b", "/" for the first one.
    init(_ path: GroupPath) { self.init(path.names.isEmpty ? [47] : path.names.reduce(into: []) { $0 += [47] + $1 }) }

    private mutating func append(_ scalar: Unicode.Scalar?, _ bytes: [UInt8]) {
        guard let scalar, let width = Self.width(of: scalar) else {
            for byte in bytes {
                let digits = String(byte, radix: 16)
                pieces.append(("\\x" + (digits.count < 2 ? "0" : "") + digits, 4))
            }
            return
        }
        if width == 0, let last = pieces.indices.last {
            pieces[last].text.unicodeScalars.append(scalar)
        } else {
            pieces.append((String(scalar), max(width, 1)))
        }
    }

    /// Columns, nil for what must not reach a terminal.
    private static func width(of scalar: Unicode.Scalar) -> Int? {
        if scalar.isASCII { return (0x20..<0x7f).contains(scalar.value) ? 1 : nil }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate: return nil
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        // Those of East Asia, and pictures (UAX #11, W and F).
        let wide: [ClosedRange<UInt32>] = [
            0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff,
            0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f680...0x1f6ff, 0x1f900...0x1faff,
            0x20000...0x3fffd,
        ]
        return wide.contains { $0.contains(scalar.value) } ? 2 : 1
    }

    /// The whole text.
    var text: String { pieces.map(\.text).joined() }

    var width: Int { pieces.reduce(0) { $0 + $1.width } }

    /// The text in at most `width` columns, cut in the middle: of a path its beginning and, more of it, its end stay.
    func shortened(to width: Int) -> String {
        if self.width <= width { return text }
        guard width > 0 else { return "" }
        let head = Self.taken(pieces, (width - 1) / 3)
        let tail = Self.taken(pieces.reversed(), width - 1 - head.width)
        return head.texts.joined() + "…" + tail.texts.reversed().joined()
    }

    /// The same in exactly `width` columns.
    func fitted(to width: Int) -> String {
        let shortened = DisplayText(shortened(to: width))
        return shortened.text + String(repeating: " ", count: max(0, width - shortened.width))
    }

    /// The text in at most `width` columns, cut at its end.
    func cut(to width: Int) -> String {
        if self.width <= width { return text }
        guard width > 0 else { return "" }
        return Self.taken(pieces, width - 1).texts.joined() + "…"
    }

    private static func taken(_ pieces: some Sequence<(text: String, width: Int)>, _ width: Int) -> (
        texts: [String], width: Int
    ) {
        var result: (texts: [String], width: Int) = ([], 0)
        for piece in pieces {
            guard result.width + piece.width <= width else { break }
            result.texts.append(piece.text)
            result.width += piece.width
        }
        return result
    }

    static func == (left: DisplayText, right: DisplayText) -> Bool { left.text == right.text }
}
