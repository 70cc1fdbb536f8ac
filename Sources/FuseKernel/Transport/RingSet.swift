import CLinux
import Glibc
import SystemCalls

/// The rings of FUSE over io_uring, one for each processor that there can be: the kernel sends nothing through them before all
/// are there.
///
/// They are made before the daemon confines itself, and used after INIT has settled that the kernel wants them.
public final class RingSet: Sendable {
    let rings: [Ring]

    /// - Throws: why io_uring cannot be had, the errors of io_uring_setup(2).
    public init() throws(Errno) {
        var rings: [Ring] = []
        for _ in 0..<Self.possibleProcessors { rings.append(try Ring(entries: 64)) }
        self.rings = rings
    }

    /// Whether the fuse module takes rings: its parameter enable_uring, which root may set to Y; nil before Linux 6.14.
    public static var isEnabledByModule: Bool? {
        guard let text = firstBytes(of: "/sys/module/fuse/parameters/enable_uring") else { return nil }
        return text.first == UInt8(ascii: "Y")
    }

    /// The kernel's num_possible_cpus(), from a list such as 0-3,8.
    static var possibleProcessors: Int {
        guard let text = firstBytes(of: "/sys/devices/system/cpu/possible") else {
            return max(1, sysconf(Int32(_SC_NPROCESSORS_CONF)))
        }
        return max(1, count(inList: text))
    }

    static func count(inList text: [UInt8]) -> Int {
        var sum = 0
        for part in text.split(separator: UInt8(ascii: ",")) {
            let bounds = part.split(separator: UInt8(ascii: "-")).map { digits in
                digits.reduce(0) { $1 >= 48 && $1 <= 57 ? $0 * 10 + Int($1 - 48) : $0 }
            }
            guard let first = bounds.first, let last = bounds.last else { continue }
            sum += max(0, last - first) + 1
        }
        return sum
    }

    private static func firstBytes(of path: String) -> [UInt8]? {
        let opened = linux_openat(LINUX_AT_FDCWD, path, O_RDONLY | LINUX_O_CLOEXEC, 0)
        guard opened >= 0 else { return nil }
        let file = Descriptor(owning: Int32(opened))
        var bytes = [UInt8](repeating: 0, count: 4096)
        let length = linux_read(file.number, &bytes, bytes.count)
        return length > 0 ? Array(bytes[..<Int(length)]) : nil
    }
}
