import MountSupport
import Testing

extension Programs {
    @Suite struct Communication {
        @Test func flockExcludesOnTheMount() throws {
            let pair = try Pair()
            let output = try pair.expectSame(
                .shell(
                    """
                    touch lock
                    flock lock sh -c 'flock -n lock true || echo busy; flock -n -s lock true || echo busy for readers'
                    flock -s lock sh -c 'flock -n -s lock echo shared; flock -n lock true || echo busy'
                    flock -n lock echo free
                    # A counter that two programs raise under the lock misses nothing.
                    echo 0 >counter
                    count() { for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
                        flock lock sh -c 'n=$(cat counter); echo $((n + 1)) >counter'; done; }
                    count & first=$!
                    count & second=$!
                    wait $first
                    wait $second
                    cat counter
                    """))
            #expect(output == "busy\nbusy for readers\nshared\nbusy\nfree\n40\n")
            try pair.end()
        }

        /// A request is answered through the file that it was read from, also when that comes later.
        @Test(arguments: ["clone_fd,threads=4", "busy_poll=1000"]) func waitingWhereRequestsAreReadFromClones(
            options: String
        ) throws {
            let fixture = try Fixture(.tmpfs, options: ["transport=device", options])
            let mount = try #require(fixture.mount)
            let result = try Script.shell(
                """
                for i in 1 2 3 4 5 6; do
                    flock lock sh -c 'echo "$0 held"; sleep 0.1' $i & first=$!
                    until [ -e lock ]; do :; done
                    flock lock echo "waited"
                    wait $first
                done | sort | uniq -c | tr -s ' ' ' '
                """
            ).run(in: mount.path, seconds: 20)
            #expect(result.output == (1...6).map { " 1 \($0) held\n" }.joined() + " 6 waited\n")
            try mount.unmount()
            withExtendedLifetime(fixture) {}
        }

        @Test func locksExcludeTheLowerDirectory() throws {
            let pair = try Pair()
            let script = Script.python(
                """
                write('lock')
                other = os.open(sys.argv[1] + '/lock', os.O_RDWR)
                mine = os.open('lock', os.O_RDWR)
                for holder, tries in (mine, other), (other, mine):
                    for exclusive, wanted in (True, True), (True, False), (False, True), (False, False):
                        held, want = [fcntl.LOCK_EX if e else fcntl.LOCK_SH for e in (exclusive, wanted)]
                        fcntl.flock(holder, held)
                        print('flock', exclusive, wanted, name(lambda: fcntl.flock(tries, want | fcntl.LOCK_NB)))
                        fcntl.flock(tries, fcntl.LOCK_UN)
                        fcntl.flock(holder, fcntl.LOCK_UN)

                        fcntl.lockf(holder, held, 10, 5)
                        def attempt():
                            fcntl.lockf(tries, want | fcntl.LOCK_NB, 10, 0)
                        def elsewhere():
                            fcntl.lockf(tries, want | fcntl.LOCK_NB, 5, 20)
                        # A POSIX lock is a process's: another one tries.
                        sys.stdout.flush()
                        if os.fork() == 0:
                            print('lockf', exclusive, wanted, name(attempt), name(elsewhere), flush=True)
                            os._exit(0)
                        os.wait()
                        fcntl.lockf(holder, fcntl.LOCK_UN)
                """)
            let native = try script.run(in: pair.native, [pair.native])
            let mounted = try script.run(in: pair.mount.path, [pair.lower])
            #expect(native.ending == .exited(0), "\(native.output)")
            #expect(mounted == native)
            try pair.end()
        }

        @Test func socketsAndPipes() throws {
            let pair = try Pair()
            let output = try pair.expectSame(
                .python(
                    """
                    server = socket.socket(socket.AF_UNIX)
                    server.bind('socket')
                    server.listen()
                    print(name(lambda: socket.socket(socket.AF_UNIX).bind('socket')))
                    os.chmod('socket', 0o600)
                    print(as_user(1000, lambda: socket.socket(socket.AF_UNIX).connect('socket')))
                    if os.fork() == 0:
                        client = socket.socket(socket.AF_UNIX)
                        client.connect('socket')
                        client.sendall(b'through the socket')
                        os._exit(0)
                    print(server.accept()[0].recv(100))
                    os.wait()
                    server.close()
                    print(name(lambda: socket.socket(socket.AF_UNIX).connect('socket')))
                    print(name(lambda: os.open('socket', os.O_RDONLY)))

                    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                    datagrams.bind('datagrams')
                    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'datagram', 'datagrams')
                    print(datagrams.recv(100))
                    packets = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    packets.bind('packets')
                    packets.listen()
                    socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect('packets')

                    os.mkfifo('fifo')
                    print(name(lambda: os.open('fifo', os.O_WRONLY | os.O_NONBLOCK)))
                    if os.fork() == 0:
                        write('fifo', b'through the pipe')
                        os._exit(0)
                    print(read('fifo'))
                    os.wait()
                    """))
            #expect(output.contains("through the socket") && output.contains("through the pipe"))
            try pair.end()
        }
    }
}
