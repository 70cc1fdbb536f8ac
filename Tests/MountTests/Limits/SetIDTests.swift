import MountSupport
import Testing

/// LIMITS.md: set-id bits and capabilities, at chown(-1, -1) by a stranger.
@Suite(.enabled(if: Requirements.missing(for: .ext4) == nil, "\(Requirements.missing(for: .ext4) ?? "")"))
struct SetIDTests {
    @Test func goWhileTheFileIsOpenForWriting() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "1001: EPERM", "0o4755", mount: "1001: done", "0o755",
            of: """
                write('file')
                os.chmod('file', 0o4755)
                fd = os.open('file', os.O_WRONLY)
                as_user(1001, lambda: os.chown('file', -1, -1))
                print(mode('file'))
                """)
        try pair.end()
    }

    @Test func stayWithoutTheCapabilities() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "1001: EPERM", "0o4755", "done", mount: "1001: EPERM", "0o4755", "ENODATA",
            of: """
                write('file')
                os.chmod('file', 0o4755)
                os.setxattr('file', 'security.capability', struct.pack('<5I', 0x2000001, 1 << 13, 0, 0, 0))
                as_user(1001, lambda: os.chown('file', -1, -1))
                print(mode('file'))
                print(name(lambda: os.getxattr('file', 'security.capability')))
                """)
        try pair.end()
    }
}
