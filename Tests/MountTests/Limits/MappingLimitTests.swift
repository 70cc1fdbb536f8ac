import MountSupport
import Testing

/// Reads and stores that the kernel's page cache takes, and of which the daemon hears later or never.
extension Limits {
    @Test func accessTimes() throws {
        try expectSides(
            .python(
                """
                write('file', b'content')
                fd = os.open('file', os.O_RDONLY)
                def moves():
                    time.sleep(0.02)
                    before = os.stat(sys.argv[1] + '/file').st_atime_ns
                    os.pread(fd, 7, 0)
                    return os.stat(sys.argv[1] + '/file').st_atime_ns > before
                print(moves(), moves())
                """), native: "True True\n", mount: "True False\n",
            options: ["passthrough=off"])
    }

    @Test func mappedStoreTimes() throws {
        try expectSides(
            .python(
                """
                write('file', bytes(4096))
                fd = os.open('file', os.O_RDWR)
                memory = mmap.mmap(fd, 4096)
                def moves(call):
                    time.sleep(0.02)
                    before = os.stat(sys.argv[1] + '/file').st_mtime_ns
                    call()
                    return os.stat(sys.argv[1] + '/file').st_mtime_ns > before
                def store():
                    memory[0] = 1
                print(moves(store), moves(memory.flush))
                """), native: "True False\n", mount: "False True\n",
            options: ["passthrough=off"])
    }

    @Test func mappedCapability() throws {
        try expectSides(
            SetIDScript.one("caps", "owner", "mapped store"), native: "caps owner mapped store done 777 caps\n",
            mount: "caps owner mapped store done 777 \n", options: ["passthrough=off"])
    }

    @Test(.enabled(if: KernelVersion.isAtLeast(6, 9), "passthrough came with Linux 6.9"))
    func flagsByFcntl() throws {
        try expectSides(
            .python(
                """
                def reopened(flags):
                    with open('file', 'wb') as file:
                        file.write(b'content ' * 1000)
                    return os.open('file', os.O_RDWR | flags)
                for before, after in ((0, os.O_DIRECT), (os.O_DIRECT, 0), (0, os.O_APPEND), (os.O_APPEND, 0)):
                    fd = reopened(before)
                    fcntl.fcntl(fd, fcntl.F_SETFL, after)
                    print(name(lambda: os.pwrite(fd, b'odd', 0)), os.fstat(fd).st_size)
                """),
            native: "EINVAL 8000\ndone 8000\ndone 8003\ndone 8000\n",
            mount: "done 8000\ndone 8000\ndone 8003\ndone 8003\n",
            options: ["passthrough=on"])
    }
}
