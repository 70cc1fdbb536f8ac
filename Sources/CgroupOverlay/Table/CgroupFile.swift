/// One row of the tables: a file, documented.
public struct CgroupFile: Sendable {
    public var name: String
    public var version: CgroupConfiguration.Version
    /// The controller, "cgroup" for the core's files.
    public var controller: String
    public var mode: UInt32
    /// "root", "not root" or "all groups".
    public var place: String
    /// What it tells and what it accepts, one line.
    public var summary: String
    /// Where its figure comes from, one line; empty for settings.
    public var source: String
}
