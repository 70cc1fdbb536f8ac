/// Writes files with set-id bits or capabilities in every way, as several users, and prints what is left of them.
enum SetIDScript {
    /// - Parameter left: combinations to leave out: "mapped store to capabilities".
    static func all(except left: [String]) -> Script {
        .python("left = \(left)\n" + text)
    }

    /// One combination, by the names that ``text`` has.
    static func one(_ kind: String, _ actor: String, _ way: String) -> Script {
        .python("left = []\nonly = ('\(kind)', '\(actor)', '\(way)')\n" + text)
    }

    private static let text = """
        kinds = {'suid': 0o4777, 'sgid': 0o2777, 'both': 0o6777, 'sgid-no-exec': 0o2767, 'caps': 0o777}
        capability = struct.pack('<IIIII', 0x02000001, 1 << 10, 0, 0, 0)
        only = globals().get('only')

        def opened(flags, body):
            def way(path):
                fd = os.open(path, flags, 0o644)
                try:
                    body(fd)
                finally:
                    os.close(fd)
            return way

        def mapped(fd):
            memory = mmap.mmap(fd, 4096)
            memory[0] = 66
            memory.flush()

        def spliced(fd):
            reader, writer = os.pipe()
            os.write(writer, b'z' * 100)
            os.splice(reader, fd, 100)

        def direct(fd):
            os.write(fd, mmap.mmap(-1, 4096))

        def allocated(mode, length):
            return lambda fd: system(libc.fallocate(fd, mode, ctypes.c_long(0), ctypes.c_long(length)))

        def twice(fd):
            os.write(fd, b'A')
            os.write(fd, b'B')

        W, RW = os.O_WRONLY, os.O_RDWR
        ways = {
            'write': opened(W, lambda fd: os.write(fd, b'A')),
            'write twice': opened(W, twice),
            'append': opened(W | os.O_APPEND, lambda fd: os.write(fd, b'A')),
            'direct': opened(RW | os.O_DIRECT, direct),
            'mapped store': opened(RW, mapped),
            'truncate': lambda path: os.truncate(path, 10),
            'ftruncate': opened(W, lambda fd: os.ftruncate(fd, 10)),
            'O_TRUNC': opened(W | os.O_TRUNC, lambda fd: None),
            'O_CREAT': opened(W | os.O_TRUNC | os.O_CREAT, lambda fd: None),
            'fallocate': opened(W, allocated(0, 20000)),
            'punch hole': opened(W, allocated(3, 4096)),
            'zero range': opened(W, allocated(0x10, 4096)),
            'copy_file_range': opened(W, lambda fd: os.copy_file_range(os.open('source', os.O_RDONLY), fd, 4096)),
            'splice': opened(W, spliced),
            'chown': lambda path: os.chown(path, -1, os.getegid()),
            'chown nothing': lambda path: os.chown(path, -1, -1),
        }

        def without_fsetid(body):
            header = struct.pack('Ii', 0x20080522, 0)
            sets = ctypes.create_string_buffer(24)
            libc.capget(header, sets)
            words = list(struct.unpack('6I', sets.raw))
            words[0] &= ~(1 << 4)
            system(libc.capset(header, struct.pack('6I', *words)))
            body()

        actors = {
            'root': lambda body: body(),
            'root without CAP_FSETID': without_fsetid,
            'owner': lambda body: act(1000, 1000, (), body),
            'member': lambda body: act(1001, 1001, (1000,), body),
            'other': lambda body: act(1001, 1001, (), body),
        }

        def act(uid, gid, groups, body):
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(uid)
            body()

        def state(path):
            return f"{os.stat(path).st_mode & 0o7777:o} {'caps' if 'security.capability' in os.listxattr(path) else ''}"

        os.chmod('.', 0o777)
        write('source', b's' * 8192)
        for kind, mode in kinds.items():
            for actor, run in actors.items():
                for way, body in ways.items():
                    if only and (kind, actor, way) != only:
                        continue
                    if kind == 'caps' and way == 'mapped store' and 'mapped store to capabilities' in left:
                        continue
                    write('file', b'x' * 8192)
                    os.chown('file', 1000, 1000)
                    os.chmod('file', mode)
                    if kind == 'caps':
                        os.setxattr('file', 'security.capability', capability)
                    sys.stdout.flush()
                    if os.fork() == 0:
                        print(kind, actor, way, name(lambda: run(lambda: body('file'))), state('file'), flush=True)
                        os._exit(0)
                    os.wait()
                    os.unlink('file')
        """
}
