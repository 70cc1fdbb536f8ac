import CTestCalls

/// A path as the kernel sees it: any bytes but zero.
struct Path: Hashable, Sendable {
    var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }
    init(_ text: String) { bytes = Array(text.utf8) }

    static let here = Path(".")
    static let empty = Path([])

    /// Calls `body` with the address of the zero-ended bytes.
    func withPointer<T>(_ body: (Int64) -> T) -> T {
        (bytes + [0]).withUnsafeBytes { body(Kernel.address($0.baseAddress!)) }
    }

    func appending(_ name: Path) -> Path {
        self == .here ? name : name == .here ? self : Path(bytes + [UInt8(ascii: "/")] + name.bytes)
    }

    /// What is left of this path below `directory`, or nil when it does not lie below.
    func below(_ directory: Path) -> Path? {
        if directory == .here { return self }
        guard bytes.count > directory.bytes.count + 1, bytes.starts(with: directory.bytes),
            bytes[directory.bytes.count] == UInt8(ascii: "/")
        else { return nil }
        return Path(Array(bytes[(directory.bytes.count + 1)...]))
    }

    var withoutTrailingSlashes: Path {
        var rest = bytes[...]
        while rest.count > 1, rest.last == UInt8(ascii: "/") { rest.removeLast() }
        return Path(Array(rest))
    }

    /// The directory that the last name lies in; of "..", the directory itself.
    var parent: Path {
        let slash = UInt8(ascii: "/")
        func isSlash(_ byte: UInt8) -> Bool { byte == slash }
        var rest = bytes[...]
        while rest.last.map(isSlash) ?? false { rest.removeLast() }
        while rest.last.map({ !isSlash($0) }) ?? false { rest.removeLast() }
        while rest.last.map(isSlash) ?? false { rest.removeLast() }
        return rest.isEmpty ? (bytes.first == slash ? Path("/") : .here) : Path(Array(rest))
    }

    var depth: Int { bytes.count { $0 == UInt8(ascii: "/") } }
}

extension Path: CustomStringConvertible {
    /// The bytes in quotes, what is not printable as \xNN, runs of more than 20 equal bytes as {N}.
    var description: String {
        var text = "\""
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let run = bytes[index...].prefix { $0 == byte }.count
            let repeats = run > 20
            text += (0x20...0x7e).contains(byte) ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16)
            if repeats { text += "{\(run)}" }
            index += repeats ? run : 1
        }
        return text + "\""
    }
}

/// One of a process's places for an open file.
struct Slot: Hashable, Sendable, CustomStringConvertible {
    static let count = 8
    let index: Int
    var description: String { "#\(index)" }
}

/// A path below an open directory, or below the directory that the sequence works in.
struct Place: Hashable, Sendable, CustomStringConvertible {
    var directory: Slot?
    var path: Path

    init(_ path: Path, in directory: Slot? = nil) {
        self.path = path
        self.directory = directory
    }

    var description: String { directory.map { "\($0)/\(path)" } ?? "\(path)" }
}
