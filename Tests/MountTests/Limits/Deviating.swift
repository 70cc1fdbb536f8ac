import Glibc
import MountSupport
import Testing

extension Pair {
    /// Options with which the attributes that a script sees are those of the lower file at that moment.
    static let uncached = ["allow_other", "default_permissions", "cache=none"]

    /// Runs a Python script natively and on the mount, which behaves otherwise: each prints its own lines.
    func expect(
        native: String..., mount lines: String..., of script: String, _ location: SourceLocation = #_sourceLocation
    ) throws {
        let script = Script.python(Self.helpers + script)
        let natively = try script.run(in: self.native)
        let mounted = try script.run(in: mount.path)
        #expect(natively == .init(ending: .exited(0), output: Self.text(native)), sourceLocation: location)
        #expect(mounted == .init(ending: .exited(0), output: Self.text(lines)), sourceLocation: location)
        #expect(mount.failure == nil, sourceLocation: location)
    }

    private static func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

    private static let helpers = """
        IMMUTABLE, APPEND = 0x10, 0x20

        def protect(fd, flag):
            "Sets one of the flags of chattr(1)."
            FS_IOC_SETFLAGS = 0x40086602
            fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack('I', flag))

        def mode(path):
            return oct(os.stat(path).st_mode & 0o7777)

        def stamps(look, act):
            "Whether an action changes the time that `look` tells."
            before = look()
            time.sleep(0.05)
            act()
            return look() > before


        """
}

extension Requirements {
    /// Why passthrough cannot be tested here, or nil: it needs Linux 6.9.
    static let missingForPassthrough: String? = {
        if let missing = missing(for: .ext4) { return missing }
        let release = TextFile.read("/proc/sys/kernel/osrelease").split { !$0.isNumber }.prefix(2).compactMap {
            Int($0)
        }
        return release.lexicographicallyPrecedes([6, 9]) ? "passthrough needs Linux 6.9" : nil
    }()
}
