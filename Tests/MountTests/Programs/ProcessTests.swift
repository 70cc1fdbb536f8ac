import MountSupport
import Testing

extension Programs {
    @Suite struct Processes {
        @Test func setUserIDProgramsChangeTheUser() throws {
            let pair = try Pair()
            let output = try pair.expectSame(
                .shell(
                    """
                    cp "$(command -v id)" program
                    # The names that this machine has for the numbers do not matter.
                    chown 1002:1003 program
                    run() {
                        setpriv --reuid=1000 --regid=1000 --clear-groups ./program | sed 's/([^)]*)//g'
                    }
                    run
                    chmod 4755 program
                    run
                    chmod 6755 program
                    run
                    chmod 0644 program
                    run 2>&1
                    """))
            #expect(output.contains("euid=1002 egid=1003"))
            try pair.end()
        }

        @Test func aRunningProgramCannotBeWritten() throws {
            let pair = try Pair()
            let output = try pair.expectSame(
                .python(
                    """
                    import shutil
                    shutil.copy(shutil.which('sleep'), 'program')
                    running = subprocess.Popen(['./program', '20'])
                    print(name(lambda: os.open('program', os.O_WRONLY)))
                    os.unlink('program')
                    running.kill()
                    running.wait()
                    """))
            #expect(output == "ETXTBSY\n")
            try pair.end()
        }

        @Test(arguments: ["passthrough=auto", "passthrough=off"]) func mappedFiles(_ option: String) throws {
            let pair = try Pair(options: [option])
            try pair.expectSame(
                .python(
                    """
                    write('file', bytes(range(256)) * 64)
                    with open('file', 'r+b') as file:
                        shared = mmap.mmap(file.fileno(), 0)
                        private = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE)
                        private[0:4] = b'mine'
                        shared[4096:4104] = b'everyone'
                        assert private[4096:4104] == b'everyone'
                        assert file.read(4) == bytes(range(4))
                        if os.fork() == 0:
                            shared[8192:8197] = b'child'
                            os._exit(0)
                        os.wait()
                        assert shared[8192:8197] == b'child'
                        shared.flush()
                        shared.resize(20000)
                        shared[19999] = 33
                    assert read('file')[-1:] == b'!'
                    """))
            try pair.end()
        }

        @Test(arguments: ["passthrough=auto", "passthrough=off"]) func directTransfers(_ option: String) throws {
            let pair = try Pair(options: [option])
            let output = try pair.expectSame(
                .shell(
                    """
                    seq 1 400000 | head -c 2097152 >data
                    dd if=data of=copy bs=64k oflag=direct status=none
                    dd if=copy of=again bs=1M iflag=direct status=none
                    dd if=data of=copy bs=4k count=1 seek=100 oflag=direct conv=notrunc status=none
                    cmp data again
                    dd if=data of=appended bs=4k count=2 oflag=direct,append conv=notrunc status=none
                    dd if=data of=appended bs=4k count=2 oflag=direct,append conv=notrunc status=none
                    # The last block is shorter: dd(1) clears O_DIRECT for it.
                    head -c 10000 data | dd of=short bs=4k iflag=fullblock oflag=direct status=none
                    dd if=data of=odd bs=100 count=1 oflag=direct 2>&1 | head -n 1 | sed 's/.*: //'
                    """))
            #expect(!output.contains("rror"))
            try pair.end()
        }
    }
}
