import Glibc
import MountSupport
import Testing

extension Coherence {
    /// Writers in the lower directory and on the mount, readers on the mount; at rest nothing is stale.
    ///
    /// STACKFS_COHERENCE_CHECKS says how many names are to be compared at rest; the log has how many were.
    @Suite struct Stress {
        private static let options = ["cache=watched", "watcher=\(Coherence.watcher)"]
        private static let checks = getenv("STACKFS_COHERENCE_CHECKS").map { String(cString: $0) } ?? "1000"

        @Test(arguments: [LowerFileSystem.ext4, .tmpfs]) func nothingIsStaleAtRest(_ kind: LowerFileSystem) throws {
            try run(Pair(kind, options: Self.options, deadline: 7200), "watched on \(kind)")
        }

        /// Who cannot tell its own changes by their events.
        @Test func byInotify() throws {
            try run(Pair(options: ["cache=watched", "watcher=inotify"], deadline: 7200), "watched by inotify")
        }

        @Test func withTwoMounts() throws {
            let pair = try Pair(options: Self.options, deadline: 7200)
            let second = try TestMount(
                pair.lower, in: pair.scratch, name: "second", options: Self.options, deadline: 7200)
            try run(pair, "two mounts", second.path)
            try second.unmount()
        }

        /// A queue of four events overflows all the time.
        @Test(arguments: ["fanotify", "inotify"]) func withAQueueThatOverflows(_ watcher: String) throws {
            try run(Overflows.pair(by: watcher, deadline: 7200), "\(watcher), overflowing")
        }

        @Test func withTheWatcherStopped() throws {
            let pair = try Pair(options: Self.options, deadline: 7200)
            try pair.expectSuccess(.coherence(Changes.prepare), pair.lower)
            pair.mount.process.signal(SIGUSR2)
            while !pair.mount.messages.contains("was told to stop"), pair.mount.failure == nil { usleep(10_000) }
            try pair.expectSuccess(
                .coherence("settle('after the end', lambda root: tree(root, names=['missing']))"), pair.lower)
            try run(pair, "stopped")
        }

        private func run(_ pair: Pair, _ what: String, _ other: String = "") throws {
            let seed = Int.random(in: 1...1_000_000)
            let output = try pair.expectSuccess(
                .coherence(Self.script), pair.lower, other, Self.checks, "\(seed)", seconds: 7000)
            print("coherence, \(what), seed \(seed): \(output)", terminator: "")
            #expect(output.contains("0 stale"))
            try pair.end()
        }

        private static let script = """
            import random
            other, wanted, seed = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
            directories = [f'd{number}' for number in range(8)]
            names = [f'n{number}' for number in range(256)]
            for directory in directories:
                os.makedirs(below + '/' + directory, exist_ok=True)

            def writer(root, dice):
                def path():
                    return f'{root}/{dice.choice(directories)}/{dice.choice(names)}'
                def data(flags):
                    fd = os.open(path(), os.O_WRONLY | flags)
                    os.write(fd, b'x' * dice.randrange(100))
                    os.close(fd)
                acts = [lambda: write(path(), b'new'), lambda: os.unlink(path()), lambda: os.rename(path(), path()),
                        lambda: os.link(path(), path()), lambda: os.symlink(str(dice.random()), path()), lambda: os.mkdir(path()),
                        lambda: os.rmdir(path()), lambda: os.chmod(path(), dice.randrange(0o1000)), lambda: data(0),
                        lambda: data(os.O_APPEND), lambda: data(os.O_TRUNC), lambda: os.truncate(path(), dice.randrange(1000)),
                        lambda: system(libc.renameat2(-100, path().encode(), -100, path().encode(), 2)),
                        lambda: os.utime(path(), ns=(dice.randrange(10**18), dice.randrange(10**18)))]
                while time.monotonic() < end:
                    optional(dice.choice(acts))

            def reader(root, dice):
                while time.monotonic() < end:
                    path = f'{root}/{dice.choice(directories)}/{dice.choice(names)}'
                    optional(lambda: os.lstat(path))
                    optional(lambda: os.listdir(path if dice.random() < 0.3 else os.path.dirname(path)))
                    optional(lambda: read(path) if stat.S_ISREG(os.lstat(path).st_mode) else os.readlink(path))

            def shown(root):
                result = {}
                for directory in directories:
                    result[directory] = sorted(os.listdir(f'{root}/{directory}'))
                    for name in names:
                        result[f'{directory}/{name}'] = optional(lambda: attributes(os.lstat(f'{root}/{directory}/{name}')))
                return result

            checks = rounds = 0
            while checks < wanted:
                rounds += 1
                children = []
                end = time.monotonic() + 0.2
                for number, (work, root) in enumerate([(writer, below), (writer, '.'), (writer, other or below), (reader, '.'), (reader, other or '.')]):
                    children.append(os.fork())
                    if children[-1] == 0:
                        work(root, random.Random(seed + 10 * rounds + number))
                        os._exit(0)
                for child in children:
                    assert os.waitpid(child, 0)[1] == 0
                for mount in ('.', other) if other else ('.',):
                    settle('at rest', lambda root: shown(mount if root == '.' else root))
                    checks += len(directories) * (len(names) + 1)
            print(checks, 'checks,', 0, 'stale')
            """
    }
}
