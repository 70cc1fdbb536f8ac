import MountSupport
import Testing

/// LIMITS.md: append-only and immutable files. The kernel's FUSE inode carries neither flag.
@Suite(.enabled(if: Requirements.missing(for: .ext4) == nil, "\(Requirements.missing(for: .ext4) ?? "")"))
struct ProtectedFileTests {
    @Test func ofTwoErrorsTheOtherMayCome() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "1001: EPERM", mount: "1001: EACCES",
            of: """
                write('file', mode=0o600)
                protect(os.open('file', os.O_RDONLY), IMMUTABLE)
                as_user(1001, lambda: os.open('file', os.O_RDWR))
                """)
        try pair.end()
    }

    @Test func writingNothingSucceeds() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "EPERM", "EPERM", mount: "done", "done",
            of: """
                fd = os.open('file', os.O_RDWR | os.O_CREAT)
                protect(fd, IMMUTABLE)
                print(name(lambda: os.write(fd, b'')))
                print(name(lambda: os.copy_file_range(fd, fd, 10, 0, 20)))
                """)
        try pair.end()
    }

    @Test func accessSaysWritable() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "False", mount: "True",
            of: """
                write('file')
                protect(os.open('file', os.O_RDONLY), IMMUTABLE)
                print(os.access('file', os.W_OK))
                """)
        try pair.end()
    }

    @Test func appendOnlyDoesNotReachOpenFiles() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "EACCES", "EPERM", mount: "done", "done",
            of: """
                write('file', b'x' * 4096)
                plain, appending = os.open('file', os.O_RDWR), os.open('file', os.O_WRONLY | os.O_APPEND)
                protect(plain, APPEND)
                print(name(lambda: mmap.mmap(plain, 4096)))
                print(name(lambda: fcntl.fcntl(appending, fcntl.F_SETFL, 0)))
                """)
        try pair.end()
    }

    @Test func storesToMappedImmutableFilesAreLost() throws {
        let pair = try Pair(options: Pair.uncached + ["passthrough=off"])
        // Natively the store itself is answered with SIGBUS.
        try pair.expect(
            native: "-7", mount: "0",
            of: """
                write('file', b'x' * 4096)
                fd = os.open('file', os.O_RDWR)
                protect(fd, IMMUTABLE)
                pid = os.fork()
                if pid == 0:
                    mmap.mmap(fd, 4096)[0] = 1
                    os._exit(0)
                print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                """)
        try pair.end()
    }

    @Test func locksOfSeveralOwnersMeet() throws {
        let pair = try Pair(options: Pair.uncached)
        try pair.expect(
            native: "EAGAIN", mount: "done",
            of: """
                fd = os.open('file', os.O_RDWR | os.O_CREAT)
                protect(fd, IMMUTABLE)
                F_OFD_SETLK = 37
                fcntl.fcntl(fd, F_OFD_SETLK, struct.pack('hhqqi', fcntl.F_WRLCK, 0, 0, 10, 0))
                print(name(lambda: fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)))
                """)
        try pair.end()
    }
}
