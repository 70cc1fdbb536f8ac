import Glibc

/// What mount tests need of the machine. A test that cannot run is disabled with the reason, so that it shows in the results.
public enum Requirements {
    /// Why no test can mount here, or nil.
    public static let missing: String? = {
        if geteuid() != 0 { return "mount tests need root: users, devices and loop images" }
        if access("/dev/fuse", R_OK | W_OK) != 0 { return "mount tests need /dev/fuse" }
        return nil
    }()

    /// Why the tests cannot run on a kind of lower file system, or nil.
    public static func missing(for kind: LowerFileSystem) -> String? {
        if let missing { return missing }
        if let tool = kind.formatter, which(tool) == nil { return "no \(tool) here, which makes \(kind) images" }
        let known = TextFile.read("/proc/filesystems").split(separator: "\n").map { $0.split(separator: "\t").last! }
        if let type = kind.kernelType, !known.contains(Substring(type)) { return "this kernel does not know \(type)" }
        return nil
    }

    /// Where a program lies in PATH.
    public static func which(_ program: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/sbin:/usr/bin:/sbin:/bin"
        return (path.split(separator: ":") + ["/usr/sbin", "/sbin"]).map { "\($0)/\(program)" }.first {
            access($0, X_OK) == 0
        }
    }
}

extension Requirements {
    /// For `.enabled(if:)`: whether tests can mount here; ``reason`` says why not.
    public static var met: Bool { missing == nil }
    public static var reason: String { missing ?? "" }
}
