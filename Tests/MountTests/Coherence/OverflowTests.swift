import Glibc
import MountSupport
import Testing

extension Coherence {
    @Suite struct Overflows {
        /// What is held by no open file and looked up by no name hears of lost changes too, whether or not it was asked for since the
        /// last time.
        @Test(arguments: ["fanotify", "inotify"]) func whatIsHeldWithoutBeingOpen(_ watcher: String) throws {
            let pair = try Self.pair(by: watcher, options: ["attr_timeout=3600"])
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

        /// The kernel keeps access control lists, and that there is none, for ever, also where attributes are kept for a second.
        @Test func accessControlListsThatAreHeld() throws {
            let pair = try Self.pair()
            try pair.expectSuccess(
                .coherence(
                    Changes.prepare + """
                        daemon = int(sys.argv[2])
                        os.mkdir(below + '/many')
                        os.listdir('many')
                        optional(lambda: os.lstat('many/missing'))
                        lists = ('data', 'access'), ('other', 'access'), ('sub', 'access'), ('sub', 'default')
                        def set_list(path, name, user):
                            subprocess.run(['setfacl', *(['-d'] if name == 'default' else []), '-m', f'u:{user}:rwx', below + '/' + path], check=True)
                        for path, name in lists:
                            if path != 'other':
                                set_list(path, name, 1)
                        time.sleep(1.2)
                        held = {path: os.open(path, os.O_PATH) for path, name in lists}
                        def shown(root):
                            return [optional(lambda: os.getxattr(f'/proc/self/fd/{held[path]}' if root == '.' else f'{below}/{path}', 'system.posix_acl_' + name))
                                    for path, name in lists]
                        assert shown('.') == shown(below) and shown('.')[1] == 'ENODATA', shown('.')
                        for round in 2, 3, 4:
                            os.kill(daemon, signal.SIGSTOP)
                            for number in range(300):
                                write(f'{below}/many/{round}.{number}')
                            for path, name in lists:
                                set_list(path, name, round)
                            os.kill(daemon, signal.SIGCONT)
                            settle('lists', shown)
                            time.sleep(0.1)
                            settle('lists', shown)
                            settle('attributes', lambda root: [
                                attributes(os.fstat(fd) if root == '.' else os.stat(f'{below}/{path}')) for path, fd in held.items()])
                        """), pair.lower, "\(pair.mount.process.pid)")
            try pair.end()
        }

        /// A mount whose watcher has room for four events.
        static func pair(
            _ kind: LowerFileSystem = .ext4, by watcher: String = "fanotify", options: [String] = [],
            command: [String]? = nil, deadline: Double = 120
        ) throws -> Pair {
            let parameter = "/proc/sys/fs/\(watcher)/max_queued_events"
            let before = TextFile.read(parameter)
            try write("4", to: parameter)
            defer { try? write(before, to: parameter) }
            return try Pair(
                kind, options: ["cache=watched", "watcher=\(watcher)"] + options, command: command, deadline: deadline)
        }

        private static func write(_ text: String, to path: String) throws {
            let fd = open(path, O_WRONLY)
            defer { close(fd) }
            guard fd >= 0, text.withCString({ Glibc.write(fd, $0, strlen($0)) }) > 0 else {
                throw SupportError("\(path) cannot be written: errno \(errno)")
            }
        }
    }
}
