import MountSupport
import Testing

/// LIMITS.md: times that are not stamped, as the kernel does what would stamp them without a request.
@Suite(.enabled(if: Requirements.missing(for: .ext4) == nil, "\(Requirements.missing(for: .ext4) ?? "")"))
struct StampTests {
    @Test func symlinksThatAreFollowedAgain() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "True", mount: "False",
            of: """
                os.symlink('target', 'link')
                os.readlink('link')
                print(stamps(lambda: os.lstat('link').st_atime_ns, lambda: os.readlink('link')))
                """)
        try pair.end()
    }

    @Test func fifos() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "True", mount: "False",
            of: """
                os.mkfifo('fifo')
                fd = os.open('fifo', os.O_RDWR)
                print(stamps(lambda: os.stat('fifo').st_mtime_ns, lambda: os.write(fd, b'x')))
                """)
        try pair.end()
    }

    @Test func dataThatTheKernelHas() throws {
        let pair = try Pair(options: Pair.uncached + ["passthrough=off"])
        try pair.expect(
            native: "True", mount: "False",
            of: """
                write('file', b'x' * 100)
                fd = os.open('file', os.O_RDONLY)
                os.pread(fd, 100, 0)
                print(stamps(lambda: os.stat('file').st_atime_ns, lambda: os.pread(fd, 100, 0)))
                """)
        try pair.end()
    }

    @Test func directoriesThatAreNoSourceOfData() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "True", mount: "False",
            of: """
                os.mkdir('directory')
                fd, target = os.open('directory', os.O_RDONLY), os.open('file', os.O_WRONLY | os.O_CREAT)
                print(stamps(lambda: os.stat('directory').st_atime_ns, lambda: name(lambda: os.sendfile(target, fd, 0, 9))))
                """)
        try pair.end()
    }
}
