import Glibc
import MountSupport
import Testing

extension Faithfulness {
    /// Mounts that an ordinary user makes through fusermount3.
    @Suite(
        .enabled(
            if: access("/usr/bin/fusermount3", X_OK) == 0, "ordinary users mount through fusermount3, which is missing")
    )
    struct OrdinaryUsers {
        private static let user: UInt32 = 1000

        /// A lower directory and a mount point of the user, and the daemon run by them with a limit of open files.
        private static func mount(limit: Int, options: [String] = []) throws -> (Scratch, TestMount) {
            let scratch = try Scratch(.ext4)
            let lower = try scratch.makeLowerDirectory("lower")
            let point = scratch.makeDirectory("mount")
            for path in [lower, point] { chown(path, user, user) }
            // Where the user can reach it.
            let program = "\(scratch.root)/stackfs"
            try Subprocess.run(["cp", Daemon.binary(), program])
            let mount = try TestMount(
                lower, in: scratch,
                command: [
                    "prlimit", "--nofile=\(limit)", "setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups",
                    program,
                    "-f", "-r", "{lower}", "{mount}",
                ] + (options.isEmpty ? [] : ["-o", options.joined(separator: ",")]), deadline: 120)
            return (scratch, mount)
        }

        /// Runs a script as the user.
        private static func run(_ script: Script, _ arguments: [String] = [], in mount: TestMount) throws
            -> Script.Result
        {
            let directory = mount.path
            let wrapped = Script.python(
                """
                os.setgroups([]); os.setgid(\(user)); os.setuid(\(user))
                os.chdir(sys.argv[1])
                os.execvp(sys.argv[2], sys.argv[2:])
                """)
            return try wrapped.run(in: "/", [directory] + script.command(arguments), seconds: 60)
        }

        /// fanotify serves ordinary users too (Linux 5.13), who cannot open what file handles name; inotify always has.
        @Test(arguments: ["fanotify", "inotify"]) func theirMountsAreWatchedWhenAsked(_ watcher: String) throws {
            let (scratch, mount) = try Self.mount(limit: 1024, options: Coherence.Changes.watched(by: watcher))
            let result = try Self.run(
                .coherence(Coherence.Changes.prepare + Coherence.Changes.fewChanges), [mount.lower], in: mount)
            #expect(result == Script.Result(ending: .exited(0), output: ""))
            try mount.unmount()
            _ = scratch
        }

        @Test func theyWorkOnTheirOwnFiles() throws {
            let (scratch, mount) = try Self.mount(limit: 1024)
            // What belongs to others in the user's directory.
            let others = try Script.shell(
                "echo secret >root; chmod 600 root; echo open >readable; mkdir closed; chmod 700 closed"
            ).run(in: mount.lower)
            #expect(others.ending == .exited(0))
            let result = try Self.run(
                .python(
                    """
                    write('file', b'content', 0o640)
                    assert read('file') == b'content' == read(sys.argv[1] + '/file')
                    os.mkdir('directory')
                    os.rename('file', 'directory/moved')
                    os.link('directory/moved', 'link')
                    assert os.path.samefile('link', 'directory/moved') and os.stat('link').st_nlink == 2
                    os.symlink('link', 'symbolic')
                    os.mkfifo('fifo')
                    os.chmod('link', 0o600)
                    os.utime('link', (1, 2))
                    os.setxattr('link', 'user.key', b'value')
                    os.truncate('link', 3)
                    fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600)
                    link_open(fd, 'unnamed')
                    fd = os.open('link', os.O_RDWR)
                    os.unlink('link')
                    os.unlink('directory/moved')
                    assert os.fstat(fd).st_nlink == 0 and os.read(fd, 10) == b'con'
                    fcntl.flock(fd, fcntl.LOCK_EX)
                    memory = mmap.mmap(fd, 0)
                    memory[0:3] = b'CON'
                    memory.flush()
                    s = os.stat('symbolic', follow_symlinks=False)
                    assert (s.st_uid, s.st_gid) == (1000, 1000)
                    print(name(lambda: read('root')), read('readable'), name(lambda: os.listdir('closed')))
                    print(name(lambda: os.chown('directory', 0, 0)), name(lambda: os.chmod('readable', 0o777)))
                    print(name(lambda: os.mknod('null', stat.S_IFCHR, os.makedev(1, 3))))
                    os.unlink('root')
                    os.rename('readable', 'renamed')
                    print(sorted(os.listdir('.')))
                    """), [mount.lower], in: mount)
            #expect(
                result
                    == Script.Result(
                        ending: .exited(0),
                        output: """
                            EACCES b'open\\n' EACCES
                            EPERM EPERM
                            EPERM
                            ['closed', 'directory', 'fifo', 'renamed', 'symbolic', 'unnamed']

                            """))
            // The mount is the user's alone, root included.
            var status = Glibc.stat()
            #expect(stat(mount.path + "/directory", &status) == -1 && errno == EACCES)
            try mount.unmount()
            _ = scratch
        }

        /// Without file handles each node needs a descriptor: there are fewer of them than files.
        @Test func manyFilesWithFewDescriptors() throws {
            let (scratch, mount) = try Self.mount(limit: 300)
            let result = try Self.run(
                .python(
                    """
                    for i in range(20):
                        os.makedirs(f'{i}/a/b/c')
                        for j in range(100):
                            write(f'{i}/a/b/c/{j}', b'%d %d' % (i, j))
                    for _ in range(2):
                        for i in range(20):
                            assert sorted(os.listdir(f'{i}/a/b/c'), key=int) == [str(j) for j in range(100)]
                            for j in range(100):
                                assert read(f'{i}/a/b/c/{j}') == b'%d %d' % (i, j)
                    inodes = {os.stat(f'{i}/a/b/c/{j}').st_ino for i in range(20) for j in range(100)}
                    assert len(inodes) == 2000
                    open_ones = [os.open(f'{i}/a/b/c/{i}', os.O_RDONLY) for i in range(20)]
                    for i in range(20):
                        os.rename(f'{i}/a/b/c/{i}', f'{i}/a/moved')
                        os.rename(f'{i}/a', f'{i}/A')
                    for i in range(20):
                        assert os.read(open_ones[i], 100) == b'%d %d' % (i, i) == read(f'{i}/A/moved')
                    subprocess.run(['rm', '-r', *(str(i) for i in range(20))], check=True)
                    assert os.listdir('.') == []
                    """), in: mount)
            #expect(result == Script.Result(ending: .exited(0), output: ""))
            try mount.unmount()
            _ = scratch
        }
    }
}
