import MountSupport
import Testing

/// LIMITS.md: what few programs will ever meet, found by random calls.
@Suite(.enabled(if: Requirements.met, "\(Requirements.reason)"))
struct RareLimitTests {
    @Test(
        .enabled(
            if: Requirements.missingForPassthrough == nil, "\(Requirements.missingForPassthrough ?? "")"))
    func spaceOfFilesDeletedBelow() throws {
        try expectSides(
            .python(
                """
                below = sys.argv[1]
                def free():
                    status = os.statvfs(below)
                    return status.f_bfree * status.f_bsize
                write('file', bytes(8 << 20))
                read('file')
                before = free()
                os.unlink(below + '/file')
                print(free() - before > 7 << 20)
                """), native: "True\n", mount: "False\n", on: .tmpfs, options: ["cache=ttl:3600"])
    }

    @Test func labelsThatNobodyGave() throws {
        try expectSides(
            .python(
                """
                write('file')
                if 'selinuxfs' in open('/proc/filesystems').read():
                    print('labels')
                print(name(lambda: os.getxattr('file', 'security.selinux')))
                os.setxattr('file', 'security.selinux', b'a label')
                print(os.getxattr('file', 'security.selinux'))
                """), native: "ENODATA\nb'a label'\n", mount: "ENOTSUP\nb'a label'\n")
    }

    @Test func directoriesOpenedWithoutStamping() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "False", mount: "True",
            of: """
                os.mkdir('directory')
                time.sleep(0.02)
                write('directory/file')
                fd = os.open('directory', os.O_RDONLY | os.O_DIRECTORY | os.O_NOATIME)
                print(stamps(lambda: os.stat('directory').st_atime_ns, lambda: os.listdir(fd)))
                """)
        try pair.end()
    }

    @Test(
        .enabled(
            if: Requirements.missingForPassthrough == nil, "\(Requirements.missingForPassthrough ?? "")"))
    func readingNothing() throws {
        let pair = try Pair(.tmpfs, options: Pair.uncached)
        try pair.expect(
            native: "True", mount: "False",
            of: """
                write('file', b'content')
                time.sleep(0.02)
                os.utime('file', (1, 2))
                fd = os.open('file', os.O_RDONLY)
                print(stamps(lambda: os.stat('file').st_atime_ns, lambda: os.pread(fd, 0, 0)))
                """)
        try pair.end()
    }

    @Test(
        .enabled(if: Requirements.missing(for: .xfs) == nil, "\(Requirements.missing(for: .xfs) ?? "")"))
    func flagsOfFIFOs() throws {
        let pair = try Pair(.xfs)
        try pair.expect(
            native: "done", mount: "ENOTTY",
            of: """
                FS_IOC_GETFLAGS = 0x80086601
                os.mkfifo('fifo')
                fd = os.open('fifo', os.O_RDWR)
                print(name(lambda: fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytearray(4))))
                """)
        try pair.end()
    }

    /// tmpfs refuses the mode, and the bit has gone by then.
    @Test func setIDFilesThatFallocateRefuses() throws {
        let pair = try Pair(.tmpfs)
        try pair.expect(
            native: "ENOTSUP", "0o4755", mount: "ENOTSUP", "0o755",
            of: Self.asOwner(
                """
                FALLOC_FL_ZERO_RANGE = 16
                fd = os.open('file', os.O_RDWR)
                libc = ctypes.CDLL(None, use_errno=True)
                libc.fallocate(fd, FALLOC_FL_ZERO_RANGE, ctypes.c_long(0), ctypes.c_long(4096))
                print(errno.errorcode[ctypes.get_errno()], flush=True)
                """))
        try pair.end()
    }

    @Test(
        .enabled(if: Requirements.missing(for: .xfs) == nil, "\(Requirements.missing(for: .xfs) ?? "")"))
    func setIDFilesThatDirectWritesMiss() throws {
        let pair = try Pair(.xfs, options: Pair.uncached + ["passthrough=off"])
        try pair.expect(
            native: "EINVAL", "0o4755", mount: "EINVAL", "0o755",
            of: Self.asOwner(
                """
                fd = os.open('file', os.O_RDWR | os.O_DIRECT)
                print(name(lambda: os.pwrite(fd, b'odd', 1)), flush=True)
                """))
        try pair.end()
    }

    @Test func storesBehindTheEnd() throws {
        let pair = try Pair(.tmpfs, options: Pair.uncached + ["passthrough=off"])
        try pair.expect(
            native: "b'x'", mount: "b'\\x00'",
            of: """
                write('file', b'\\0' * 4096)
                fd = os.open('file', os.O_RDWR)
                mapping = mmap.mmap(fd, 4096)
                os.ftruncate(fd, 10)
                mapping[100] = ord('x')
                mapping.flush()
                os.ftruncate(fd, 200)
                print(os.pread(fd, 1, 100))
                """)
        try pair.end()
    }

    /// Makes a set-user-id file, has its owner do something to it, and prints the mode that is left.
    private static func asOwner(_ body: String) -> String {
        """
        import ctypes
        write('file', b'x' * 8192, 0o755)
        os.chown('file', 1000, 1000)
        os.chmod('file', 0o4755)
        if os.fork() == 0:
            os.setgroups([])
            os.setgid(1000)
            os.setuid(1000)
        \(body.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
            os._exit(0)
        os.wait()
        print(mode('file'))
        """
    }
}
