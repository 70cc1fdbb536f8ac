import MountSupport
import Testing

extension Coherence {
    /// Each kind of change, made in the lower directory by others, shows on the mount.
    @Suite struct Changes {
        /// Attributes are kept for an hour, so that nothing but an invalidation can bring out what changed.
        static let watched = watched(by: Coherence.watcher)

        static func watched(by watcher: String) -> [String] {
            ["cache=watched", "watcher=\(watcher)", "attr_timeout=3600"]
        }

        @Test(arguments: LowerFileSystem.allCases.filter { $0 != .plain }) func everyKindOfChange(
            _ kind: LowerFileSystem
        ) throws {
            try Self.expectEveryKindOfChange(kind, by: Coherence.watcher)
        }

        static func expectEveryKindOfChange(_ kind: LowerFileSystem, by watcher: String) throws {
            let pair = try Pair(kind, options: watched(by: watcher))
            let output = try pair.expectSuccess(
                .coherence(prepare + changes), pair.lower, kind.rawValue, watcher, seconds: 100)
            #expect(output.hasSuffix("changes were seen\n"), "\(output)")
            try pair.end()
        }

        @Test func changesByARing() throws {
            let pair = try Pair(options: Self.watched)
            try pair.expectSuccess(
                .coherence(
                    Self.prepare + Self.ring + """
                        both = lambda root: look(root, 'data')
                        fd = os.open(below + '/data', os.O_WRONLY)
                        for round in range(50):
                            content = b'by a ring ' * round
                            assert ring_write(fd, content, 7 * round) == len(content)
                            settle('a write', both)
                        """), pair.lower)
            try pair.end()
        }

        /// What the mount itself has done shows at once, although the watcher reports what the kernel did by passthrough.
        @Test func changesOfItsOwn() throws {
            let pair = try Pair(options: Self.watched)
            try pair.expectSuccess(
                .coherence(
                    Self.prepare + """
                        fd = os.open('data', os.O_RDWR)
                        source = os.open('other', os.O_RDONLY)
                        calls = {
                            'write': lambda: os.write(fd, b'begin'), 'pwritev': lambda: os.pwritev(fd, [b'a', b'b'], 50000),
                            'append': lambda: write_more('data'), 'truncate': lambda: os.truncate('data', 100 + number),
                            'fallocate': lambda: os.posix_fallocate(fd, 0, 4096 * (1 + number)), 'chmod': lambda: os.fchmod(fd, 0o600 + number % 8),
                            'copy_file_range': lambda: os.copy_file_range(source, fd, 1000, 0, 400 * number)}
                        def write_more(path):
                            with open(path, 'ab', buffering=0) as file:
                                file.write(b'more')
                        def shown(root):
                            return attributes(os.stat(root + '/data'))
                        for number in range(100):
                            for what, call in calls.items():
                                call()
                                assert shown('.') == shown(below), (what, shown('.'), shown(below))
                        os.ftruncate(fd, 4096)
                        with mmap.mmap(fd, 4096) as mapping:
                            for number in range(3):
                                mapping[number] = number
                                mapping.flush()
                                settle('a store', shown)
                        """), pair.lower)
            try pair.end()
        }

        /// `ring_write`: one write by io_uring(7).
        private static let ring = """
            parameters = ctypes.create_string_buffer(120)
            ring = system(libc.syscall(425, 4, parameters))
            word = lambda at: struct.unpack_from('I', parameters, at)[0]
            queue = mmap.mmap(ring, max(word(64) + 4 * word(0), word(100) + 16 * word(4)), offset=0)
            entries = mmap.mmap(ring, 64 * word(0), offset=0x10000000)
            def ring_write(fd, content, offset):
                buffer = ctypes.create_string_buffer(content, len(content) or 1)
                tail = struct.unpack_from('I', queue, word(44))[0]
                slot = tail & struct.unpack_from('I', queue, word(48))[0]
                struct.pack_into('BBHiQQIIQ24x', entries, 64 * slot, 23, 0, 0, fd, offset, ctypes.addressof(buffer), len(content), 0, 1)
                struct.pack_into('I', queue, word(64) + 4 * slot, slot)
                struct.pack_into('I', queue, word(44), tail + 1)
                system(libc.syscall(426, ring, 1, 1, 1, None, 0))
                head = struct.unpack_from('I', queue, word(80))[0]
                at = word(100) + 16 * (head & struct.unpack_from('I', queue, word(88))[0])
                struct.pack_into('I', queue, word(80), head + 1)
                return struct.unpack_from('QiI', queue, at)[1]


            """

        @Test func changesFromAnotherMountNamespace() throws {
            let pair = try Pair(options: Self.watched)
            try pair.expectSuccess(
                .coherence(
                    Self.prepare + """
                        point = below + '/../elsewhere'
                        os.mkdir(point)
                        text = 'mount --bind "$1" "$2" && cd "$2" && echo new >new && chmod 600 data && mv sub/inner moved && ln -s x sub/link'
                        subprocess.run(['unshare', '-m', 'sh', '-euc', text, 'sh', below, point], check=True)
                        settle('changes from elsewhere', lambda root: tree(root, names=['missing']))
                        assert os.path.exists('moved') and not os.path.exists('sub/inner')
                        """), pair.lower)
            try pair.end()
        }

        @Test func changesThroughAnotherMount() throws {
            let pair = try Pair(options: Self.watched)
            let second = try TestMount(
                pair.lower, in: pair.scratch, name: "second", options: Self.watched, deadline: 60)
            try pair.expectSuccess(
                .coherence(
                    Self.prepare + """
                        other = sys.argv[2]
                        tree(other)
                        settle('the other mount', lambda root: tree(other if root == '.' else root))
                        for round in range(20):
                            for here, there in ('.', other), (other, '.'):
                                write(f'{here}/by{round}', b'x' * round)
                                settle('create', lambda root: look(there if root == '.' else root, f'by{round}'))
                                settle('create', lambda root: look(there if root == '.' else root, '.'))
                                os.chmod(f'{here}/by{round}', 0o600 + round % 8)
                                settle('chmod', lambda root: look(there if root == '.' else root, f'by{round}'))
                                os.rename(f'{here}/by{round}', f'{here}/sub/to')
                                settle('rename', lambda root: tree(there if root == '.' else root, names=[f'by{round}']))
                                os.unlink(f'{here}/sub/to')
                                settle('unlink', lambda root: tree(there if root == '.' else root))
                        """), pair.lower, second.path)
            try second.unmount()
            try pair.end()
        }

        /// Some files, all of which the mount has looked at long enough ago that it keeps what it keeps for ever.
        static let prepare = """
            for path in 'data', 'other', 'sub/inner', 'sub/linked':
                os.makedirs(os.path.dirname(below + '/' + path), exist_ok=True)
                write(below + '/' + path, b'0123456789abcdef' * 1024)
            os.mkdir(below + '/gone')
            os.symlink('target', below + '/symbolic')
            os.link(below + '/sub/linked', below + '/link')
            everything = lambda root: tree(root, names=['missing'])
            everything('.')
            time.sleep(1.2)
            settle('at first', everything)


            """

        /// Some changes that an ordinary user can make.
        static let fewChanges = """
            calls = {
                'create': lambda: write(below + '/missing'), 'unlink': lambda: os.unlink(below + '/missing'),
                'rename': lambda: os.rename(below + '/other', below + '/sub/other'), 'chmod': lambda: os.chmod(below + '/data', 0o600),
                'write': lambda: write(below + '/data', b'shorter'), 'link': lambda: os.link(below + '/data', below + '/sub/more'),
                'rmdir': lambda: os.rmdir(below + '/gone')}
            for what, call in calls.items():
                call()
                settle(what, everything)
            """

        private static let changes = """
            kind, watcher = sys.argv[2:4]
            seen = 0

            def change(what, *calls, ask=everything):
                global seen
                for call in calls:
                    call()
                    settle(what, ask)
                    seen += 1

            def at(path):
                return below + '/' + path

            def renameat2(old, new, flags):
                system(libc.renameat2(-100, at(old).encode(), -100, at(new).encode(), flags))

            def with_file(path, flags, body):
                fd = os.open(at(path), flags, 0o644)
                try:
                    return body(fd)
                finally:
                    os.close(fd)

            # Names. 'missing' has been looked up before.
            change('create', lambda: write(at('missing')), lambda: write(at('a name of ' + 'x' * 244)))
            change('mknod', lambda: os.mkfifo(at('fifo')), lambda: os.mknod(at('device'), stat.S_IFCHR | 0o600, os.makedev(1, 3)))
            # What is looked at for the first time is watched a moment later, and kept for an hour by the option of this test.
            change('mkdir', lambda: os.mkdir(at('new')))
            time.sleep(0.3)
            change('create in a new directory', lambda: write(at('new/file'), b'inside'))
            change('symlink', lambda: os.symlink('nowhere', at('new/symbolic')))
            change('symlink made anew', lambda: (os.unlink(at('symbolic')), os.symlink('another', at('symbolic'))))
            change('link', lambda: os.link(at('data'), at('new/link')))
            change('O_TMPFILE and linkat', lambda: with_file('new', os.O_TMPFILE | os.O_RDWR, lambda fd: link_open(fd, at('unnamed'))))
            change('rename', lambda: os.rename(at('other'), at('renamed')), lambda: os.rename(at('renamed'), at('sub/other')))
            change('rename of a directory', lambda: os.rename(at('new'), at('sub/new')))
            change('rename onto a name', lambda: os.rename(at('unnamed'), at('fifo')))
            change('exchange', lambda: renameat2('sub', 'data', 2), lambda: renameat2('sub', 'data', 2))
            change('unlink', lambda: os.unlink(at('missing')), lambda: os.unlink(at('sub/new/symbolic')))
            change('rmdir', lambda: os.rmdir(at('gone')))
            # Attributes, by way of a name and of a file that is open on the mount.
            held = os.open('data', os.O_RDONLY)
            both = lambda root: (look(root, 'data'), attributes(os.fstat(held) if root == '.' else os.stat(at('data'))))
            change('chmod', lambda: os.chmod(at('data'), 0o640), lambda: os.chmod(at('sub'), 0o750), ask=both)
            change('chmod of a directory', lambda: os.chmod(at('sub'), 0o700), lambda: os.chmod(at('.'), 0o711))
            change('chown', lambda: os.chown(at('data'), 7, 8), lambda: os.lchown(at('symbolic'), 9, 9))
            change('utimes', lambda: os.utime(at('data'), ns=(5, 6)), lambda: os.utime(at('sub'), ns=(7, 8)), ask=both)
            change('truncate', lambda: os.truncate(at('data'), 10), lambda: os.truncate(at('data'), 100000), ask=both)
            change('O_TRUNC', lambda: with_file('sub/inner', os.O_WRONLY | os.O_TRUNC, lambda fd: None))
            change('attributes', lambda: os.setxattr(at('data'), 'user.key', b'value'), lambda: os.setxattr(at('data'), 'user.key', b'another'),
                   lambda: os.removexattr(at('data'), 'user.key'), lambda: os.setxattr(at('sub'), 'trusted.key', b'value'))
            change('an access control list', lambda: subprocess.run(['setfacl', '-m', 'u:1000:rw', at('data')], check=True),
                   lambda: subprocess.run(['setfacl', '-b', at('data')], check=True))
            # Data.
            change('write', lambda: with_file('data', os.O_WRONLY, lambda fd: os.write(fd, b'begin')),
                   lambda: with_file('data', os.O_WRONLY | os.O_APPEND, lambda fd: os.write(fd, b'end')),
                   lambda: with_file('data', os.O_WRONLY, lambda fd: os.pwritev(fd, [b'a', b'b'], 50000)), ask=both)
            block = mmap.mmap(-1, 4096)
            change('O_DIRECT', lambda: with_file('data', os.O_WRONLY | os.O_DIRECT, lambda fd: os.pwrite(fd, block, 8192)), ask=both)
            change('fallocate', lambda: with_file('data', os.O_WRONLY, lambda fd: os.posix_fallocate(fd, 0, 300000)), ask=both)
            change('copy_file_range', lambda: with_file('sub/linked', os.O_RDONLY, lambda source: with_file('data', os.O_WRONLY,
                   lambda fd: os.copy_file_range(source, fd, 10000, 0, 400000))), ask=both)
            def splice(fd):
                into, out = os.pipe()
                os.write(out, b'spliced')
                os.splice(into, fd, 7, offset_dst=500000)
            change('splice', lambda: with_file('data', os.O_WRONLY, splice), ask=both)
            if kind in ('xfs', 'btrfs'):
                change('reflink', lambda: with_file('sub/linked', os.O_RDONLY, lambda source: with_file('data', os.O_WRONLY,
                       lambda fd: fcntl.ioctl(fd, 0x40049409, source))), ask=both)
            # By another name, in another directory that is watched.
            change('write by another name', lambda: with_file('link', os.O_WRONLY | os.O_APPEND, lambda fd: os.write(fd, b'more')))
            if kind != 'overlay' and watcher != 'inotify':
                change('unlink of another name', lambda: os.unlink(at('link')))
                change('unlink of an open file', lambda: (os.unlink(at('sub/new/link')), os.unlink(at('data'))),
                       ask=lambda root: 0 if root != '.' else os.fstat(held).st_nlink)
            print(seen, 'changes were seen')
            """
    }
}
