import Glibc
import MountSupport
import Testing

extension Faithfulness {
    /// FIFOs, sockets and devices belong to the kernel: the daemon names them, and never opens them.
    @Suite struct SpecialFiles {
        @Test func devicesWork() throws {
            let pair = try Pair(.tmpfs)
            let output = try pair.expectSame(
                .python(
                    """
                    os.mknod('null', 0o666 | stat.S_IFCHR, os.makedev(1, 3))
                    os.mknod('zero', 0o666 | stat.S_IFCHR, os.makedev(1, 5))
                    os.mknod('disk', 0o600 | stat.S_IFBLK, os.makedev(259, 65535))
                    os.mknod('nobody', 0o600 | stat.S_IFCHR, os.makedev(4095, 1048575))
                    os.mknod('regular', 0o644 | stat.S_IFREG)
                    fd = os.open('null', os.O_RDWR)
                    print(os.write(fd, b'gone'), os.read(fd, 10))
                    print(os.read(os.open('zero', os.O_RDONLY), 4))
                    for path in 'disk', 'nobody':
                        s = os.stat(path)
                        print(os.major(s.st_rdev), os.minor(s.st_rdev), name(lambda: os.open(path, os.O_RDONLY)))
                    as_user(1000, lambda: os.mknod('mine', stat.S_IFCHR, os.makedev(1, 3)))
                    as_user(1000, lambda: os.open('null', os.O_WRONLY))
                    as_user(1000, lambda: os.open('disk', os.O_RDONLY))
                    """))
            #expect(output.hasPrefix("4 b''\nb'\\x00\\x00\\x00\\x00'\n"))
            try pair.end()
        }

        @Test func theDaemonNeverOpensThem() throws {
            let pair = try Pair(.tmpfs)
            let everything = Script.python(
                """
                paths = ['fifo', 'socket', 'null']
                os.mkfifo('fifo')
                os.mknod('null', 0o666 | stat.S_IFCHR, os.makedev(1, 3))
                server = socket.socket(socket.AF_UNIX)
                server.bind('socket')
                for path in paths:
                    os.stat(path)
                    os.chmod(path, 0o640)
                    os.chown(path, 1000, 1000)
                    os.utime(path, (1, 2))
                    os.setxattr(path, 'trusted.key', b'value')
                    os.listxattr(path)
                    os.link(path, 'link')
                    os.rename('link', 'moved')
                    os.unlink('moved')
                    print(path, name(lambda: os.truncate(path, 0)), name(lambda: os.setxattr(path, 'user.key', b'value')))
                subprocess.run(['ls', '-lRZ', '.'], stdout=subprocess.DEVNULL)
                # Had the daemon the other end open, a writer would not be told that there is no reader.
                print(name(lambda: os.open('fifo', os.O_WRONLY | os.O_NONBLOCK)))
                """)
            let output = try pair.expectSame(everything, seconds: 10)
            #expect(output.hasSuffix("ENXIO\n"))
            let held = try Script.python(
                """
                for fd in os.listdir(f'/proc/{sys.argv[1]}/fd'):
                    with open(f'/proc/{sys.argv[1]}/fdinfo/{fd}') as info:
                        flags = int(next(line for line in info if line.startswith('flags')).split()[1], 8)
                    target = os.readlink(f'/proc/{sys.argv[1]}/fd/{fd}')
                    if not flags & os.O_PATH and target.startswith(sys.argv[2]):
                        mode = os.stat(f'/proc/{sys.argv[1]}/fd/{fd}').st_mode
                        assert stat.S_ISDIR(mode) or stat.S_ISREG(mode), target
                """
            ).run(in: "/", ["\(pair.mount.process.pid)", pair.lower])
            #expect(held == Script.Result(ending: .exited(0), output: ""))
            try pair.end()
        }
    }
}
