import Glibc
import MountSupport
import Testing

extension Faults {
    /// More than one way to the same files.
    @Suite struct SeveralMounts {
        @Test func twoMountsOfOneDirectory() throws {
            let pair = try Pair(options: ["cache=none"])
            let second = try TestMount(
                pair.lower, in: pair.scratch, name: "second", options: ["cache=none"], deadline: 60)
            try pair.expectSuccess(
                .python(
                    """
                    other = sys.argv[1]
                    write('file', b'first')
                    assert read(other + '/file') == b'first'
                    write(other + '/file', b'SECOND')
                    assert read('file') == b'SECOND' and os.stat('file').st_size == 6
                    os.rename(other + '/file', other + '/moved')
                    assert os.listdir('.') == ['moved'] == os.listdir(other)
                    held = os.open('moved', os.O_RDWR)
                    fcntl.flock(held, fcntl.LOCK_EX)
                    tries = os.open(other + '/moved', os.O_RDWR)
                    assert name(lambda: fcntl.flock(tries, fcntl.LOCK_EX | fcntl.LOCK_NB)) == 'EAGAIN'
                    fcntl.flock(held, fcntl.LOCK_UN)
                    fcntl.lockf(held, fcntl.LOCK_EX, 10)
                    sys.stdout.flush()
                    pid = os.fork()
                    if pid == 0:
                        os._exit(name(lambda: fcntl.lockf(tries, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)) != 'EAGAIN')
                    assert os.waitpid(pid, 0)[1] == 0
                    writers = []
                    for path in 'log', other + '/log':
                        writers.append(os.fork())
                        if writers[-1] == 0:
                            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                            for _ in range(300):
                                os.write(fd, b'a line\\n')
                            os._exit(0)
                    for writer in writers:
                        assert os.waitpid(writer, 0)[1] == 0
                    assert read('log') == b'a line\\n' * 600 == read(other + '/log')
                    os.unlink('moved')
                    assert os.fstat(tries).st_nlink == 0 and os.read(tries, 10) == b'SECOND'
                    """), second.path)
            try second.unmount()
            try pair.end()
        }

        @Test func aMountOfAMount() throws {
            let pair = try Pair()
            let upper = try TestMount(pair.mount.path, in: pair.scratch, name: "upper", deadline: 60)
            let script = Script.shell(
                """
                mkdir directory
                seq 1 10000 >directory/file
                ln directory/file link
                cp -a directory copy
                setfattr -n user.key -v value link
                chmod 4750 link
                rm -r directory
                ls -l | wc -l
                """)
            #expect(try script.run(in: pair.native).ending == .exited(0))
            #expect(try script.run(in: upper.path) == Script.Result(ending: .exited(0), output: "3\n"))
            expectEqualLines(
                try TreeDigest.of(upper.path), try TreeDigest.of(pair.native), "mount and native directory")
            try upper.unmount()
            try pair.end()
        }

        /// Changes behind the mount, of each kind: seen after the time-to-live, and at once with cache=none.
        @Test(arguments: [("cache=ttl:1", 1.2), ("cache=none", 0.0)]) func changesBelow(
            _ option: String, _ delay: Double
        ) throws {
            let pair = try Pair(options: [option])
            try pair.expectSuccess(
                .python(
                    """
                    lower, delay = sys.argv[1], float(sys.argv[2])
                    os.mkdir('directory')
                    for path in 'changed', 'removed', 'renamed', 'replaced', 'directory/inner':
                        write(path, b'before')
                    os.symlink('before', 'link')
                    held = os.open('changed', os.O_RDONLY)
                    # The kernel knows everything, contents and listings too.
                    os.listdir('.'), os.listdir('directory'), os.readlink('link')
                    assert name(lambda: os.stat('new')) == 'ENOENT'
                    for path in 'changed', 'removed', 'renamed', 'replaced', 'directory/inner':
                        read(path)
                    os.pread(held, 10, 0)

                    write(lower + '/changed', b'after, and longer')
                    os.chmod(lower + '/changed', 0o600)
                    os.setxattr(lower + '/changed', 'user.key', b'value')
                    os.unlink(lower + '/removed')
                    os.rename(lower + '/renamed', lower + '/moved')
                    write(lower + '/temporary', b'another')
                    os.rename(lower + '/temporary', lower + '/replaced')
                    write(lower + '/new', b'new')
                    os.unlink(lower + '/link')
                    os.symlink('after', lower + '/link')
                    os.rename(lower + '/directory', lower + '/elsewhere')
                    time.sleep(delay)

                    assert read('changed') == b'after, and longer' and os.stat('changed').st_mode & 0o777 == 0o600
                    assert os.fstat(held).st_size == 17 and os.pread(held, 100, 0) == b'after, and longer'
                    assert os.getxattr('changed', 'user.key') == b'value'
                    assert name(lambda: os.stat('removed')) == name(lambda: os.stat('renamed')) == 'ENOENT'
                    assert read('moved') == b'before' and read('replaced') == b'another' and read('new') == b'new'
                    assert os.readlink('link') == 'after'
                    assert name(lambda: os.stat('directory')) == 'ENOENT' and read('elsewhere/inner') == b'before'
                    assert sorted(os.listdir('.')) == ['changed', 'elsewhere', 'link', 'moved', 'new', 'replaced']
                    """), pair.lower, "\(delay)")
            try pair.end()
        }

        /// Somebody privileged opens the connection and mounts; the daemon is handed the descriptor.
        @Test func connectionOpenedBySomebodyElse() throws {
            let scratch = try Scratch(.tmpfs)
            let lower = try scratch.makeLowerDirectory("lower")
            let point = scratch.makeDirectory("mount")
            let result = try Script.python(
                """
                lower, point, binary = sys.argv[1:]
                connection = os.open('/dev/fuse', os.O_RDWR)
                options = f'fd={connection},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions'
                system(libc.mount(b'handed', point.encode(), b'fuse.stackfs', 0, options.encode()))
                daemon = subprocess.Popen([binary, '-f', '-r', lower, '--fuse-fd', str(connection)], pass_fds=[connection],
                                          stderr=subprocess.DEVNULL)
                os.close(connection)
                write(point + '/file', b'content')
                assert read(lower + '/file') == b'content' and os.listdir(point) == ['file']
                system(libc.umount2(point.encode(), 0))
                print(daemon.wait(10))
                # A descriptor that is no connection is refused.
                wrong = os.open('/dev/null', os.O_RDWR)
                refused = subprocess.run([binary, '-f', '-r', lower, '--fuse-fd', str(wrong)], pass_fds=[wrong], capture_output=True,
                                         text=True, timeout=10)
                print(refused.returncode, bool(refused.stderr))
                """
            ).run(in: "/", [lower, point, Daemon.binary()], seconds: 30)
            if let left = MountEntry.at(point) {
                TextFile.write("1", to: "/sys/fs/fuse/connections/\(left.minor)/abort")
                _ = try? Subprocess.run(["umount", "-l", point])
            }
            #expect(result == Script.Result(ending: .exited(0), output: "0\n1 True\n"))
        }
    }
}
