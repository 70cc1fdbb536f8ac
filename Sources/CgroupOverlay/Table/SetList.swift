import SystemCalls

/// Lists of processors and memory nodes, "0-3,8": cpuset(7), List format.
extension CgroupSet {
    /// Reads a list as bitmap_parselist() of lib/bitmap-str.c does: ranges, strides "0-7:1/2", "N" for the last number, "all".
    ///
    /// - Parameter limit: how many numbers there may be.
    /// - Throws: EINVAL, ERANGE for numbers from `limit` on.
    init(list: ArraySlice<UInt8>, limit: Int) throws(Errno) {
        self.init()
        for part in list.split(whereSeparator: { $0 == 44 || Input.isSpace($0) }) {
            if part.elementsEqual("all".utf8) {
                for number in 0..<limit { insert(number) }
                continue
            }
            var rest = part
            let first = try CgroupSet.number(&rest, limit)
            var last = first
            var used = 1
            var stride = 1
            if rest.first == 45 {
                rest = rest.dropFirst()
                last = try CgroupSet.number(&rest, limit)
                used = last &- first &+ 1
                stride = max(1, used)
                if rest.first == 58 {
                    rest = rest.dropFirst()
                    used = try CgroupSet.number(&rest, limit)
                    guard rest.first == 47 else { throw .einval }
                    rest = rest.dropFirst()
                    stride = try CgroupSet.number(&rest, limit)
                }
            }
            if !rest.isEmpty || first > last || stride == 0 || used > stride { throw .einval }
            if last >= limit { throw .erange }
            for start in Swift.stride(from: first, through: last, by: stride) {
                for number in start...min(last, start + max(used, 1) - 1) where used > 0 { insert(number) }
            }
        }
    }

    private static func number(_ text: inout ArraySlice<UInt8>, _ limit: Int) throws(Errno) -> Int {
        if text.first == 78 {
            text = text.dropFirst()
            return limit - 1
        }
        guard let (value, rest) = Input.decimal(text) else { throw .einval }
        text = rest
        if value > UInt64(Int32.max) { throw .eoverflow }
        return Int(value)
    }
}

extension Text {
    /// A set as a list, "0-3,8", without a newline.
    mutating func append(_ set: CgroupSet) {
        var previous: (first: Int, last: Int)?
        var isFirst = true
        func flush(_ range: (first: Int, last: Int), _ text: inout Text) {
            if !isFirst { text.append("," as StaticString) }
            isFirst = false
            text.append(range.first)
            if range.last > range.first {
                text.append("-" as StaticString)
                text.append(range.last)
            }
        }
        for number in set.numbers {
            if let range = previous, number == range.last + 1 {
                previous = (range.first, number)
            } else {
                if let range = previous { flush(range, &self) }
                previous = (number, number)
            }
        }
        if let range = previous { flush(range, &self) }
    }

    mutating func line(_ set: CgroupSet) {
        append(set)
        newline()
    }
}
