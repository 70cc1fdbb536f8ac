import MountSupport
import Testing

/// LIMITS.md: the backing file of kernel passthrough keeps the flags and the rights that it was opened with.
@Suite(.enabled(if: Requirements.missingForPassthrough == nil, "\(Requirements.missingForPassthrough ?? "")"))
struct PassthroughTests {
    private static let options = Pair.uncached + ["passthrough=on"]

    @Test func flagsThatFcntlChanges() throws {
        let pair = try Pair(options: Self.options)
        try pair.expect(
            native: "3", "EINVAL", "False", mount: "4", "done", "True",
            of: """
                fd = os.open('file', os.O_RDWR | os.O_CREAT | os.O_APPEND)
                os.write(fd, b'123')
                fcntl.fcntl(fd, fcntl.F_SETFL, 0)
                os.pwrite(fd, b'x', 0)
                print(os.stat('file').st_size)
                fcntl.fcntl(fd, fcntl.F_SETFL, os.O_DIRECT)
                print(name(lambda: os.pwrite(fd, b'x', 1)))
                fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NOATIME)
                print(stamps(lambda: os.stat('file').st_atime_ns, lambda: os.pread(fd, 1, 0)))
                """)
        try pair.end()
    }

    @Test func rightsOfTheFirstOpener() throws {
        let pair = try Pair(options: Self.options)
        try pair.expect(
            native: "0o4777", "1001: done", "0o777", mount: "0o777", "1001: done", "0o777",
            of: """
                write('file')
                os.chown('file', 1001, 1001)
                os.chmod('file', 0o4777)
                (ready, ready_end), (go, go_end) = os.pipe(), os.pipe()
                if os.fork() == 0:
                    os.setgid(1001)
                    os.setuid(1001)
                    fd = os.open('file', os.O_RDWR)
                    os.write(ready_end, b'x')
                    os.read(go, 1)
                    os._exit(0)
                os.read(ready, 1)
                fd = os.open('file', os.O_WRONLY)
                os.write(fd, b'x')
                print(mode('file'))
                as_user(1001, lambda: os.write(os.open('file', os.O_WRONLY), b'y'))
                print(mode('file'))
                os.write(go_end, b'x')
                os.wait()
                """)
        try pair.end()
    }
}
