import MountSupport
import Testing

/// Runs a script natively and on the mount, and expects what each of them gives: a line of LIMITS.md is a difference.
///
/// The script gets its lower directory as argument.
func expectSides(
    _ script: Script, native: String, mount: String, on kind: LowerFileSystem = .ext4, options: [String] = [],
    _ location: SourceLocation = #_sourceLocation
) throws {
    let pair = try Pair(kind, options: options)
    let first = try script.run(in: pair.native, [pair.native])
    #expect(first == Script.Result(ending: .exited(0), output: native), "natively", sourceLocation: location)
    let second = try script.run(in: pair.mount.path, [pair.lower])
    #expect(second == Script.Result(ending: .exited(0), output: mount), "on the mount", sourceLocation: location)
    try pair.end()
}
