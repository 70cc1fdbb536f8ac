import Glibc
import MountSupport
import Testing

extension Faults {
    /// SIGTERM, SIGINT and SIGHUP end a mount, and nothing that was written is lost.
    @Suite struct Ending {
        @Test(arguments: [SIGTERM, SIGINT, SIGHUP]) func signalsUnmount(_ signal: Int32) throws {
            let pair = try Pair(.tmpfs)
            try pair.expectSuccess(.shell("echo content >file"))
            pair.mount.process.signal(signal)
            #expect(pair.mount.process.wait(seconds: 5) == .exited(0))
            #expect(MountEntry.at(pair.mount.path) == nil)
            #expect(try Script.shell("cat file").run(in: pair.lower).output == "content\n")
        }

        /// A program has a file open, and stores in a mapping that nobody has written out yet.
        @Test(arguments: [[], ["passthrough=off"], ["writeback_cache"]]) func dirtyPagesReachTheLowerFile(
            _ options: [String]
        ) throws {
            let pair = try Pair(options: options)
            let user = try Subprocess(
                [
                    "python3", "-c",
                    """
                    import mmap, os, sys, time
                    os.chdir(sys.argv[1])
                    fd = os.open('file', os.O_RDWR | os.O_CREAT)
                    os.ftruncate(fd, 1 << 20)
                    memory = mmap.mmap(fd, 1 << 20)
                    for page in range(256):
                        memory[page * 4096] = page
                    os.pwrite(fd, b'written', 100)
                    os.mkdir('ready')
                    time.sleep(60)
                    """, pair.mount.path,
                ], output: "\(pair.scratch.root)/user")
            let start = Deadline(seconds: 10)
            while access("\(pair.lower)/ready", F_OK) != 0, !start.passed { usleep(10_000) }
            pair.mount.process.signal(SIGTERM)
            let ending = pair.mount.process.wait(seconds: 10)
            user.signal(SIGKILL)
            _ = user.wait(seconds: 5)
            #expect(ending == .exited(0), "\(pair.mount.messages)")
            let check = try Script.python(
                """
                data = read('file')
                assert len(data) == 1 << 20 and data[100:107] == b'written'
                lost = [page for page in range(256) if data[page * 4096] != page]
                print('lost', lost)
                """
            ).run(in: pair.lower)
            #expect(check == Script.Result(ending: .exited(0), output: "lost []\n"))
            #expect(MountEntry.at(pair.mount.path) == nil)
        }

        @Test func aBusyMountIsNotUnmountedByTheCommand() throws {
            let pair = try Pair(.tmpfs)
            let result = try Script.shell(
                """
                exec 3>file
                "$1" umount "$2" 2>&1 || echo "status $?"
                exec 3>&-
                cd /
                "$1" umount "$2"
                """
            ).run(in: pair.mount.path, [Daemon.binary(), pair.mount.path], seconds: 20)
            #expect(result.output.contains("in use") && result.output.hasSuffix("status 1\n"), "\(result.output)")
            #expect(pair.mount.process.wait(seconds: 5) == .exited(0))
        }
    }
}
