import MountSupport
import Testing

/// What the mount and the lower directory, as two file systems, do not share.
extension Limits {
    @Test func inodeNumbers() throws {
        let scratch = try Scratch(.ext4)
        let lower = try scratch.makeLowerDirectory("lower")
        let prepare = Script.shell("touch file; mkdir inner; mount -t tmpfs inner inner; touch inner/file")
        #expect(try prepare.run(in: lower) == Script.Result(ending: .exited(0), output: ""))
        defer { _ = try? Script.shell("umount -l inner").run(in: lower) }
        let mount = try TestMount(lower, in: scratch, deadline: 60)
        let result = try Script.python(
            """
            for path in 'file', 'inner/file':
                here, below = os.stat(path), os.stat(f'{sys.argv[1]}/{path}')
                print(path, here.st_dev == os.stat('.').st_dev, here.st_ino == below.st_ino)
            """
        ).run(in: mount.path, [lower])
        #expect(result == Script.Result(ending: .exited(0), output: "file True True\ninner/file True False\n"))
        try mount.unmount()
    }

    @Test func mountsBelowStayBusy() throws {
        let scratch = try Scratch(.ext4)
        let lower = try scratch.makeLowerDirectory("lower")
        let prepare = Script.shell("mkdir inner; touch inner/covered; mount -t tmpfs inner inner; touch inner/file")
        #expect(try prepare.run(in: lower) == Script.Result(ending: .exited(0), output: ""))
        defer { _ = try? Script.shell("umount -l inner").run(in: lower) }
        let mount = try TestMount(lower, in: scratch, options: ["cache=none"], deadline: 60)
        let result = try Script.shell(
            """
            ls inner
            umount "$1/inner" 2>/dev/null && echo unmounted || echo busy
            # Once the kernel has forgotten the files, nothing holds it any more.
            for attempt in 1 2 3 4 5 6 7 8 9 10; do
                echo 2 >/proc/sys/vm/drop_caches
                if umount "$1/inner" 2>/dev/null; then echo unmounted; break; fi
                sleep 0.2
            done
            ls inner
            """
        ).run(in: mount.path, [lower])
        #expect(result == Script.Result(ending: .exited(0), output: "file\nbusy\nunmounted\ncovered\n"))
        try mount.unmount()
    }

    @Test func staleHandles() throws {
        try expectSides(
            .python(
                """
                write('file', b'content')
                handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128))
                mount = ctypes.c_int()
                system(libc.name_to_handle_at(-100, b'file', handle, ctypes.byref(mount), 0))
                here = os.open('.', os.O_RDONLY)
                def use():
                    fd = libc.open_by_handle_at(here, handle, os.O_RDONLY)
                    system(fd)
                    os.close(fd)
                print(name(use))
                with open('/proc/sys/vm/drop_caches', 'w') as file:
                    file.write('2')
                for _ in range(20):
                    time.sleep(0.1)
                    if name(use) != 'done':
                        break
                print(name(use))
                """), native: "done\ndone\n", mount: "done\nESTALE\n")
    }

    @Test func pipesAndSockets() throws {
        try expectSides(
            .python(
                """
                os.mkfifo('fifo')
                reader = os.open('fifo', os.O_RDONLY | os.O_NONBLOCK)
                server = socket.socket(socket.AF_UNIX)
                server.bind('socket')
                server.listen()
                for directory in '.', sys.argv[1]:
                    print(name(lambda: os.open(f'{directory}/fifo', os.O_WRONLY | os.O_NONBLOCK)))
                    print(name(lambda: socket.socket(socket.AF_UNIX).connect(f'{directory}/socket')))
                """), native: "done\ndone\ndone\ndone\n", mount: "done\ndone\nENXIO\nECONNREFUSED\n")
    }

    @Test func runningPrograms() throws {
        try expectSides(
            .python(
                """
                import shutil
                shutil.copy(shutil.which('sleep'), 'program')
                for run, written in (('.', '.'), (sys.argv[1], '.'), ('.', sys.argv[1])):
                    running = subprocess.Popen([f'{run}/program', '20'])
                    print(name(lambda: os.open(f'{written}/program', os.O_WRONLY)))
                    running.kill()
                    running.wait()
                """), native: "ETXTBSY\nETXTBSY\nETXTBSY\n", mount: "ETXTBSY\nETXTBSY\ndone\n")
    }

    @Test func changesBelowAreNotNotified() throws {
        try expectSides(
            .python(
                """
                IN_CREATE = 0x100
                def events(watched, written):
                    watch = libc.inotify_init1(os.O_NONBLOCK)
                    libc.inotify_add_watch(watch, watched.encode(), IN_CREATE)
                    write(f'{written}/{time.monotonic_ns()}')
                    return name(lambda: os.read(watch, 4096))
                below = sys.argv[1]
                print(events('.', '.'), events(below, '.'), events('.', below))
                """), native: "done done done\n", mount: "done done EAGAIN\n")
    }

    @Test func timeToLive() throws {
        let script = Script.python(
            """
            below = sys.argv[1]
            write('file', b'content')
            os.stat('file')
            os.truncate(below + '/file', 3)
            os.rename(below + '/file', below + '/renamed')
            late = os.path.exists('file')
            start = time.monotonic()
            while os.path.exists('file') and time.monotonic() < start + 5:
                time.sleep(0.01)
            print('late' if late else 'at once', 'in time' if time.monotonic() < start + 1.2 else 'too late')
            assert os.stat('renamed').st_size == 3
            """)
        try expectSides(script, native: "at once in time\n", mount: "late in time\n", options: ["cache=ttl"])
        try expectSides(script, native: "at once in time\n", mount: "at once in time\n", options: ["cache=none"])
    }

    @Test func writebackErrors() throws {
        try expectSides(
            .python(
                """
                fd = os.open('file', os.O_RDWR | os.O_CREAT)
                print(name(lambda: os.pwrite(fd, b'beyond the largest size', 1 << 62)), name(lambda: os.fsync(fd)))
                """), native: "EFBIG done\n", mount: "done EFBIG\n", options: ["writeback_cache"])
    }

    @Test func writebackCache() throws {
        try expectSides(
            .python(
                """
                fd = os.open('file', os.O_RDWR | os.O_CREAT)
                os.write(fd, b'content')
                print(os.pread(fd, 10, 0), read(sys.argv[1] + '/file'))
                os.fsync(fd)
                print(read(sys.argv[1] + '/file'))
                """), native: "b'content' b'content'\nb'content'\n", mount: "b'content' b''\nb'content'\n",
            options: ["writeback_cache"])
    }
}
