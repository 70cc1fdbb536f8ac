import MountSupport
import Testing

extension ControlGroups {
    /// Whatever is written to whatever file through a mount: an error and nothing changed, or what was written means something there.
    ///
    /// That trees refuse it right is tested on trees; here, that nothing on the way to them gives way.
    @Suite struct Garbage {
        @Test(arguments: CgroupVersion.allCases)
        func randomWrites(_ version: CgroupVersion) throws {
            let groups = try GroupMount(version)
            let seed = Environment.number("STACKFS_SEED") ?? Int.random(in: 1...1_000_000_000)
            let result = try groups.python(Self.script, "\(seed)", seconds: 120)
            print("garbage, \(version), STACKFS_SEED=\(seed): \(result.output)", terminator: "")
            #expect(result.ending == .exited(0), "STACKFS_SEED=\(seed): \(result.output)")
            try groups.end()
        }

        /// Numbers are kept from files that take a process: that would be one of the machine.
        private static let script = """
            import random
            dice = random.Random(int(sys.argv[1]))
            words = ['max', '+', '-', 'memory', '+nonsense', 'rbps=', '=', ':', '254:0', 'a', 'b', 'c', '*:*', 'rwm', 'some', 'threaded',
                     'FROZEN', '9', '-1', '0x', '9' * 23, '1.5', '\\n', '\\0', '\\t', '%s', '../..', 'é', '0-1', '1M', 'full 1 2']
            errors = {'EINVAL', 'ERANGE', 'EBUSY', 'ENODEV', 'ESRCH', 'EPERM', 'EACCES', 'ENOENT', 'ENOTSUP', 'EAGAIN', 'E2BIG',
                      'EBADF', 'EOVERFLOW', 'ENOSPC'}

            def garbage(file):
                while True:
                    kind = dice.randrange(4)
                    if kind == 0:
                        text = ' '.join(dice.choices(words, k=dice.randrange(1, 6))).encode()
                    elif kind == 1:
                        # Up to more than a page, which the kernel splits.
                        text = bytes([dice.randrange(256)]) * dice.choice([1, 4095, 4096, 4097, 9000])
                    elif kind == 2:
                        text = bytes(dice.randrange(256) for _ in range(dice.randrange(30)))
                    else:
                        text = str(dice.randrange(-5, 2000)).encode()
                    if not (file.endswith(('procs', 'threads', 'tasks')) and any(byte in b'0123456789' for byte in text)):
                        return text

            delegate(tree)
            accepted = refused = 0
            for name in hierarchies:
                root = f'{tree}/{name}'.rstrip('/')
                os.mkdir(f'{root}/g')
                for directory in (root, f'{root}/g'):
                    names = kept(directory)
                    before = settings(directory, names)
                    for file in regular(directory):
                        tried = []
                        for _ in range(4):
                            text = garbage(file)
                            try:
                                put(f'{directory}/{file}', text)
                            except OSError as error:
                                answer = errno.errorcode[error.errno]
                                assert answer in errors, (answer, directory, file, text)
                                tried.append(text)
                                refused += 1
                            else:
                                before, tried = settings(directory, names), []
                                accepted += 1
                        after = settings(directory, names)
                        assert after == before, (directory, file, tried, {key for key in after if after[key] != before.get(key)})
                    assert [entry.name for entry in os.scandir(directory) if entry.is_dir()] == (['g'] if directory == root else [])
                os.rmdir(f'{root}/g')
            # Both happen, or this test tells nothing.
            assert accepted > 5 and refused > 150, (accepted, refused)
            print(f'{refused} refused, {accepted} accepted')
            """
    }
}
