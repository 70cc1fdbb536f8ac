import CLinux
import Glibc
import SystemCalls

/// Reading the small files of /proc, without a String for each word.
enum ProcText {
    /// Calls `body` with what a file says, up to `limit` bytes; nil where it cannot be read or says nothing. `path` is relative to
    /// the directory that is open as `directory`.
    static func read<Result>(
        _ path: String, in directory: Int32 = LINUX_AT_FDCWD, limit: Int = 16 << 10,
        _ body: (ArraySlice<UInt8>) -> Result
    ) -> Result? {
        let number = linux_openat(directory, path, O_RDONLY | LINUX_O_CLOEXEC, 0)
        if number < 0 { return nil }
        let file = Descriptor(owning: Int32(number))
        return withUnsafeTemporaryAllocation(byteCount: limit, alignment: 8) { buffer -> Result? in
            var length = 0
            while length < buffer.count {
                let count = linux_read(file.number, buffer.baseAddress! + length, buffer.count - length)
                if count <= 0 { break }
                length += Int(count)
                // Files of a task come whole: a short read is the end.
                if length < 1024 { break }
            }
            return length == 0 ? nil : body(ArraySlice(buffer[..<length]))
        }
    }

    /// Up to 64 KiB of a file of the machine's; nil where it cannot be read.
    static func text(_ path: String) -> String? {
        read(path, limit: 64 << 10) { String(decoding: $0, as: UTF8.self) }
    }

    /// The lines "Key:   N kB" as bytes.
    static func kilobytes(_ text: String) -> [String: UInt64] {
        var values: [String: UInt64] = [:]
        for line in text.split(separator: "\n") where line.hasSuffix("kB") {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.count == 3, let value = UInt64(words[1]) { values[String(words[0].dropLast())] = value << 10 }
        }
        return values
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

    /// The names in a directory that are numbers. `path` is relative to the directory that is open as `parent`.
    static func directory(_ path: String, in parent: Int32 = LINUX_AT_FDCWD) -> [Int32] {
        let flags = O_RDONLY | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC
        guard let number = try? checked(linux_openat(parent, path, flags, 0)) else { return [] }
        let directory = Descriptor(owning: Int32(number))
        var numbers: [Int32] = []
        withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 8) { buffer in
            while true {
                let count = linux_getdents64(directory.number, buffer.baseAddress!, buffer.count)
                if count <= 0 { return }
                var at = 0
                while at < Int(count) {
                    let length = buffer.loadUnaligned(fromByteOffset: at + 16, as: UInt16.self)
                    var value: Int32 = 0
                    var index = at + 19
                    while index < at + Int(length), (48...57).contains(buffer[index]), value < 100_000_000 {
                        value = value * 10 + Int32(buffer[index] - 48)
                        index += 1
                    }
                    if index > at + 19 && buffer[index] == 0 { numbers.append(value) }
                    at += Int(length)
                }
            }
        }
        return numbers
    }
}
