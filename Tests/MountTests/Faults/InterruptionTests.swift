import MountSupport
import Testing

extension Faults {
    /// A signal ends a wait for a lock at once, and the lock is not taken afterwards.
    @Suite struct Interruption {
        @Test(arguments: ["flock", "lockf"], ["mount", "lower"]) func waitingForALock(_ call: String, _ holder: String)
            throws
        {
            let pair = try Pair(.tmpfs)
            let output = try pair.expectSuccess(
                .python(
                    """
                    call, holder = getattr(fcntl, sys.argv[1]), {'mount': '.', 'lower': sys.argv[3]}[sys.argv[2]]
                    write('file')
                    ready = os.pipe()
                    held = os.open(holder + '/file', os.O_RDWR)
                    call(held, fcntl.LOCK_EX)
                    waiter = os.fork()
                    if waiter == 0:
                        os.close(held)
                        def interrupt(*_):
                            raise OSError(errno.EINTR, '')
                        signal.signal(signal.SIGINT, interrupt)
                        fd = os.open('file', os.O_RDWR)
                        os.write(ready[1], b'x')
                        print(name(lambda: call(fd, fcntl.LOCK_EX)), flush=True)
                        os.write(ready[1], b'x')
                        time.sleep(60)
                    os.read(ready[0], 1)
                    time.sleep(0.3)
                    start = time.monotonic()
                    os.kill(waiter, signal.SIGINT)
                    os.read(ready[0], 1)
                    assert time.monotonic() < start + 0.5
                    # Nobody waits any more: once it is given back, everybody else can have it, while the waiter still lives.
                    call(held, fcntl.LOCK_UN)
                    again = os.open('file', os.O_RDWR)
                    call(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    call(again, fcntl.LOCK_UN)
                    # Killed while it waits, a process goes away.
                    call(held, fcntl.LOCK_EX)
                    victim = os.fork()
                    if victim == 0:
                        call(os.open('file', os.O_RDWR), fcntl.LOCK_EX)
                    time.sleep(0.2)
                    start = time.monotonic()
                    os.kill(victim, signal.SIGKILL)
                    assert os.waitpid(victim, 0)[1] == signal.SIGKILL
                    assert time.monotonic() < start + 0.5
                    os.kill(waiter, signal.SIGKILL)
                    os.waitpid(waiter, 0)
                    """), call, holder, pair.lower, seconds: 20)
            #expect(output == "EINTR\n")
            try pair.end()
        }

        @Test func theLockComesWhenItIsFree() throws {
            let pair = try Pair(.tmpfs)
            try pair.expectSuccess(
                .python(
                    """
                    write('file')
                    for call in fcntl.flock, fcntl.lockf:
                        for directory in '.', sys.argv[1]:
                            held = os.open(directory + '/file', os.O_RDWR)
                            call(held, fcntl.LOCK_EX)
                            waiters = []
                            for _ in range(5):
                                waiters.append(os.fork())
                                if waiters[-1] == 0:
                                    os.close(held)
                                    fd = os.open('file', os.O_RDWR)
                                    call(fd, fcntl.LOCK_EX)
                                    call(fd, fcntl.LOCK_UN)
                                    os._exit(0)
                            time.sleep(0.2)
                            # Waiting locks hold up nobody else.
                            os.stat('file')
                            assert os.waitpid(waiters[0], os.WNOHANG) == (0, 0)
                            os.close(held)
                            for waiter in waiters:
                                assert os.waitpid(waiter, 0)[1] == 0
                    """), pair.lower, seconds: 20)
            try pair.end()
        }
    }
}
