import CLinux
import CWatch
import Glibc
import SystemCalls

/// A line of /proc/self/mountinfo, as far as it matters here; proc_pid_mountinfo(5).
struct MountInfo: Hashable {
    let id: UInt64
    /// The superblock's device as the kernel itself has it: what stat(2) tells is another one on btrfs and, in part, on overlayfs.
    let device: UInt32
    let point: String

    init?(_ line: Substring) {
        let fields = line.split(separator: " ", maxSplits: 5)
        guard fields.count == 6, let id = UInt64(fields[0]) else { return nil }
        let numbers = fields[2].split(separator: ":").compactMap { UInt32($0) }
        guard numbers.count == 2 else { return nil }
        self.id = id
        device = watch_device(numbers[0], numbers[1])
        point = Self.unescaped(fields[4])
    }

    /// The mounts in the text of a mountinfo file.
    static func all(in text: String) -> [MountInfo] { text.split(separator: "\n").compactMap(MountInfo.init) }

    /// Space, tab, line feed and backslash stand there as three octal digits.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest.removeFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
