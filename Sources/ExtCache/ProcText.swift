import Glibc

/// The text of a file of /proc, which has no size; empty if it cannot be read.
func text(of path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    return text(reading: file)
}

/// The rest of an open file of /proc.
func text(reading file: Int32) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
        let length = read(file, &buffer, buffer.count)
        if length <= 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += buffer[..<length]
    }
}
