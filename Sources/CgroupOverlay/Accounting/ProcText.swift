import CLinux
import Glibc
import SystemCalls

/// Reading the small files of /proc, without a String for each word.
enum ProcText {
    /// Calls `body` with what a file says, up to 16 KiB; nil where it cannot be read.
    static func read<Result>(_ path: String, _ body: (ArraySlice<UInt8>) -> Result) -> Result? {
        let number = linux_openat(LINUX_AT_FDCWD, path, O_RDONLY | LINUX_O_CLOEXEC, 0)
        if number < 0 { return nil }
        let file = Descriptor(owning: Int32(number))
        let bytes = [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, length in
            length = 0
            while length < buffer.count {
                let count = linux_read(file.number, buffer.baseAddress! + length, buffer.count - length)
                if count <= 0 { break }
                length += Int(count)
                // Files of a task come whole: a short read is the end.
                if length < 1024 { break }
            }
        }
        return bytes.isEmpty ? nil : body(bytes[...])
    }

    /// The first `count` numbers of a file; nil where there are fewer.
    static func numbers(_ path: String, _ count: Int) -> [UInt64]? {
        read(path) { words($0, count) } ?? nil
    }

    /// The fields of a stat file from the third on, up to the number `last`. The state, a letter, counts as 0, and a negative
    /// number as its two's complement.
    static func stat(_ path: String, _ last: Int) -> [UInt64]? {
        read(path) { text in
            // The command's name, which may hold anything, ends at the last parenthesis.
            guard let end = text.lastIndex(of: 41) else { return nil }
            return words(text[(end + 1)...], last - 2)
        } ?? nil
    }

    private static func words(_ text: ArraySlice<UInt8>, _ count: Int) -> [UInt64]? {
        var result: [UInt64] = []
        result.reserveCapacity(count)
        var value: UInt64 = 0
        var isInside = false
        var isNegative = false
        for byte in text {
            if byte == 32 || byte == 10 {
                if isInside { result.append(isNegative ? 0 &- value : value) }
                if result.count == count { return result }
                (value, isInside, isNegative) = (0, false, false)
                continue
            }
            isInside = true
            if byte == 45 { isNegative = true }
            if (48...57).contains(byte) { value = value &* 10 &+ UInt64(byte - 48) }
        }
        if isInside { result.append(isNegative ? 0 &- value : value) }
        return result.count >= count ? result : nil
    }

    /// The lines "key: value" of a file, blanks before the value left out.
    static func lines(_ path: String, _ body: (_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void) {
        _ = read(path) { text in
            var rest = text
            while !rest.isEmpty {
                let end = rest.firstIndex(of: 10) ?? rest.endIndex
                if let colon = rest[..<end].firstIndex(of: 58) {
                    var value = rest[(colon + 1)..<end]
                    while let byte = value.first, byte == 32 || byte == 9 { value = value.dropFirst() }
                    body(rest[..<colon], value)
                }
                rest = end == rest.endIndex ? [] : rest[(end + 1)...]
            }
        }
    }

    /// The names in a directory that are numbers.
    static func directory(_ path: String) -> [Int32] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var numbers: [Int32] = []
        while let entry = readdir(directory) {
            let number = withUnsafeBytes(of: &entry.pointee.d_name) { name -> Int32? in
                var value: Int32 = 0
                for byte in name {
                    if byte == 0 { return value }
                    guard (48...57).contains(byte), value < 100_000_000 else { return nil }
                    value = value * 10 + Int32(byte - 48)
                }
                return nil
            }
            if let number, number > 0 { numbers.append(number) }
        }
        return numbers
    }
}
