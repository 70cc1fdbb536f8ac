import MountSupport
import Testing

/// LIMITS.md: lseek(2) where the kernel decides without knowing the lower file system.
@Suite(.enabled(if: Requirements.missing(for: .ext4) == nil, "\(Requirements.missing(for: .ext4) ?? "")"))
struct SeekTests {
    @Test func directoriesHaveNoEnd() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "EINVAL", "done", mount: "done", "ENXIO",
            of: """
                directory = os.open('.', os.O_RDONLY)
                print(name(lambda: os.lseek(directory, 618, os.SEEK_END)))
                print(name(lambda: os.lseek(directory, 49888, os.SEEK_HOLE)))
                """)
        try pair.end()
    }

    @Test func offsetsBeyondTheLongestFile() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "EINVAL", mount: "done",
            of: """
                fd = os.open('file', os.O_RDWR | os.O_CREAT)
                print(name(lambda: os.lseek(fd, 1 << 44, os.SEEK_SET)))
                """)
        try pair.end()
    }

    @Test func preallocatedSpaceThatWasReadAheadIsData() throws {
        let pair = try Pair(options: Pair.uncached + ["passthrough=off"])
        try pair.expect(
            native: "ENXIO", mount: "done",
            of: """
                fd = os.open('file', os.O_RDWR | os.O_CREAT | os.O_SYNC)
                os.posix_fallocate(fd, 52883, 15038)
                os.pread(fd, 51, 2)
                print(name(lambda: os.lseek(fd, 3867, os.SEEK_DATA)))
                """)
        try pair.end()
    }
}
