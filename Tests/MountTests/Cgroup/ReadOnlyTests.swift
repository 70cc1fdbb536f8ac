import MountSupport
import Testing

extension ControlGroups {
    /// Trees that are not to be written to, which is the default.
    @Suite struct ReadOnly {
        /// A tree, and the files of it that are tried.
        private static let script = Script.python(
            """
            tree, legacy = sys.argv[1], sys.argv[2] == 'v1'
            group = tree + ('/memory' if legacy else '')
            file = f'{group}/cgroup.procs'
            tries = {
                'read': lambda: read(file), 'mkdir': lambda: os.mkdir(f'{group}/new'),
                'open': lambda: os.close(os.open(file, os.O_RDWR)), 'write': lambda: write(file, b'0\\n'),
                'truncate': lambda: os.truncate(file, 0), 'chmod': lambda: os.chmod(file, 0o600),
                'chown': lambda: os.chown(file, 1, 1), 'utime': lambda: os.utime(file),
                'setxattr': lambda: os.setxattr(group, 'user.a', b'b'),
                'access': lambda: system(libc.access(file.encode(), os.W_OK)),
            }
            print(' '.join(f'{what}:{name(act)}' for what, act in tries.items()))
            """)

        /// access(2) is as LIMITS.md says.
        @Test(arguments: CgroupVersion.allCases, ["", ":ro"])
        func nothingIsChanged(_ version: CgroupVersion, _ access: String) throws {
            let pair = try Pair(.tmpfs, options: ["cgroup=/t:\(version)\(access)"])
            let result = try Self.script.run(in: "/", ["\(pair.mount.path)/t", version.rawValue])
            #expect(
                result.output == """
                    read:done mkdir:EROFS open:EROFS write:EROFS truncate:EROFS chmod:EROFS chown:EROFS utime:EROFS \
                    setxattr:EROFS access:done

                    """)
            // What is mirrored beside it can be written to.
            try pair.expectSuccess(.shell("echo content >file && grep -qx content file"))
            try pair.end()
        }

        @Test(arguments: CgroupVersion.allCases)
        func writable(_ version: CgroupVersion) throws {
            let pair = try Pair(.tmpfs, options: ["cgroup=/t:\(version):rw"])
            let result = try Self.script.run(in: "/", ["\(pair.mount.path)/t", version.rawValue])
            #expect(
                result.output == """
                    read:done mkdir:done open:done write:done truncate:done chmod:done chown:done utime:done \
                    setxattr:done access:done

                    """)
            try pair.end()
        }

        /// The mount's own `ro` holds for trees too.
        @Test func readOnlyMount() throws {
            let pair = try Pair(.tmpfs, options: ["ro", "cgroup=/t:v2:rw"])
            let result = try Self.script.run(in: "/", ["\(pair.mount.path)/t", "v2"])
            #expect(
                result.output.hasPrefix("read:done mkdir:EROFS") && result.output.hasSuffix("access:EROFS\n"),
                "\(result.output)")
            try pair.end()
        }
    }
}
