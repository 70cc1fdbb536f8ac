/// How a tree is served.
public struct CgroupConfiguration: Sendable {
    /// The kernel's two interfaces.
    public enum Version: Sendable { case v1, v2 }

    public var version: Version
    /// Writing, mkdir, rmdir, rename and changes of attributes fail with EROFS.
    public var isReadOnly = false
    /// Limits of memory and of tasks are enforced by killing whoever is beyond them.
    public var enforcesLimits = false
    /// What stat tells as the size of files, for clients that read no more than that. The kernel's is 0.
    public var reportedSize: UInt64 = 0
    /// The file that keeps groups and settings over a restart; nil keeps nothing.
    public var stateFile: String?
    /// The owner of the files.
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    /// The time in nanoseconds since 1970.
    public var clock: @Sendable () -> Int64

    public init(_ version: Version, clock: @escaping @Sendable () -> Int64 = realTime) {
        self.version = version
        self.clock = clock
    }
}
