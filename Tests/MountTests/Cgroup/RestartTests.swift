import Glibc
import MountSupport
import Testing

extension ControlGroups {
    /// Groups, settings and members over a restart of the daemon, where there is a state file.
    @Suite struct Restart {
        /// How the daemon ends: as an operator ends it, or at once.
        enum End: String, CaseIterable { case unmounted, killed }

        @Test(arguments: CgroupVersion.allCases, End.allCases)
        func everythingComesBack(_ version: CgroupVersion, _ end: End) throws {
            let scratch = try Scratch(.tmpfs)
            let lower = try scratch.makeLowerDirectory("lower")
            let state = "\(scratch.root)/state"
            let command = [
                try Daemon.binary(), "-f", "--state", state, "-r", "{lower}", "{mount}", "-o",
                "cgroup=/sys/fs/cgroup:\(version):rw",
            ]
            func start() throws -> TestMount { try TestMount(lower, in: scratch, command: command, deadline: 60) }
            func python(_ text: String, on mount: TestMount, _ arguments: String...) throws -> String {
                let arguments = ["\(mount.path)/sys/fs/cgroup", version.rawValue] + arguments
                let result = try GroupMount.script(text).run(in: "/", arguments)
                #expect(result.ending == .exited(0), "\(result.output)")
                return result.output
            }

            let before = try start()
            let member = try Subprocess(["sleep", "300"], output: "/dev/null")
            defer {
                member.signal(SIGKILL)
                _ = member.wait(seconds: 5)
            }
            _ = try python(Self.make, on: before, "\(member.pid)")
            let shown = try python(Self.show, on: before)
            #expect(
                shown.contains("\(version == .v1 ? "/memory" : "")/a b/c/cgroup.procs b'\(member.pid)\\n'"), "\(shown)")
            #expect(shown.contains("b'67108864\\n'") && shown.contains("b'33\\n'"), "\(shown)")
            #expect(shown.split(separator: "\n").count > 40, "\(shown)")

            switch end {
            case .unmounted: try before.unmount()
            case .killed:
                // What was written is kept a moment later.
                let kept = Deadline(seconds: 20)
                while !TextFile.read(state).contains("member") && !kept.passed { usleep(20_000) }
                before.process.signal(SIGKILL)
                #expect(before.process.wait(seconds: 5) == .killed(by: SIGKILL))
                let cleared = try Script.shell("\"$1\" umount \"$2\"").run(
                    in: "/", [Daemon.binary(), before.path], seconds: 10)
                #expect(cleared == Script.Result(ending: .exited(0), output: ""))
            }
            let after = try start()
            expectEqualLines(try python(Self.show, on: after), shown, "the tree after and before the restart")
            // It is not only shown.
            _ = try python(Self.remove, on: after, "\(member.pid)")
            try after.unmount()
        }

        private static let make = """
            delegate(tree)
            for name in hierarchies:
                for group in ('a b', 'a b/c', 'frozen'):
                    os.mkdir(f'{tree}/{name}/{group}')
            memory, cpuset, pids, freezer = (f'{tree}/{name}' if legacy else tree for name in ('memory', 'cpuset', 'pids', 'freezer'))
            delegate(f'{tree}/a b')
            put(f'{memory}/a b/' + ('memory.limit_in_bytes' if legacy else 'memory.max'), '64M')
            put(f'{pids}/a b/c/pids.max', '33')
            put(f'{cpuset}/a b/cpuset.cpus', '0')
            put(f'{cpuset}/frozen/cpuset.mems', '0')
            put(f'{freezer}/frozen/' + ('freezer.state' if legacy else 'cgroup.freeze'), 'FROZEN' if legacy else '1')
            os.chmod(f'{memory}/a b/cgroup.procs', 0o600)
            os.chown(f'{pids}/a b/c', 1000, 1000)
            os.setxattr(f'{memory}/a b/c', 'user.colour', b'blue')
            put(f'{memory}/a b/c/cgroup.procs', sys.argv[1])
            """

        private static let show = """
            for name in hierarchies:
                for directory, groups, files in sorted(os.walk(f'{tree}/{name}'.rstrip('/'))):
                    short = directory[len(tree):]
                    s = os.stat(directory)
                    print(short, stat.filemode(s.st_mode), s.st_uid, s.st_gid, {name: os.getxattr(directory, name) for name in os.listxattr(directory)})
                    for file, content in settings(directory, kept(directory)).items():
                        print(f'{short}/{file} {content}')
                    if directory != f'{tree}/{name}'.rstrip('/'):
                        print(f'{short}/cgroup.procs', read(f'{directory}/cgroup.procs'), oct(os.stat(f'{directory}/cgroup.procs').st_mode))
            """

        private static let remove = """
            put(f'{tree}/{"memory/" if legacy else ""}cgroup.procs', sys.argv[1])
            for name in hierarchies:
                for group in ('a b/c', 'a b', 'frozen'):
                    os.rmdir(f'{tree}/{name}/{group}')
            """
    }
}
