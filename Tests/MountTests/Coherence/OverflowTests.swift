import MountSupport
import Testing

extension Coherence {
    @Suite struct Overflows {
        /// What is held by no open file and looked up by no name hears of lost changes too, whether or not it was asked for since the
        /// last time.
        @Test func whatIsHeldWithoutBeingOpen() throws {
            let parameter = "/proc/sys/fs/fanotify/max_queued_events"
            let before = TextFile.read(parameter)
            try Stress.write("4", to: parameter)
            let pair: Pair
            do {
                defer { try? Stress.write(before, to: parameter) }
                pair = try Pair(options: ["cache=watched", "watcher=fanotify", "attr_timeout=3600"], command: nil)
            }
            try pair.expectSuccess(
                .coherence(
                    Changes.prepare + """
                        os.mkdir(below + '/many')
                        os.listdir('many')
                        optional(lambda: os.lstat('many/missing'))
                        time.sleep(1.2)
                        held = {path: os.open(path, os.O_PATH) for path in ('data', 'sub', 'sub/inner')}
                        shown = lambda root: [attributes(os.fstat(fd) if root == '.' else os.stat(below + '/' + path)) for path, fd in held.items()]
                        for round in range(12):
                            if round % 4 == 0:
                                settle('before', shown)
                            for number in range(300):
                                write(f'{below}/many/{round}.{number}')
                                if number == 150:
                                    for path in held:
                                        os.chmod(below + '/' + path, 0o700 + round)
                            if round % 4 != 1:
                                settle('after', shown)
                        settle('in the end', shown)
                        """), pair.lower)
            try pair.end()
        }
    }
}
