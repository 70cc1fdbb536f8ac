/// A line of /proc/self/mountinfo, proc_pid_mountinfo(5).
public struct MountEntry: Sendable {
    /// "major:minor".
    public let device: String
    public let mountPoint: String
    public let type: String
    /// What it was mounted from.
    public let source: String
    /// Options of the mount, and of the file system.
    public let options: [Substring]

    /// The part of `device` that names a FUSE connection in /sys/fs/fuse/connections.
    public var minor: String { String(device.split(separator: ":")[1]) }

    /// Whether every access is stamped (strictatime), and not only the first after a change.
    public var stampsAccesses: Bool { !options.contains { $0 == "relatime" || $0 == "noatime" } }

    /// The mount on top at a mount point, or nil when nothing is mounted there.
    public static func at(_ mountPoint: String) -> MountEntry? { all().last { $0.mountPoint == mountPoint } }

    /// All mounts that this process sees, in the order of mounting.
    public static func all() -> [MountEntry] {
        TextFile.read("/proc/self/mountinfo").split(separator: "\n").compactMap { line in
            let halves = line.split(separator: " - ", maxSplits: 1)
            guard halves.count == 2 else { return nil }
            let mount = halves[0].split(separator: " ")
            let system = halves[1].split(separator: " ")
            guard mount.count >= 6, system.count >= 3 else { return nil }
            return MountEntry(
                device: String(mount[2]), mountPoint: unescape(mount[4]), type: String(system[0]),
                source: unescape(system[1]), options: mount[5].split(separator: ",") + system[2].split(separator: ","))
        }
    }

    /// Undoes the kernel's \040 for a space and its kin.
    private static func unescape(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The file system that a path lies on: the mount with the longest mount point above it.
    public static func holding(_ path: String) -> MountEntry? {
        all().filter { path == $0.mountPoint || $0.mountPoint == "/" || path.hasPrefix($0.mountPoint + "/") }
            .enumerated().max { ($0.element.mountPoint.count, $0.offset) < ($1.element.mountPoint.count, $1.offset) }?
            .element
    }
}
