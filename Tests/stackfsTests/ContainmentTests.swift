import CLinux
import Glibc
import SystemCalls
import Testing

@testable import stackfs

/// On real directories; those that are bound elsewhere need privilege, and are tested with the command.
@Suite struct ContainmentTests {
    /// Compares two directories below a new one that holds a/b/c, d, and the symbolic link e to a/b.
    private func compare(lower: String, mount: String) throws -> Containment {
        var template = Array("/tmp/stackfs-containment.XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        let directories = ["a", "a/b", "a/b/c", "d"]
        for directory in directories { try #require(mkdir("\(path)/\(directory)", 0o755) == 0) }
        try #require(symlink("a/b", "\(path)/e") == 0)
        defer {
            unlink("\(path)/e")
            for directory in directories.reversed() { rmdir("\(path)/\(directory)") }
            rmdir(path)
        }
        let first = try #require(resolved("\(path)/\(lower)"))
        let second = try #require(resolved("\(path)/\(mount)"))
        let flags = LINUX_O_PATH | LINUX_O_DIRECTORY
        let lowerDirectory = Descriptor(owning: Int32(try checked(linux_openat(LINUX_AT_FDCWD, first, flags, 0))))
        let mountPoint = Descriptor(owning: Int32(try checked(linux_openat(LINUX_AT_FDCWD, second, flags, 0))))
        return try Containment(lower: lowerDirectory.number, first, mount: mountPoint.number, second, .read())
    }

    @Test(arguments: [
        ("a", "d", Containment.apart), ("d", "a/b/c", .apart), ("a", "a", .same), ("a/b", "e", .same),
        ("a", "a/b", .mountInLower), ("a", "a/b/c", .mountInLower), ("a", "e/c", .mountInLower),
        ("e", "a/b/c", .mountInLower),
        ("a/b", "a", .lowerInMount), ("e/c", "a", .lowerInMount), (".", "d", .mountInLower), ("d", ".", .lowerInMount),
    ])
    func directories(lower: String, mount: String, expected: Containment) throws {
        #expect(try compare(lower: lower, mount: mount) == expected)
    }

    @Test func theRootHoldsAll() throws {
        #expect(try compare(lower: "../..", mount: "d") == .mountInLower)
    }

    @Test func pathsWhoseLastPartCannotBeAsked() {
        #expect(lexicallyAbsolute("/tmp/..") == "/")
        #expect(lexicallyAbsolute("/tmp/no-such-name") == resolved("/tmp").map { "\($0)/no-such-name" })
        #expect(lexicallyAbsolute("no-such-name") == resolved(".").map { "\($0)/no-such-name" })
        #expect(lexicallyAbsolute("/no-such-name/") == "/no-such-name")
    }
}
