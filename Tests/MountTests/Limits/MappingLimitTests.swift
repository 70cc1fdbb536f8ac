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
                """), native: "True True\n", mount: "True False\n")
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
                """), native: "True False\n", mount: "False True\n")
    }

    @Test func mappedCapability() throws {
        try expectSides(
            SetIDScript.one("caps", "owner", "mapped store"), native: "caps owner mapped store done 777 caps\n",
            mount: "caps owner mapped store done 777 \n")
    }

    @Test func setGroupIDWithoutExecution() throws {
        try expectSides(
            SetIDScript.one("sgid-no-exec", "member", "write"), native: "sgid-no-exec member write done 2767 \n",
            mount: "sgid-no-exec member write done 767 \n")
    }
}
