import Differential
import Glibc
import MountSupport
import Testing

extension ControlGroups {
    /// Many readers of all files while groups come and go, and processes move.
    @Suite struct Readers {
        /// STACKFS_CGROUP_SECONDS says for how long.
        private static let seconds = Environment.number("STACKFS_CGROUP_SECONDS") ?? 4

        @Test(arguments: CgroupVersion.allCases)
        func noErrorButForWhatIsGone(_ version: CgroupVersion) throws {
            let groups = try GroupMount(version, deadline: Double(Self.seconds) + 120)
            let flags = groups.fixture.scratch.makeDirectory("flags")
            let result = try groups.python(
                Self.script, "64", "\(Self.seconds)", flags, seconds: Double(Self.seconds) + 100)
            print("64 readers, \(version): \(result.output)", terminator: "")
            #expect(result.ending == .exited(0), "\(result.output)")
            try groups.end()
        }

        /// The mirrored part of a mount, held against a native directory, while the tree beside it is read and written.
        @Test(arguments: CgroupVersion.allCases)
        func theMirrorIsUndisturbed(_ version: CgroupVersion) throws {
            let groups = try GroupMount(version)
            let (output, flags) = (
                "\(groups.fixture.scratch.root)/storm", groups.fixture.scratch.makeDirectory("flags")
            )
            let storm = try Subprocess(
                GroupMount.script(Self.script).command([groups.tree, version.rawValue, "4", "120", flags]),
                output: output)
            let begin = Deadline(seconds: 30)
            while access("\(flags)/begun", F_OK) != 0 && !begin.passed { usleep(10_000) }
            let report = try Differential(sides: groups.fixture.sides, seed: 20_26_11_27, calls: 15_000).run()
            #expect(storm.poll() == nil, "\(TextFile.read(output))")
            mkdir("\(flags)/stop", 0o755)
            #expect(storm.wait(seconds: 30) == .exited(0), "\(TextFile.read(output))")
            print("beside the mirror, \(version): \(report.calls) calls, \(TextFile.read(output))", terminator: "")
            #expect(report.failures.isEmpty, "\(report.failures.map(\.description).joined(separator: "\n\n"))")
            try groups.end()
        }

        /// Some readers, one that makes and removes groups, and one that moves a process among them, for some seconds or until somebody
        /// makes `stop`. Files that no process can read give the same error as in a tree that nobody changes.
        private static let script = """
            import random
            readers, seconds, flags = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
            gone = {'ENOENT', 'ENODEV'}
            groups = [f'g{number}' for number in range(12)]

            def goes_on():
                return time.monotonic() < end and not os.path.exists(f'{flags}/stop')

            def child(work, *arguments):
                "A process whose last words are what it found, and the pipe that they come through."
                receive, send = os.pipe()
                pid = os.fork()
                if pid == 0:
                    try:
                        os.write(send, repr(work(random.Random(os.getpid()), *arguments)).encode())
                    finally:
                        os._exit(0)
                os.close(send)
                return pid, receive

            def reader(dice):
                reads, surprises = 0, set()
                while goes_on():
                    hierarchy = dice.choice(hierarchies)
                    group = dice.choice(['', 'quiet'] + groups + [f'{group}/inner' for group in groups])
                    directory = f'{tree}/{hierarchy}/{group}'
                    try:
                        files = os.listdir(directory)
                    except OSError as error:
                        surprises |= {f'list {group}: {errno.errorcode[error.errno]}'} if errno.errorcode[error.errno] not in gone else set()
                        continue
                    for file in files:
                        if (hierarchy, file) in quiet:
                            result = name(lambda: read(f'{directory}/{file}'))
                            if result not in gone and result != quiet[hierarchy, file]:
                                surprises.add(f'{hierarchy}/{file}: {result}')
                            reads += result == 'done'
                return reads, surprises

            def changer(dice):
                changes, surprises = 0, set()
                while goes_on():
                    directory = f'{tree}/{dice.choice(hierarchies)}/{dice.choice(groups)}'
                    for act in (lambda: os.mkdir(directory), lambda: os.mkdir(f'{directory}/inner'),
                                lambda: os.rmdir(f'{directory}/inner'), lambda: os.rmdir(directory)):
                        if dice.random() < 0.7:
                            result = name(act)
                            changes += result == 'done'
                            if result not in gone | {'done', 'EEXIST', 'EBUSY'}:
                                surprises.add(f'change: {result}')
                return changes, surprises

            def mover(dice, pid):
                moves, surprises = 0, set()
                while goes_on():
                    group = dice.choice(['', 'quiet'] + groups + [f'{group}/inner' for group in groups])
                    result = name(lambda: put(f'{tree}/{dice.choice(hierarchies)}/{group}/cgroup.procs', str(pid)))
                    moves += result == 'done'
                    # ENOSPC: v1's cpuset takes nobody before it has processors.
                    if result not in gone | {'done'} | ({'ENOSPC'} if legacy else set()):
                        surprises.add(f'move: {result}')
                return moves, surprises

            delegate(tree)
            quiet = {}
            for hierarchy in hierarchies:
                os.mkdir(f'{tree}/{hierarchy}/quiet')
                for directory in (f'{tree}/{hierarchy}', f'{tree}/{hierarchy}/quiet'):
                    for file in regular(directory):
                        quiet[hierarchy, file] = name(lambda: read(f'{directory}/{file}'))
            moved = subprocess.Popen(['sleep', '300'])
            end = time.monotonic() + seconds
            os.mkdir(f'{flags}/begun')
            try:
                children = [(reader, child(reader)) for _ in range(readers)]
                children += [(changer, child(changer)), (mover, child(mover, moved.pid))]
                counts, surprises = {}, set()
                for work, (pid, pipe) in children:
                    count, found = eval(os.fdopen(pipe, 'rb').read(), {'set': set})
                    os.waitpid(pid, 0)
                    assert count > 0, (work.__name__, found)
                    counts[work.__name__] = counts.get(work.__name__, 0) + count
                    surprises |= found
            finally:
                moved.kill()
                moved.wait()
            assert not surprises, sorted(surprises)
            for hierarchy in hierarchies:
                for group in groups:
                    for path in (f'{group}/inner', group):
                        assert name(lambda: os.rmdir(f'{tree}/{hierarchy}/{path}')) in ('done', 'ENOENT'), path
                os.rmdir(f'{tree}/{hierarchy}/quiet')
            print(', '.join(f'{work}: {count}' for work, count in counts.items()))
            """
    }
}
