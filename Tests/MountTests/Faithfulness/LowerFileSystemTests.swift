import MountSupport
import Testing

extension Faithfulness {
    /// The same on each kind of lower file system: what one of them refuses, the mount of it refuses.
    @Suite struct LowerFileSystems {
        @Test(arguments: LowerFileSystem.allCases.filter { $0 != .plain }) func everyOperation(_ kind: LowerFileSystem)
            throws
        {
            let pair = try Pair(kind)
            try pair.expectSame(
                .python(
                    """
                    NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
                    def rename(old, new, flags):
                        return name(lambda: system(libc.renameat2(-100, old.encode(), -100, new.encode(), flags)))

                    write('file', b'content')
                    os.mkdir('directory')
                    print(rename('file', 'directory', NOREPLACE), rename('file', 'directory', EXCHANGE), os.path.isdir('file'))
                    print(rename('file', 'new', WHITEOUT), os.listdir('.') == ['x'])
                    if os.path.lexists('file') and not os.path.isdir('file'):
                        s = os.lstat('file')
                        print(stat.S_ISCHR(s.st_mode), s.st_rdev)
                        os.unlink('file')
                    print(rename('directory', 'file', NOREPLACE | EXCHANGE), rename('missing', 'file', 0), rename('new', 'new/below', 0))

                    write('data', b'0123456789' * 10000)
                    fd = os.open('data', os.O_RDWR)
                    for mode in 0, 1, 3, 0x10, 0x11:
                        print(mode, name(lambda: system(libc.fallocate(fd, mode, ctypes.c_long(8192), ctypes.c_long(4096)))))
                    print(os.fstat(fd).st_size, name(lambda: os.lseek(fd, 1 << 30, os.SEEK_DATA)))
                    print(os.lseek(fd, 0, os.SEEK_HOLE) >= 8192)
                    print(name(lambda: os.copy_file_range(fd, os.open('copy', os.O_WRONLY | os.O_CREAT), 50000)))
                    print(name(lambda: os.open('data', os.O_RDONLY | os.O_DIRECT)))

                    for key in 'user.a', 'trusted.b', 'security.c', 'system.d', 'none':
                        print(key, name(lambda: os.setxattr('data', key, b'value', os.XATTR_CREATE)),
                              name(lambda: os.setxattr('data', key, b'other', os.XATTR_CREATE)),
                              name(lambda: os.setxattr('data', key, b'other', os.XATTR_REPLACE)),
                              name(lambda: os.getxattr('data', key)))
                    print(sorted(os.listxattr('data')), name(lambda: os.removexattr('data', 'user.missing')))
                    print(subprocess.run(['sh', '-c', 'setfacl -m u:1000:rw data && getfacl -n data'], capture_output=True).stdout)

                    for number in (0x80086601, 0x801c581f):
                        def ask():
                            return fcntl.ioctl(fd, number, bytes(28))
                        print(hex(number), name(ask))

                    os.utime('data', ns=(1234567890123456789, 987654321987654321))
                    s = os.stat('data')
                    print(s.st_atime_ns, s.st_mtime_ns)
                    os.utime('data', ns=(-1_000_000_000, 5_000_000_000_000_000_000))
                    print(os.stat('data').st_atime_ns, os.stat('data').st_mtime_ns)
                    os.utime('data', (1, 2))

                    os.mkfifo('fifo')
                    os.mknod('device', 0o600 | stat.S_IFCHR, os.makedev(1, 3))
                    os.symlink('x' * 1000, 'symbolic')
                    os.link('data', 'link')
                    os.mkdir('another')
                    print(name(lambda: os.link('another', 'directory link')))
                    tmp = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600)
                    os.write(tmp, b'unnamed')
                    link_open(tmp, 'named')
                    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.fsync(fd)
                    os.fdatasync(fd)
                    os.fsync(os.open('.', os.O_RDONLY))
                    v = os.statvfs('.')
                    print(v.f_bsize, v.f_blocks, v.f_namemax)
                    print(sorted(os.listdir('.')))
                    """))
            try pair.end()
        }

        /// Birth times come through statx(2), as the lower file system has them.
        @Test(arguments: [LowerFileSystem.ext4, .xfs, .btrfs, .tmpfs]) func birthTimes(_ kind: LowerFileSystem) throws {
            let pair = try Pair(kind)
            try pair.expectSuccess(
                .shell(
                    """
                    touch file
                    mkdir directory
                    for path in file directory; do
                        test "$(stat -c '%w' "$path")" != -
                        test "$(stat -c '%w %y' "$path")" = "$(stat -c '%w %y' "$1/$path")"
                    done
                    """), pair.lower)
            try pair.end()
        }
    }
}
