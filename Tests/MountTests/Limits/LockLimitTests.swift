import MountSupport
import Testing

/// The lower file's locks are the daemon's.
extension Limits {
    @Test func lockDeadlock() throws {
        try expectSides(
            .python(
                """
                write('file', bytes(2))
                fd = os.open('file', os.O_RDWR)
                fcntl.lockf(fd, fcntl.LOCK_EX, 1, 0)
                ready = os.pipe()
                child = os.fork()
                if child == 0:
                    fcntl.lockf(fd, fcntl.LOCK_EX, 1, 1)
                    os.write(ready[1], b'x')
                    signal.alarm(10)
                    print('child', name(lambda: fcntl.lockf(fd, fcntl.LOCK_EX, 1, 0)), flush=True)
                    os._exit(0)
                os.read(ready[0], 1)
                time.sleep(0.3)
                # Both wait for each other now, until one is told so or interrupted.
                class Interrupted(OSError):
                    pass
                def interrupt(*_):
                    raise Interrupted(errno.EINTR, '')
                signal.signal(signal.SIGALRM, interrupt)
                signal.alarm(1)
                outcome = name(lambda: fcntl.lockf(fd, fcntl.LOCK_EX, 1, 1))
                fcntl.lockf(fd, fcntl.LOCK_UN)
                os.waitpid(child, 0)
                print(outcome)
                """), native: "child done\nEDEADLOCK\n", mount: "child done\nEINTR\n")
    }

    /// With no_remote_lock those on the mount exclude each other, as natively, but nobody below.
    @Test func locksOfTheMountAlone() throws {
        let script = Script.python(
            """
            write('file', bytes(20))
            def attempt(path, lock):
                ended = os.fork()
                if ended == 0:
                    print(name(lambda: lock(os.open(path, os.O_RDWR))), flush=True)
                    os._exit(0)
                os.waitpid(ended, 0)
            fd = os.open('file', os.O_RDWR)
            for path in 'file', sys.argv[1] + '/file':
                fcntl.lockf(fd, fcntl.LOCK_EX, 10)
                attempt(path, lambda other: fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10))
                os.close(os.open('file', os.O_RDONLY))
                attempt(path, lambda other: fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10))
                fcntl.flock(fd, fcntl.LOCK_EX)
                attempt(path, lambda other: fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB))
                fcntl.flock(fd, fcntl.LOCK_UN)
            """)
        let excluded = "EAGAIN\ndone\nEAGAIN\n"
        try expectSides(script, native: excluded + excluded, mount: excluded + excluded)
        try expectSides(
            script, native: excluded + excluded, mount: excluded + "done\ndone\ndone\n", options: ["no_remote_lock"])
    }

    @Test func lockHolders() throws {
        try expectSides(
            .python(
                """
                F_OFD_SETLK = 37
                def lock(kind):
                    return struct.pack('hhqqi4x', kind, 0, 0, 10, 0)
                def holder(fd):
                    pid = struct.unpack('hhqqi4x', fcntl.fcntl(fd, fcntl.F_GETLK, lock(fcntl.F_WRLCK)))[4]
                    return 'the process' if pid == parent else pid
                parent = os.getpid()
                write('file')
                fd = os.open('file', os.O_RDWR)
                fcntl.fcntl(fd, F_OFD_SETLK, lock(fcntl.F_WRLCK))
                other = os.open('file', os.O_RDWR)
                print('open file description lock:', holder(other))
                fcntl.fcntl(fd, F_OFD_SETLK, lock(fcntl.F_UNLCK))
                fcntl.lockf(fd, fcntl.LOCK_EX, 10)
                sys.stdout.flush()
                if os.fork() == 0:
                    print('process lock:', holder(other))
                    print('seen below:', holder(os.open(sys.argv[1] + '/file', os.O_RDWR)), flush=True)
                    os._exit(0)
                os.wait()
                """),
            native: "open file description lock: -1\nprocess lock: the process\nseen below: the process\n",
            mount: "open file description lock: the process\nprocess lock: the process\nseen below: -1\n")
    }
}
