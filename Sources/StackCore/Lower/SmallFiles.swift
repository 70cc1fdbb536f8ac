import CLinux
import Glibc
import SystemCalls

/// The text of a small file of /proc, nil where it cannot be read. Allocates: for rare occasions only.
func readWhole(_ path: String) -> String? {
    guard let number = try? checked(linux_openat(LINUX_AT_FDCWD, path, O_RDONLY | LINUX_O_CLOEXEC, 0)) else {
        return nil
    }
    let descriptor = Descriptor(owning: Int32(number))
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        let count = chunk.withUnsafeMutableBytes { linux_read(descriptor.number, $0.baseAddress!, $0.count) }
        if count < 0 { return nil }
        if count == 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += chunk[..<Int(count)]
    }
}
