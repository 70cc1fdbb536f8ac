import MountSupport
import Testing

/// LIMITS.md: whether a lock is of a process or of an open file is not told.
@Suite(.enabled(if: Requirements.missing(for: .ext4) == nil, "\(Requirements.missing(for: .ext4) ?? "")"))
struct LockKindTests {
    @Test func theHolderIsOfTheKindThatAsks() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "process", mount: "open file",
            of: """
                F_OFD_GETLK, lock = 36, 'hhqqi'
                fd = os.open('file', os.O_RDWR | os.O_CREAT)
                fcntl.lockf(fd, fcntl.LOCK_EX, 10)
                other = os.open('file', os.O_RDWR)
                found = fcntl.fcntl(other, F_OFD_GETLK, struct.pack(lock, fcntl.F_WRLCK, 0, 0, 10, 0))
                print('open file' if struct.unpack(lock, found)[4] == -1 else 'process')
                """)
        try pair.end()
    }
}
