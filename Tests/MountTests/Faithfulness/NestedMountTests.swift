import MountSupport
import Testing

extension Faithfulness {
    /// What is mounted below the lower directory is shown, made before the start or after.
    @Suite struct NestedMounts {
        @Test func theyAreShown() throws {
            let scratch = try Scratch(.ext4)
            let lower = try scratch.makeLowerDirectory("lower")
            let prepare = Script.shell(
                """
                mkdir early late
                echo hidden >early/hidden
                mount -t tmpfs early early
                echo early >early/file
                """)
            #expect(try prepare.run(in: lower) == Script.Result(ending: .exited(0), output: ""))
            let clear = Script.shell("umount early; umount late/deep late || true")
            defer { _ = try? clear.run(in: lower) }
            let mount = try TestMount(lower, in: scratch, options: ["cache=none"], deadline: 60)
            let look = Script.python(
                """
                lower = sys.argv[1]
                assert os.listdir('early') == ['file'] and read('early/file') == b'early\\n'
                os.mkdir('late/covered')
                subprocess.run(['mount', '-t', 'tmpfs', 'late', lower + '/late'], check=True)
                assert os.listdir('late') == [], os.listdir('late')
                os.mkdir('late/deep')
                subprocess.run(['mount', '-t', 'tmpfs', 'deep', lower + '/late/deep'], check=True)
                for path in 'early/new', 'late/new', 'late/deep/new', 'new':
                    write(path, path.encode())
                    assert read(f'{lower}/{path}') == path.encode()
                # A new tmpfs counts from the same number each time.
                for i in range(20):
                    for directory in 'early', 'late', 'late/deep', '.':
                        write(f'{directory}/{i}')
                found = {}
                for directory, directories, files in os.walk('.'):
                    for entry in directories + files:
                        path = os.path.join(directory, entry)
                        s = os.stat(path)
                        assert (s.st_dev, s.st_ino) not in found, (path, found[s.st_dev, s.st_ino])
                        found[s.st_dev, s.st_ino] = path
                for call in os.rename, os.link:
                    for source, target in (('early/new', 'moved'), ('new', 'late/moved'), ('late/new', 'late/deep/moved')):
                        assert name(lambda: call(source, target)) == 'EXDEV', (call, source, target)
                os.rename('late/new', 'late/renamed')
                assert name(lambda: os.rmdir('early')) == 'EBUSY'
                assert name(lambda: os.rmdir('late/deep')) == 'EBUSY'
                assert os.statvfs('early').f_blocks == os.statvfs(lower + '/early').f_blocks
                assert os.statvfs('.').f_blocks == os.statvfs(lower).f_blocks
                # Gone again: what it covered is back.
                subprocess.run(['umount', '--lazy', lower + '/late/deep', lower + '/late'], check=True)
                assert os.listdir('late') == ['covered']
                """)
            let shown = try look.run(in: mount.path, [lower])
            #expect(shown == Script.Result(ending: .exited(0), output: ""))
            try mount.unmount()
        }
    }
}
