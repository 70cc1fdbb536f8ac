import Glibc
import MountSupport
import Testing

extension Faults {
    /// A killed daemon leaves a mount that answers at once, with an error, and that can be cleared.
    @Suite struct KilledDaemon {
        @Test func nothingHangs() throws {
            let pair = try Pair()
            // Users in every state: an open file, a working directory, a mapping, a call that waits for an answer.
            let waiting = try Subprocess(
                [
                    "python3", "-c",
                    """
                    import fcntl, mmap, os, sys
                    os.chdir(sys.argv[1])
                    fd = os.open('file', os.O_RDWR | os.O_CREAT)
                    os.ftruncate(fd, 4096)
                    memory = mmap.mmap(fd, 4096)
                    memory[0] = 1
                    fcntl.flock(fd, fcntl.LOCK_EX)
                    os.mkdir('ready')
                    other = os.open('file', os.O_RDWR)
                    try:
                        fcntl.flock(other, fcntl.LOCK_EX)
                    except OSError as error:
                        print(error.errno, flush=True)
                    """, pair.mount.path,
                ], output: "\(pair.scratch.root)/waiting")
            let start = Deadline(seconds: 10)
            while access("\(pair.lower)/ready", F_OK) != 0, !start.passed { usleep(10_000) }
            usleep(200_000)
            pair.mount.process.signal(SIGKILL)
            #expect(pair.mount.process.wait(seconds: 5) == .killed(by: SIGKILL))
            #expect(waiting.wait(seconds: 5) == .exited(0), "whoever waits for an answer waits on")
            // The second where it had not begun to wait.
            #expect(["\(ECONNABORTED)\n", "\(ENOTCONN)\n"].contains(TextFile.read("\(pair.scratch.root)/waiting")))

            let calls = try Script.python(
                """
                mount = sys.argv[1]
                # Until then the kernel answers from its caches.
                time.sleep(1.1)
                start = time.monotonic()
                for call in (lambda: os.stat(mount), lambda: os.listdir(mount), lambda: os.stat(mount + '/file'),
                             lambda: os.open(mount + '/file', os.O_RDONLY), lambda: os.mkdir(mount + '/new'),
                             lambda: os.unlink(mount + '/file'), lambda: os.statvfs(mount)):
                    print(name(call))
                assert time.monotonic() < start + 1
                """
            ).run(in: "/", [pair.mount.path], seconds: 10)
            #expect(calls == Script.Result(ending: .exited(0), output: String(repeating: "ENOTCONN\n", count: 7)))

            let cleared = try Script.shell("\"$1\" umount \"$2\" && ! mountpoint -q \"$2\"")
                .run(in: "/", [Daemon.binary(), pair.mount.path], seconds: 10)
            #expect(cleared == Script.Result(ending: .exited(0), output: ""))
            let again = try TestMount(pair.lower, in: pair.scratch, deadline: 30)
            #expect(try Script.shell("stat -c %s file").run(in: again.path).output == "4096\n")
            try again.unmount()
        }

        /// Killed in the middle of work by several programs, again and again.
        @Test func killedUnderLoad() throws {
            let scratch = try Scratch(.tmpfs)
            let lower = try scratch.makeLowerDirectory("lower")
            for round in 0..<5 {
                let mount = try TestMount(lower, in: scratch, deadline: 30)
                let workers = try (0..<3).map { worker in
                    try Subprocess(
                        [
                            "sh", "-c",
                            """
                            { cd "$1" && mkdir "$2"; } || exit 7
                            while :; do
                                echo content >"$2/file" && ln "$2/file" "$2/link" && mv "$2/link" "$2/moved" && ls -l "$2" >/dev/null \\
                                    && rm "$2/file" "$2/moved" || exit 7
                            done
                            """, "sh", mount.path, "\(round)-\(worker)",
                        ], output: "/dev/null")
                }
                usleep(200_000 + UInt32(round) * 30_000)
                mount.process.signal(SIGKILL)
                // A thread that tells the kernel of a changed name waits for the directory's lock, which somebody may hold who waits for
                // the daemon: it cannot be killed then, and the kernel does not learn that the daemon is dead.
                if !workers.allSatisfy({ $0.wait(seconds: 3) != nil }) {
                    print("programs waited on after the daemon was killed: the mount is forced")
                    _ = try Script.shell("\"$1\" umount -f -l \"$2\"").run(
                        in: "/", [Daemon.binary(), mount.path], seconds: 10)
                }
                for worker in workers { #expect(worker.wait(seconds: 5) == .exited(7)) }
                guard MountEntry.at(mount.path) != nil else { continue }
                let cleared = try Script.shell("\"$1\" umount \"$2\"").run(
                    in: "/", [Daemon.binary(), mount.path], seconds: 10)
                #expect(cleared == Script.Result(ending: .exited(0), output: ""))
            }
        }

        /// A daemon that hangs: forcing its mount ends whoever waits. What came by io_uring, and the daemon has not fetched, waits until
        /// it goes on.
        @Test func forcedWhileItHangs() throws {
            let pair = try Pair(.tmpfs, options: ["transport=device"])
            // Answered once the connection has begun: one that has not ends with other errors.
            #expect(access("\(pair.mount.path)/missing", F_OK) != 0)
            pair.mount.process.stop()
            let waiting = try Subprocess(
                ["sh", "-c", "mkdir \"$1/new\" || exit 7", "sh", pair.mount.path],
                output: "\(pair.scratch.root)/waiting")
            #expect(waiting.wait(seconds: 0.5) == nil)
            let forced = try Script.shell("\"$1\" umount -f -l \"$2\" && ! mountpoint -q \"$2\"")
                .run(in: "/", [Daemon.binary(), pair.mount.path], seconds: 10)
            #expect(forced == Script.Result(ending: .exited(0), output: ""))
            #expect(waiting.wait(seconds: 5) == .exited(7))
            #expect(TextFile.read("\(pair.scratch.root)/waiting").contains("Software caused connection abort"))
            pair.mount.process.signal(SIGCONT)
            #expect(pair.mount.process.wait(seconds: 5) == .exited(0))
        }

        /// A mount point that a killed daemon has left is recognised, and it is said how to clear it.
        @Test func theNextMountSaysHowToClear() throws {
            let pair = try Pair(.tmpfs)
            pair.mount.process.signal(SIGKILL)
            #expect(pair.mount.process.wait(seconds: 5) == .killed(by: SIGKILL))
            let result = try Script.shell("\"$1\" \"$2\" \"$3\" || echo \"status $?\"")
                .run(in: "/", [Daemon.binary(), pair.lower, pair.mount.path], seconds: 10)
            #expect(result.output.contains("umount") && result.output.hasSuffix("status 1\n"), "\(result.output)")
        }
    }
}
