import MountSupport
import Testing

/// Calls that the kernel answers itself for every FUSE file system.
extension Limits {
    @Test func reflink() throws {
        try expectSides(
            .python(
                """
                write('file', os.urandom(1 << 20))
                FICLONE = 0x40049409
                source = os.open('file', os.O_RDONLY)
                print(name(lambda: fcntl.ioctl(os.open('clone', os.O_WRONLY | os.O_CREAT), FICLONE, source)))
                subprocess.run(['cp', '--reflink=auto', 'file', 'copy'], check=True)
                assert read('copy') == read('file')
                # copy_file_range(2) shares the extents where the lower file system can: fiemap's flag 0x2000.
                target = os.open('ranged', os.O_WRONLY | os.O_CREAT)
                assert os.copy_file_range(source, target, 1 << 20) == 1 << 20
                os.fsync(target)
                lower = os.open(sys.argv[1] + '/ranged', os.O_RDONLY)
                extents = bytearray(struct.pack('QQIIII', 0, 1 << 40, 0, 0, 1, 0) + bytes(56))
                fcntl.ioctl(lower, 0xC020660B, extents)
                print(bool(struct.unpack_from('I', extents, 32 + 40)[0] & 0x2000))
                """), native: "done\nTrue\n", mount: "ENOTSUP\nTrue\n", on: .xfs)
    }

    @Test func readWithoutWaiting() throws {
        try expectSides(
            .python(
                """
                write('file', b'content')
                fd = os.open('file', os.O_RDONLY)
                os.pread(fd, 7, 0)
                RWF_NOWAIT = 0x8
                print(name(lambda: os.preadv(fd, [bytearray(7)], 0, RWF_NOWAIT)))
                """), native: "done\n", mount: "ENOTSUP\n")
    }

    @Test(
        .enabled(
            if: KernelVersion.isAtLeast(6, 18), "whether older kernels have RWF_DONTCACHE on ext4 was not measured"))
    func readAndWriteFlags() throws {
        try expectSides(
            .python(
                """
                write('file', b'content')
                fd = os.open('file', os.O_RDWR)
                RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_APPEND = 0x1, 0x2, 0x4, 0x10
                print([name(lambda: os.pwritev(fd, [b'C'], 0, flag)) for flag in (RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_APPEND)])
                print(read('file'))
                RWF_DONTCACHE = 0x80
                print(name(lambda: os.pwritev(fd, [b'C'], 0, RWF_DONTCACHE)))
                """), native: "['done', 'done', 'done', 'done']\nb'ContentC'\ndone\n",
            mount: "['done', 'done', 'done', 'done']\nb'ContentC'\nENOTSUP\n")
    }

    @Test(.enabled(if: KernelVersion.isAtLeast(6, 9), "RWF_NOAPPEND came with Linux 6.9"))
    func writeWithoutAppending() throws {
        try expectSides(
            .python(
                """
                write('file', b'content')
                fd = os.open('file', os.O_WRONLY | os.O_APPEND)
                RWF_NOAPPEND = 0x20
                os.pwritev(fd, [b'C'], 0, RWF_NOAPPEND)
                print(read('file'))
                """), native: "b'Content'\n", mount: "b'contentC'\n")
    }

    @Test func fallocateModes() throws {
        try expectSides(
            .python(
                """
                write('file', bytes(1 << 20))
                fd = os.open('file', os.O_RDWR)
                COLLAPSE_RANGE, INSERT_RANGE, UNSHARE_RANGE = 0x08, 0x20, 0x40
                for mode in COLLAPSE_RANGE, INSERT_RANGE, UNSHARE_RANGE:
                    print(name(lambda: system(libc.fallocate(fd, mode, ctypes.c_long(4096), ctypes.c_long(4096)))))
                """), native: "done\ndone\ndone\n", mount: "ENOTSUP\nENOTSUP\nENOTSUP\n", on: .xfs)
    }

    @Test func otherIoctls() throws {
        try expectSides(
            .python(
                """
                write('file', bytes(8192))
                os.sync()
                fd = os.open('file', os.O_RDWR)
                fiemap = bytearray(struct.pack('QQIIII', 0, 1 << 40, 0, 0, 1, 0) + bytes(56))
                print('FS_IOC_FIEMAP', name(lambda: fcntl.ioctl(fd, 0xC020660B, fiemap)))
                print('FS_IOC_GETFSLABEL', name(lambda: fcntl.ioctl(fd, 0x81009431, bytes(256))))
                print('FITRIM', name(lambda: fcntl.ioctl(os.open('.', os.O_RDONLY), 0xC0185879, struct.pack('QQQ', 0, 1 << 20, 0))))
                print('FS_IOC_GETFLAGS', name(lambda: fcntl.ioctl(fd, 0x80086601, bytes(8))))
                """),
            native: "FS_IOC_FIEMAP done\nFS_IOC_GETFSLABEL done\nFITRIM done\nFS_IOC_GETFLAGS done\n",
            mount: "FS_IOC_FIEMAP ENOTSUP\nFS_IOC_GETFSLABEL ENOTTY\nFITRIM ENOTTY\nFS_IOC_GETFLAGS done\n")
    }

    @Test func swapFiles() throws {
        try expectSides(
            .shell(
                """
                dd if=/dev/zero of=swap bs=1M count=1 status=none
                chmod 600 swap
                mkswap swap >/dev/null
                if swapon swap 2>/dev/null; then swapoff swap; echo done; else echo refused; fi
                """), native: "done\n", mount: "refused\n")
    }

    @Test func attributeFlags() throws {
        try expectSides(
            .python(
                """
                write('file')
                subprocess.run(['chattr', '+a', 'file'], check=True)
                time.sleep(1.1)
                status = ctypes.create_string_buffer(256)
                STATX_BASIC_STATS, STATX_ATTR_APPEND = 0x7ff, 0x20
                system(libc.statx(-100, b'file', 0, STATX_BASIC_STATS, status))
                print(bool(struct.unpack_from('Q', status, 8)[0] & STATX_ATTR_APPEND), flush=True)
                subprocess.run('lsattr file | cut -c 1-7; chattr -a file', shell=True, check=True)
                """), native: "True\n-----a-\n", mount: "False\n-----a-\n")
    }

    @Test func fileSystemType() throws {
        try expectSides(
            .shell("stat -f -c '%t %s' ."), native: "ef53 4096\n", mount: "65735546 4096\n")
    }

    @Test func fanotify() throws {
        try expectSides(
            .python(
                """
                FAN_MARK_ADD, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM, FAN_MODIFY = 0x1, 0x10, 0x100, 0x2
                FAN_REPORT_FID = 0x200
                for report in 0, FAN_REPORT_FID:
                    for kind in 0, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM:
                        watch = libc.fanotify_init(report, os.O_RDONLY)
                        def mark():
                            system(libc.fanotify_mark(watch, FAN_MARK_ADD | kind, ctypes.c_ulong(FAN_MODIFY), -100, b'.'))
                        print(name(mark))
                        os.close(watch)
                """), native: "done\ndone\ndone\ndone\ndone\ndone\n", mount: "done\ndone\ndone\ndone\nENODEV\nENODEV\n")
    }

    @Test func syncfs() throws {
        let scratch = try Scratch(.ext4)
        let lower = try scratch.makeLowerDirectory("lower")
        let statistics = scratch.makeDirectory("statistics")
        let mount = try TestMount(
            lower, in: scratch,
            command: [try Daemon.binary(), "-f", "-r", "{lower}", "{mount}", "--statsdir", statistics], deadline: 60)
        let result = try Script.shell("echo content >file; sync -f file; sync file").run(in: mount.path)
        #expect(result == Script.Result(ending: .exited(0), output: ""))
        try mount.unmount()
        let operations = TextFile.read("\(statistics)/operations.txt")
        #expect(operations.contains("FSYNC"), "\(operations)")
        #expect(!operations.contains("SYNCFS"), "\(operations)")
    }
}
