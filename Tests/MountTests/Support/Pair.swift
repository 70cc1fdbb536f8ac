import MountSupport
import Testing

/// A native directory and a mounted one on the same lower file system, which the same commands run in.
final class Pair {
    let scratch: Scratch
    /// A plain directory: what happens in it is right.
    let native: String
    let mount: TestMount
    /// The directory that the mount shows.
    var lower: String { mount.lower }

    /// - Parameters:
    ///   - options: for the daemon's `-o`.
    ///   - command: another command line than that of ``TestMount``.
    ///   - deadline: seconds until the mount is aborted, so that nothing can hang for longer.
    init(
        _ kind: LowerFileSystem = .ext4, options: [String] = [], command: [String]? = nil, deadline: Double = 120
    ) throws {
        scratch = try Scratch(kind)
        native = try scratch.makeLowerDirectory("native")
        mount = try TestMount(
            try scratch.makeLowerDirectory("lower"), in: scratch, options: options, command: command, deadline: deadline
        )
    }

    /// Runs a script natively and on the mount, and expects the same output, ending and trees; the lower directory must hold
    /// what the mount shows.
    ///
    /// Scripts run in the directory they are for. They print nothing that may differ: no times, no inode numbers.
    /// - Returns: what the script wrote.
    @discardableResult
    func expectSame(_ script: Script, seconds: Double = 60, _ location: SourceLocation = #_sourceLocation) throws
        -> String
    {
        let expected = try script.run(in: native, seconds: seconds)
        let actual = try script.run(in: mount.path, seconds: seconds)
        #expect(
            expected.ending == .exited(0), "the script fails natively: \(expected.output)", sourceLocation: location)
        #expect(actual == expected, sourceLocation: location)
        let tree = try TreeDigest.of(native)
        expectEqualLines(try TreeDigest.of(mount.path), tree, "mount and native directory", location)
        expectEqualLines(try TreeDigest.of(lower), tree, "lower and native directory", location)
        #expect(mount.failure == nil, sourceLocation: location)
        return actual.output
    }

    /// Runs a script on the mount alone, and expects it to succeed.
    /// - Returns: what the script wrote.
    @discardableResult
    func expectSuccess(
        _ script: Script, _ arguments: String..., seconds: Double = 60, _ location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let result = try script.run(in: mount.path, arguments, seconds: seconds)
        #expect(result.ending == .exited(0), "\(result.output)", sourceLocation: location)
        #expect(mount.failure == nil, sourceLocation: location)
        return result.output
    }

    /// Unmounts, and expects that to go well.
    func end() throws { try mount.unmount() }
}

/// Compares texts line by line, so that a difference in a large tree can be read.
func expectEqualLines(
    _ actual: String, _ expected: String, _ what: String, _ location: SourceLocation = #_sourceLocation
) {
    guard actual != expected else { return }
    let actual = actual.split(separator: "\n")
    let expected = expected.split(separator: "\n")
    let more = Set(actual).subtracting(expected).sorted().prefix(5).joined(separator: "\n")
    let less = Set(expected).subtracting(actual).sorted().prefix(5).joined(separator: "\n")
    Issue.record("\(what) differ: only the first has\n\(more)\nonly the second has\n\(less)", sourceLocation: location)
}
