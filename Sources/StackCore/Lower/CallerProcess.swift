import CLinux
import FuseKernel
import Glibc
import SystemCalls

/// What /proc tells of a request's caller beyond the request: needed only where set-id bits or trusted attributes are met, so
/// that its cost does not matter.
struct CallerProcess {
    /// The effective capabilities, as a bit set.
    private(set) var capabilities: UInt64 = 0
    /// The supplementary groups.
    private(set) var groups: [UInt32] = []

    /// Reads /proc/PID/status. Where that cannot be read (the caller is gone, or in another pid namespace), root is taken
    /// to have every capability and others none.
    init(_ request: Request) {
        guard request.pid != 0, let text = Self.read("/proc/\(request.pid)/status") else {
            capabilities = request.uid == 0 ? .max : 0
            return
        }
        for line in text.split(separator: "\n") {
            if line.hasPrefix("CapEff:") {
                capabilities = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16) ?? 0
            } else if line.hasPrefix("Groups:") {
                groups = line.dropFirst(7).split { $0 == " " || $0 == "\t" }.compactMap { UInt32($0) }
            }
        }
    }

    func has(_ capability: UInt32) -> Bool { capabilities & (1 << UInt64(capability)) != 0 }

    private static func read(_ path: String) -> String? {
        guard let number = try? checked(linux_openat(LINUX_AT_FDCWD, path, O_RDONLY | LINUX_O_CLOEXEC, 0)) else {
            return nil
        }
        let descriptor = Descriptor(owning: Int32(number))
        // The file is a few KiB; a process may have 65,536 groups of up to 11 digits.
        return try? String(unsafeUninitializedCapacity: 1 << 20) { (buffer) throws(Errno) in
            var length = 0
            while length < buffer.count {
                let count = try checked(
                    linux_read(descriptor.number, buffer.baseAddress! + length, buffer.count - length))
                if count == 0 { break }
                length += count
            }
            return length
        }
    }
}
