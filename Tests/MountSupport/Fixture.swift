import Differential

/// A lower file system with two directories, one of them shown by a mount: what the differential test compares.
public final class Fixture {
    public let scratch: Scratch
    /// Nil where two plain directories are compared.
    public let mount: TestMount?
    public let sides: Sides

    /// Makes the file system and starts the daemon.
    /// - Parameters:
    ///   - options: for the daemon's `-o`.
    ///   - command: another daemon than stackfs (see ``TestMount``).
    ///   - mounted: false compares two native directories, which tests the test itself.
    ///   - deadline: seconds until the mount is aborted.
    public init(
        _ kind: LowerFileSystem, options: [String] = ["allow_other", "default_permissions"], command: [String]? = nil,
        mounted: Bool = true, deadline: Double = 600
    ) throws(SupportError) {
        if let missing = Requirements.missing(for: kind) { throw SupportError(missing) }
        scratch = try Scratch(kind)
        let native = try scratch.makeLowerDirectory("native")
        let lower = try scratch.makeLowerDirectory("lower")
        mount =
            mounted
            ? try TestMount(lower, in: scratch, options: options, command: command, deadline: deadline) : nil
        sides = Sides(
            native: native, mount: mount?.path ?? lower, lower: mounted ? lower : nil,
            stampsAccesses: MountEntry.holding(native)?.stampsAccesses ?? false,
            // Where the kernel has no passthrough, calls are left out that need not be.
            dataPath: mounted && command == nil && !options.contains("passthrough=off") ? .kernel : .daemon)
    }
}
