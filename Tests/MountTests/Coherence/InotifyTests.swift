import Glibc
import MountSupport
import Testing

extension Coherence {
    /// What stands in for fanotify where that is refused.
    @Suite struct ByInotify {
        @Test(arguments: [LowerFileSystem.ext4, .tmpfs]) func everyKindOfChange(_ kind: LowerFileSystem) throws {
            try Changes.expectEveryKindOfChange(kind, by: "inotify")
        }

        /// An event of what the mount itself has done must not have the kernel drop the name: who works in the directory would find it
        /// removed, and what is mounted there would go.
        @Test func whatTheMountDoesStaysInPlace() throws {
            let pair = try Pair(options: Changes.watched(by: "inotify"))
            try pair.expectSuccess(
                .coherence(
                    """
                    top = os.getcwd()
                    def stays(path):
                        os.chdir(path)
                        for _ in range(20):
                            assert os.getcwd() == f'{top}/{path}'
                        os.chdir(top)
                    for number in range(300):
                        os.makedirs(f'base/{number}/in')
                        stays(f'base/{number}/in')
                        os.rename(f'base/{number}/in', f'base/{number}/out')
                        stays(f'base/{number}/out')
                        os.mkdir(f'base/{number}/in')
                        system(libc.renameat2(-100, f'base/{number}/in'.encode(), -100, f'base/{number}/out'.encode(), 2))
                        stays(f'base/{number}/in')
                        stays(f'base/{number}/out')
                    """), pair.lower)
            try pair.end()
        }

        /// Names that several processes make, move and remove at once, on the mount and behind it, so that many calls fail and events cross.
        @Test func namesThatAreFoughtOver() throws {
            let pair = try Pair(options: Changes.watched(by: "inotify"))
            try pair.expectSuccess(
                .coherence(
                    """
                    import random
                    names = ('a', 'b', 'c')
                    for directory in 'x', 'y':
                        os.mkdir(f'{below}/{directory}')
                    paths = [f'{directory}/{name}' for directory in ('x', 'y') for name in names]
                    shown = lambda root: {path: optional(lambda: os.lstat(f'{root}/{path}').st_ino) for path in paths}
                    def fight(root, dice, end):
                        path = lambda: f'{root}/{dice.choice(paths)}'
                        acts = [lambda: os.close(os.open(path(), os.O_CREAT | os.O_EXCL)), lambda: os.unlink(path()), lambda: os.rename(path(), path()),
                                lambda: os.link(path(), path()), lambda: os.mkdir(path()), lambda: os.rmdir(path()), lambda: os.lstat(path()),
                                lambda: system(libc.renameat2(-100, path().encode(), -100, path().encode(), 2))]
                        while time.monotonic() < end:
                            optional(dice.choice(acts))
                    for round in range(40):
                        children = []
                        for number, root in enumerate((below, '.', below, '.')):
                            children.append(os.fork())
                            if children[-1] == 0:
                                fight(root, random.Random(10 * round + number), time.monotonic() + 0.05)
                                os._exit(0)
                        for child in children:
                            assert os.waitpid(child, 0)[1] == 0
                        settle(f'round {round}', shown)
                    """), pair.lower)
            try pair.end()
        }

        /// fanotify is refused to a namespace's root, and inotify takes over without being asked for.
        @Test func whereFanotifyIsRefused() throws {
            let result = try run(
                before: "echo 0 >/proc/sys/user/max_fanotify_groups", options: "attr_timeout=3600",
                .coherence(Changes.prepare + Changes.fewChanges))
            #expect(result.output.hasSuffix("in the log: by inotify\n"), "\(result)")
            #expect(result.status == 0, "\(result)")
        }

        /// Beyond what the system has room for directories are kept by time, and those that have their watch stay watched.
        @Test func whereWatchesRunOut() throws {
            let result = try run(
                options: "watcher=inotify",
                .coherence(
                    """
                    daemon = sys.argv[2]
                    def watches():
                        texts = [optional(lambda: read(f'/proc/{daemon}/fdinfo/{fd}')) for fd in os.listdir(f'/proc/{daemon}/fd')]
                        return sum(text.count(b'inotify wd:') for text in texts if isinstance(text, bytes))
                    for number in range(6):
                        os.mkdir(f'{below}/{number}')
                    everything = lambda root: {f'{number}': optional(lambda: os.lstat(f'{root}/{number}/new')) for number in range(6)}
                    write('/proc/sys/user/max_inotify_watches', b'4')
                    everything('.')
                    end = time.monotonic() + 20
                    while watches() < 4:
                        assert time.monotonic() < end, watches()
                    time.sleep(1.2)
                    everything('.')
                    for number in range(6):
                        write(f'{below}/{number}/new', b'content')
                    settle('names', lambda root: {number: look(root, f'{number}/new') for number in range(6)})
                    assert watches() == 4
                    write('/proc/sys/user/max_inotify_watches', b'100')
                    os.mkdir(below + '/6')
                    optional(lambda: os.lstat('6/new'))
                    while watches() != 5:
                        assert time.monotonic() < end + 20, watches()
                    os.rmdir('6')
                    while watches() != 4:
                        assert time.monotonic() < end + 40, watches()
                    """))
            #expect(result.status == 0, "\(result)")
        }

        /// Runs a script on a mount in a user namespace, whose root may lower its own limits.
        private func run(before: String = ":", options: String, _ script: Script) throws -> ProcessResult {
            let scratch = try Scratch(.ext4)
            let lower = try scratch.makeLowerDirectory("lower")
            let wrapper = """
                eval "$1"
                stackfs=$2 lower=$3 mount=$4 log=$5
                "$stackfs" -f -r "$lower" "$mount" -o "$6" 2>"$log" &
                daemon=$!
                shift 6
                for try in $(seq 100); do
                    if findmnt --mountpoint "$mount" >/dev/null && grep -q 'confined to' "$log"; then break; fi
                    sleep 0.1
                done
                (cd "$mount"; "$@" "$lower" $daemon) || { cat "$log"; exit 1; }
                umount "$mount"
                wait $daemon
                echo "in the log:$(grep -o ' by inotify' "$log")"
                """
            return try ProcessRunner.run(
                ["unshare", "-Urmpf", "--mount-proc", "--kill-child", "sh", "-euc", wrapper, "sh", before]
                    + [Daemon.binary(), lower, scratch.makeDirectory("mount"), "\(scratch.root)/log", options]
                    + script.command([]), seconds: 90)
        }
    }
}
