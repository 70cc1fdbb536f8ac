import MountSupport
import Testing

extension Faithfulness {
    @Suite struct Data {
        /// The kernel reads and writes lower files itself where it can, or the daemon does.
        static let ways = ["passthrough=auto", "passthrough=off", "writeback_cache"]

        @Test(arguments: LowerFileSystem.allCases.filter { $0 != .plain }) func holesStay(_ kind: LowerFileSystem)
            throws
        {
            let pair = try Pair(kind)
            try pair.expectSame(
                .python(
                    """
                    MiB = 1 << 20
                    fd = os.open('sparse', os.O_RDWR | os.O_CREAT)
                    os.ftruncate(fd, 100 * MiB)
                    for start in (10, 50):
                        os.pwrite(fd, b'x' * MiB, start * MiB)
                    os.fsync(fd)
                    assert 2 * MiB <= os.fstat(fd).st_blocks * 512 <= 3 * MiB
                    position = 0
                    while True:
                        try:
                            data = os.lseek(fd, position, os.SEEK_DATA)
                        except OSError as error:
                            print(errno.errorcode[error.errno])
                            break
                        position = os.lseek(fd, data, os.SEEK_HOLE)
                        print(data / MiB, position / MiB)
                    print(os.lseek(fd, 0, os.SEEK_HOLE), os.lseek(fd, 0, os.SEEK_END))
                    PUNCH = 1 | 2
                    system(libc.fallocate(fd, PUNCH, ctypes.c_long(10 * MiB), ctypes.c_long(MiB)))
                    os.fsync(fd)
                    print(os.lseek(fd, 0, os.SEEK_DATA) / MiB, os.pread(fd, 4, 10 * MiB))
                    assert os.fstat(fd).st_blocks * 512 <= 2 * MiB
                    """))
            try pair.end()
        }

        @Test(arguments: ways) func sharedMappingsAreOneMemory(_ option: String) throws {
            let pair = try Pair(options: [option])
            try pair.expectSuccess(
                .python(
                    """
                    write('file', bytes(16384))
                    os.link('file', 'other name')
                    ready, done = os.pipe(), os.pipe()
                    if os.fork() == 0:
                        # Another process, by another name: no inherited mapping.
                        memory = mmap.mmap(os.open('other name', os.O_RDWR), 0)
                        os.read(ready[0], 1)
                        assert memory[5000:5004] == b'here'
                        memory[9000:9005] = b'there'
                        os.write(done[1], b'x')
                        os._exit(0)
                    fd = os.open('file', os.O_RDWR)
                    memory = mmap.mmap(fd, 0)
                    memory[5000:5004] = b'here'
                    os.write(ready[1], b'x')
                    os.read(done[0], 1)
                    assert memory[9000:9005] == b'there'
                    assert os.pread(fd, 5, 9000) == b'there'
                    os.pwrite(fd, b'written', 100)
                    assert memory[100:107] == b'written'
                    # msync(2) brings it to the lower file.
                    memory.flush()
                    lower = read(sys.argv[1] + '/file')
                    assert lower[5000:5004] == b'here' and lower[9000:9005] == b'there' and lower[100:107] == b'written'
                    assert os.wait()[1] == 0
                    """), pair.lower)
            try pair.end()
        }

        @Test(arguments: ways) func mappedWritesReachTheLowerFileWithoutMsync(_ option: String) throws {
            let pair = try Pair(options: [option])
            try pair.expectSuccess(
                .python(
                    """
                    write('file', bytes(8192))
                    fd = os.open('file', os.O_RDWR)
                    memory = mmap.mmap(fd, 0)
                    os.close(fd)
                    memory[4000:4004] = b'late'
                    memory.close()
                    # The last one to let go of the mapping writes it out; fsync waits for that.
                    fd = os.open('file', os.O_RDWR)
                    os.fsync(fd)
                    assert read(sys.argv[1] + '/file')[4000:4004] == b'late'
                    before = os.stat('file').st_mtime_ns
                    memory = mmap.mmap(fd, 0)
                    time.sleep(0.05)
                    memory[0:1] = b'x'
                    memory.flush()
                    assert os.stat('file').st_mtime_ns > before
                    """), pair.lower)
            try pair.end()
        }

        @Test(arguments: ways.dropLast()) func appendingNeverOverwrites(_ option: String) throws {
            let pair = try Pair(options: [option])
            try pair.expectSuccess(
                .python(
                    """
                    lines, writers = 400, ['log', 'log', sys.argv[1] + '/log']
                    write('log')
                    for number, path in enumerate(writers):
                        if os.fork() == 0:
                            fd = os.open(path, os.O_WRONLY | os.O_APPEND)
                            for i in range(lines):
                                os.write(fd, b'%d %06d\\n' % (number, i))
                            os._exit(0)
                    for _ in writers:
                        assert os.wait()[1] == 0
                    for path in (sys.argv[1] + '/log', 'log'):
                        found = read(path).decode().splitlines()
                        for number in range(len(writers)):
                            assert [l for l in found if l.startswith(f'{number} ')] == [f'{number} {i:06}' for i in range(lines)]
                        assert len(found) == lines * len(writers)
                        time.sleep(1.1)
                    # By the flag that is set later.
                    fd = os.open('log', os.O_RDWR)
                    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
                    os.write(fd, b'last\\n')
                    assert read('log').endswith(b'000399\\nlast\\n')
                    """), pair.lower)
            try pair.end()
        }

        /// Dirty pages reach the daemon through any handle that is open for writing.
        @Test(arguments: ways) func mappedWritesThroughAnAppendingHandle(_ option: String) throws {
            let pair = try Pair(options: [option])
            try pair.expectSame(
                .python(
                    """
                    write('file', bytes(8100))
                    for flags in os.O_APPEND, os.O_DIRECT, os.O_APPEND | os.O_DIRECT:
                        fd = os.open('file', os.O_RDWR | flags)
                        memory = mmap.mmap(fd, 0)
                        memory[10:14] = memory[8090:8094] = flags.to_bytes(4, 'big')
                        memory.flush()
                        os.close(fd)
                        memory.close()
                    print(os.stat('file').st_size)
                    """))
            try pair.end()
        }

        /// fcntl(2) changes flags of an open file, of which no request of its own tells. With passthrough see LIMITS.md.
        @Test func flagsChangeWhileOpen() throws {
            let pair = try Pair(options: ["passthrough=off"])
            try pair.expectSuccess(
                .python(
                    """
                    lower = sys.argv[1] + '/file'
                    write('file', b'line\\n')
                    fd = os.open('file', os.O_RDWR)
                    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
                    # The kernel takes the file for shorter than it is by now.
                    write(lower, b'below\\n', flags=os.O_APPEND)
                    os.write(fd, b'mount\\n')
                    assert read(lower) == b'line\\nbelow\\nmount\\n', read(lower)
                    fcntl.fcntl(fd, fcntl.F_SETFL, 0)
                    os.pwrite(fd, b'LINE', 0)
                    assert read(lower) == b'LINE\\nbelow\\nmount\\n', read(lower)

                    # Set, it forbids odd lengths; cleared, it allows them: dd(1) writes its last block so.
                    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_DIRECT)
                    assert name(lambda: os.pwrite(fd, b'odd', 0)) == 'EINVAL'
                    buffer = mmap.mmap(-1, 4096)
                    assert os.pwrite(fd, buffer, 4096) == 4096
                    fcntl.fcntl(fd, fcntl.F_SETFL, 0)
                    assert os.pwrite(fd, b'odd', 0) == 3
                    assert os.pread(fd, 3, 0) == b'odd'
                    """), pair.lower)
            try pair.end()
        }

        @Test(arguments: ways) func copiesInTheKernel(_ option: String) throws {
            let pair = try Pair(options: [option])
            try pair.expectSame(
                .python(
                    """
                    write('from', bytes(range(256)) * 4096)
                    source = os.open('from', os.O_RDONLY)
                    target = os.open('to', os.O_RDWR | os.O_CREAT)
                    done = 0
                    while done < 1 << 20:
                        done += os.copy_file_range(source, target, (1 << 20) - done, done, done)
                    assert read('from') == read('to')
                    print(os.copy_file_range(source, target, 10, 1 << 20, 0))
                    print(name(lambda: os.copy_file_range(target, target, 100, 0, 50)))
                    print(os.copy_file_range(target, target, 100, 0, 5000))
                    sent = os.open('sent', os.O_WRONLY | os.O_CREAT)
                    done = 0
                    while count := os.sendfile(sent, source, done, 1 << 20):
                        done += count
                    assert read('sent') == read('from')
                    reader, writer = os.pipe()
                    os.write(writer, b'spliced')
                    print(os.splice(reader, sent, 7, offset_dst=100))
                    print(os.splice(source, writer, 5, offset_src=65), os.read(reader, 10))
                    for mode, offset, length in ((0, 0, 2 << 20), (1, 3 << 20, 4096), (0x10, 4096, 4096), (0x11, 8192, 100),
                                                 (3, 100, 5000), (0x80, 0, 4096), (2, 0, 4096), (0, 0, 0)):
                        def allocate():
                            system(libc.fallocate(target, mode, ctypes.c_long(offset), ctypes.c_long(length)))
                        print(mode, name(allocate), os.fstat(target).st_size)
                    """))
            try pair.end()
        }

        @Test(arguments: ways.dropLast()) func sizesBeyondTheLimitFail(_ option: String) throws {
            let pair = try Pair(options: [option])
            try pair.expectSame(
                .python(
                    """
                    import resource
                    write('file')
                    fd = os.open('file', os.O_RDWR)
                    print(name(lambda: os.ftruncate(fd, 1 << 62)), name(lambda: os.pwrite(fd, b'x', (1 << 62))))
                    print(name(lambda: os.lseek(fd, -1, os.SEEK_SET)), name(lambda: os.truncate('file', -1)))
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
                    print(name(lambda: os.ftruncate(fd, 10001)), os.pwrite(fd, b'x' * 5000, 8000))
                    print(name(lambda: os.pwrite(fd, b'x', 10000)), os.fstat(fd).st_size)
                    """))
            try pair.end()
        }
    }
}
