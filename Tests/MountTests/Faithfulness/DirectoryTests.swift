import MountSupport
import Testing

extension Faithfulness {
    @Suite struct Directories {
        /// What readdir(3) promises: an entry that is there all the time comes exactly once, also after seekdir(3).
        @Test(arguments: [LowerFileSystem.ext4, .tmpfs, .btrfs]) func offsetsStayValid(_ kind: LowerFileSystem) throws {
            let pair = try Pair(kind)
            let output = try pair.expectSuccess(
                .python(
                    """
                    import random
                    seed = int(sys.argv[1])
                    print('seed', seed)
                    choose = random.Random(seed)
                    libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
                    libc.telldir.restype = ctypes.c_long
                    os.mkdir('directory')
                    kept = {f'kept-{i:06}' for i in range(5000)}
                    removed = [f'gone-{i:06}' for i in range(5000)]
                    for entry in [*kept, *removed]:
                        write('directory/' + entry)
                    directory = ctypes.c_void_p(libc.opendir(b'directory'))
                    seen, offsets, new = [], [0], 0
                    while entry := libc.readdir(directory):
                        seen.append(ctypes.string_at(entry + 19).decode())
                        offsets.append(libc.telldir(directory))
                        if len(seen) % 10 == 0 and removed:
                            for _ in range(5):
                                os.unlink('directory/' + removed.pop(choose.randrange(len(removed))))
                            new += 1
                            write(f'directory/new-{new:06}')
                    assert len(seen) == len(set(seen)), 'a name came twice'
                    assert kept <= set(seen), f'{len(kept - set(seen))} names are missing'
                    assert {'.', '..'} <= set(seen)
                    # Back to offsets from before the changes: what is left follows in the same order.
                    for _ in range(20):
                        position = choose.randrange(len(seen))
                        libc.seekdir(directory, ctypes.c_long(offsets[position]))
                        rest = []
                        while entry := libc.readdir(directory):
                            rest.append(ctypes.string_at(entry + 19).decode())
                        expected = [entry for entry in seen[position:] if entry in kept]
                        assert [entry for entry in rest if entry in kept] == expected, position
                    libc.rewinddir(directory)
                    names = set()
                    while entry := libc.readdir(directory):
                        names.add(ctypes.string_at(entry + 19).decode())
                    assert names == kept | set(removed) | {'.', '..'} | {f'new-{i + 1:06}' for i in range(new)}
                    """), "\(UInt32.random(in: 0 ... .max))", seconds: 100)
            #expect(output.hasPrefix("seed"))
            try pair.end()
        }

        /// What the daemon reads from the lower directory at a time depends on the room that the names leave.
        @Test(arguments: [LowerFileSystem.ext4, .tmpfs], ["cache=none", "cache=ttl:60"])
        func namesOfEveryLength(_ kind: LowerFileSystem, cache: String) throws {
            let pair = try Pair(kind, options: [cache])
            try pair.expectSame(
                .python(
                    """
                    os.mkdir('directory')
                    for i in range(3000):
                        length = i * 37 % 255 + 1
                        write('directory/' + (f'{i:x}-' + 'n' * 255)[:max(length, len(f'{i:x}'))])
                    # linux_dirent64: 8 bytes of inode, 8 of offset, 2 of length, 1 of type, the name.
                    for size in 280, 500, 4096, 32768, 1 << 20:
                        buffer = ctypes.create_string_buffer(size)
                        directory = os.open('directory', os.O_RDONLY)
                        names = []
                        while (length := libc.syscall(217, directory, buffer, size)) > 0:
                            position = 0
                            while position < length:
                                record = int.from_bytes(buffer.raw[position + 16:position + 18], 'little')
                                names.append(ctypes.string_at(ctypes.addressof(buffer) + position + 19))
                                position += record
                        assert length == 0, ctypes.get_errno()
                        os.close(directory)
                        assert len(names) == len(set(names)) == 3002, (size, len(names))
                        assert set(map(os.fsdecode, names)) == set(os.listdir('directory')) | {'.', '..'}
                    print(*sorted(names), sep='\\n')
                    """))
            try pair.end()
        }

        @Test func aMillionEntriesAreListed() throws {
            let pair = try Pair(.tmpfs)
            let create = Script.python(
                """
                write('file')
                directory = os.open('.', os.O_PATH)
                for i in range(1_000_000):
                    os.link('file', f'{i:07}', src_dir_fd=directory, dst_dir_fd=directory)
                """)
            let made = try create.run(in: pair.lower, seconds: 60)
            #expect(made.ending == .exited(0), "\(made.output)")
            let output = try pair.expectSuccess(
                .python(
                    """
                    names = [entry.name for entry in os.scandir('.')]
                    assert len(names) == len(set(names)) == 1_000_001
                    names.sort()
                    assert names[:2] == ['0000000', '0000001'] and names[-1] == 'file'
                    print(len(names))
                    """), seconds: 100)
            #expect(output == "1000001\n")
            try pair.end()
        }

        @Test(arguments: LowerFileSystem.allCases.filter { $0 != .plain }) func anyBytesInNames(_ kind: LowerFileSystem)
            throws
        {
            let pair = try Pair(kind)
            try pair.expectSame(
                .python(
                    """
                    for byte in range(1, 256):
                        if byte == ord('/'):
                            continue
                        write(b'file ' + bytes([byte]))
                        if byte != ord('.'):
                            os.mkdir(bytes([byte]))
                    every = bytes(set(range(1, 256)) - {ord('/')})
                    write(every)
                    os.symlink(every, every[:-1])
                    assert os.readlink(every[:-1]) == every and os.path.samefile(every, every[:-1])
                    write(b'x' * 255)
                    os.rename(b'x' * 255, b'y' * 255)
                    os.link(b'y' * 255, b'\\xff' * 255)
                    for call in (lambda p: write(p), os.mkdir, os.stat, os.unlink, os.listdir, lambda p: os.symlink('x', p),
                                 lambda p: os.rename('y' * 255, p), lambda p: os.link('y' * 255, p), os.mkfifo):
                        print(name(lambda: call('z' * 256)))
                    print(sorted(os.listdir(b'.')))
                    for length in (1023, 4095, 4096):
                        print(length, name(lambda: os.symlink(b'x/' * (length // 2), f'link to {length}')))
                    # The empty name and unnormalised ones mean themselves.
                    print(name(lambda: os.stat('')), name(lambda: os.mkdir('.')), name(lambda: os.rmdir('.')))
                    write('e\\u0301')
                    write('\\u00e9')
                    """))
            try pair.end()
        }

        @Test func treesDeeperThanAPath() throws {
            let pair = try Pair()
            let output = try pair.expectSuccess(
                .python(
                    """
                    depth, top = 1500, os.open('.', os.O_RDONLY)
                    for i in range(depth):
                        os.mkdir(f'level-{i:04}')
                        os.chdir(f'level-{i:04}')
                    write('file', b'at the bottom')
                    # Longer than PATH_MAX: getcwd(2) cannot tell it, relative names work.
                    buffer = ctypes.create_string_buffer(1 << 16)
                    print(libc.syscall(79, buffer, len(buffer)) < 0)
                    os.setxattr('file', 'user.depth', b'1500')
                    os.rename('file', '../moved')
                    assert read('../moved') == b'at the bottom'
                    inodes = []
                    fd = os.open('.', os.O_RDONLY)
                    for i in range(depth):
                        inodes.append(os.fstat(fd).st_ino)
                        fd, old = os.open('..', os.O_RDONLY, dir_fd=fd), fd
                        os.close(old)
                    assert os.path.sameopenfile(fd, top)
                    os.fchdir(top)
                    fd = os.dup(top)
                    for i in range(depth):
                        assert f'level-{i:04}' in os.listdir(fd)
                        fd, old = os.open(f'level-{i:04}', os.O_RDONLY, dir_fd=fd), fd
                        os.close(old)
                        assert os.fstat(fd).st_ino == inodes[depth - 1 - i]
                    print(name(lambda: os.stat('/'.join(f'level-{i:04}' for i in range(depth)))))
                    """))
            #expect(output == "True\nENAMETOOLONG\n")
            let tools = try pair.expectSuccess(.shell("find . -type d | wc -l; du -a | wc -l; rm -r level-0000; ls -A"))
            #expect(tools == "1501\n1502\n")
            try pair.end()
        }
    }
}
