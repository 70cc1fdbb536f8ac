import MountSupport
import Testing

/// `-o small-files`: files are opened without a request, and read and written through the page cache.
@Suite(.enabled(if: Requirements.missing(for: .ext4) == nil, "\(Requirements.missing(for: .ext4) ?? "")"))
struct SmallFilesTests {
    private static let options = ["small-files", "cache=ttl:3600,negative_timeout=3600"]

    @Test func filesAreWrittenAndReadAsNatively() throws {
        let pair = try Pair(options: Self.options)
        try pair.expectSame(
            .python(
                """
                write('plain', b'content')
                with open('plain', 'ab') as file:
                    file.write(b' and more')
                print(open('plain', 'rb').read())
                os.close(os.open('plain', os.O_WRONLY | os.O_TRUNC))
                print(os.stat('plain').st_size)
                write('plain', b'x' * 300000)
                fd = os.open('plain', os.O_RDWR)
                os.pwrite(fd, b'in the middle', 150000)
                os.ftruncate(fd, 200000)
                os.fsync(fd)
                print(os.pread(fd, 13, 150000), os.fstat(fd).st_size)
                mapping = mmap.mmap(fd, 4096)
                mapping[0:6] = b'mapped'
                mapping.flush()
                mapping.close()
                print(os.pread(fd, 8, 0))
                os.posix_fallocate(fd, 0, 400000)
                print(os.lseek(fd, 0, os.SEEK_END))
                other = os.open('other', os.O_RDWR | os.O_CREAT, 0o600)
                print(os.copy_file_range(fd, other, 5000), os.fstat(other).st_size)
                os.unlink('other')
                os.pwrite(other, b'without a name', 10000)
                print(os.pread(other, 14, 10000), os.fstat(other).st_nlink)
                third = os.open('plain', os.O_RDONLY)
                os.rename('plain', 'moved')
                os.link('moved', 'linked')
                print(os.pread(third, 6, 0))
                write('program', b'#!/bin/sh\\necho ran\\n')
                os.chmod('program', 0o755)
                print(subprocess.run(['./program'], capture_output=True).stdout)
                os.mkdir('directory')
                write('directory/a')
                print(os.listdir('directory'))
                """))
        try pair.end()
    }

    @Test func setIDBitsGoWithAWrite() throws {
        let pair = try Pair(options: Self.options)
        try pair.expectSame(
            .shell(
                """
                echo content >file
                chown 0:0 file
                chmod 6777 file
                chmod 777 .
                setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'echo more >>file'
                stat -c %a file
                chmod 6777 file
                setpriv --reuid=65534 --regid=65534 --clear-groups sh -c ': >file'
                stat -c %a file
                """))
        try pair.end()
    }

    /// The kernel believes the file to end where it saw its end: what is appended must not overwrite what came since.
    @Test func appendingToAFileThatGrewBelow() throws {
        let pair = try Pair(options: Self.options)
        let written = try Script.python(
            """
            lower = sys.argv[1] + '/log'
            write('log', b'first\\n')
            fd = os.open('log', os.O_WRONLY | os.O_APPEND)
            os.stat('log')
            with open(lower, 'ab') as below:
                below.write(b'behind the mount\\n')
            os.write(fd, b'appended\\n')
            print(open(lower).read(), end='')
            # Another thread tells the kernel to forget what it has.
            for _ in range(500):
                if open('log').read() == open(lower).read():
                    break
                time.sleep(0.01)
            print(open('log').read(), end='')
            """
        ).run(in: pair.mount.path, [pair.lower])
        let text = "first\nbehind the mount\nappended\n"
        #expect(written == Script.Result(ending: .exited(0), output: text + text))
        try pair.end()
    }

    @Test func programsWorkInIt() throws {
        let pair = try Pair(options: Self.options)
        try pair.expectSame(
            .shell(
                """
                mkdir tree && cd tree && git init -q . && git config user.email a@b && git config user.name a
                for n in 1 2 3 4 5 6 7 8 9; do echo "content $n" >file$n; done
                git add . && git commit -qm first && echo more >>file3 && git commit -qam second
                git diff --stat HEAD~1 && git fsck --full && git checkout -q HEAD~1 && cat file3
                cd .. && rm -rf tree
                sqlite3 base.db 'create table t (a); insert into t values (1), (2); select sum(a) from t;'
                rm base.db
                """))
        try pair.end()
    }
}
