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

    @Test func directoriesThatAreListedAgain() throws {
        let code = """
            os.mkdir('directory')
            write('directory/file', b'')
            os.listdir('directory')
            def stamped():
                os.utime('directory', ns=(10**18, 2 * 10**18))
                before = os.stat('directory').st_atime_ns
                os.listdir('directory')
                os.listdir('directory')
                return os.stat('directory').st_atime_ns != before
            def stampedAgain():
                stamped()
                os.utime('directory', ns=(10**18, 2 * 10**18))
                before = os.stat('directory').st_atime_ns
                os.listdir('directory')
                return os.stat('directory').st_atime_ns != before
            print(stampedAgain())
            """
        let kept = try Pair(options: ["cache=ttl:3600"])
        try kept.expect(native: "True", mount: "False", of: code)
        try kept.end()
        let uncached = try Pair(options: ["cache=none"])
        try uncached.expect(native: "True", mount: "True", of: code)
        try uncached.end()
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
