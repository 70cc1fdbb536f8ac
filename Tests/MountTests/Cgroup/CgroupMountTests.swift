import MountSupport
import Testing

/// Control groups beside a mirrored directory, on real mounts.
@Suite(.serialized, .enabled(if: Requirements.met, "\(Requirements.reason)")) struct ControlGroups {
    private static let oracle =
        #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/CgroupOverlayTests/Oracle"

    private func fixture(_ options: [String]) throws -> (fixture: Fixture, mount: TestMount) {
        let fixture = try Fixture(.tmpfs, options: options)
        return (fixture, try #require(fixture.mount))
    }

    /// What real kernels have answered, of 374 lines (v1) and 267 (v2). One of v2 differs, the type that statfs(2) tells.
    ///
    /// The machine that v1 was recorded on had two processors and a disk, that of v2 one processor and none: as such this one is shown to
    /// the daemon.
    @Test(arguments: [("v1", 370, "0-1", "254:0"), ("v2", 266, "0", "")])
    func answersAsTheKernel(version: String, least: Int, processors: String, disks: String) throws {
        let scratch = try Scratch(.plain)
        let script = Script.shell(
            """
            exec unshare -m --propagation private sh -euc '
                echo "$4" >processors
                : >nothing
                for list in online possible; do mount --bind processors /sys/devices/system/cpu/$list; done
                mount --bind nothing /proc/diskstats
                mount -t tmpfs none /sys/dev/block
                for disk in $5; do mkdir /sys/dev/block/$disk; done
                mkdir mount
                "$1" -r lower mount -o "cgroup=/t:$2:rw"
                trap "umount mount" EXIT
                python3 "$3/compare.py" "$2" mount/t --show || :
            ' sh "$@"
            """)
        let result = try script.run(
            in: scratch.root, [try Daemon.binary(), version, Self.oracle, processors, disks], seconds: 120)
        let last = result.output.split(separator: "\n").last ?? ""
        let agreeing = last.split(separator: " ").first.flatMap { Int($0) } ?? 0
        #expect(agreeing >= least, "\(result.output)")
    }

    /// A directory on the way, a hidden lower file, and the names at which trees stand.
    @Test func treesStandAtTheirPlaces() throws {
        let (fixture, mount) = try fixture(["cgroup=/sys/fs/cgroup:rw", "cgroup=/hidden:v1"])
        let script = Script.shell(
            """
            mkdir "$2/plain"
            echo lower >"$2/hidden"
            ls; ls sys; ls sys/fs; ls -d hidden/memory
            cat sys/fs/cgroup/cgroup.controllers
            mkdir sys/fs/cgroup/a
            ls -d sys/fs/cgroup/a/cgroup.procs
            for command in 'mkdir hidden' 'rmdir hidden' 'rm -f hidden' 'mv hidden other' 'mv -T plain hidden' 'rmdir sys' \\
                'mkdir sys/new' 'mkdir hidden/memory/a' 'ln plain/x sys/fs/x'; do
                $command 2>/dev/null && echo "done: $command" || echo "refused: $command"
            done
            mv plain moved; rmdir moved
            rmdir sys/fs/cgroup/a
            cat "$2/hidden"; ls "$2"
            """)
        let result = try script.run(in: mount.path, ["", mount.lower])
        #expect(
            result.output == """
                hidden
                plain
                sys
                fs
                cgroup
                hidden/memory
                cpuset cpu io memory hugetlb pids rdma misc
                sys/fs/cgroup/a/cgroup.procs
                refused: mkdir hidden
                refused: rmdir hidden
                refused: rm -f hidden
                refused: mv hidden other
                refused: mv -T plain hidden
                refused: rmdir sys
                refused: mkdir sys/new
                refused: mkdir hidden/memory/a
                refused: ln plain/x sys/fs/x
                lower
                hidden

                """)
        try mount.unmount()
        withExtendedLifetime(fixture) {}
    }

    /// Events come from a process that exits: nobody writes through the mount.
    @Test func inotifyTellsOfChanges() throws {
        let (fixture, mount) = try fixture(["cgroup=/t:rw"])
        let result = try Script.python(
            """
            import select
            os.mkdir("t/a"); os.mkdir("t/a/b")
            watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            for path in b"t/a/cgroup.events", b"t/a/b":
                system(libc.inotify_add_watch(watch, path, 2))
            before = os.stat("t/a/cgroup.events").st_mtime_ns

            def events():
                "What has come, once something has."
                assert select.select([watch], [], [], 20)[0], "nothing came"
                time.sleep(0.3)
                data, found = os.read(watch, 4096), set()
                while data:
                    which, mask, _, length = struct.unpack_from("iIII", data)
                    found.add((which, mask, data[16:16 + length].rstrip(b"\\0").decode()))
                    data = data[16 + length:]
                return sorted(found)

            child = subprocess.Popen(["sleep", "100"])
            with open("t/a/b/cgroup.procs", "w") as procs:
                procs.write(str(child.pid))
            print([event for event in events() if event[2] != "cgroup.procs"])
            child.kill()
            child.wait()
            print(events())
            print(os.stat("t/a/cgroup.events").st_mtime_ns == before, open("t/a/cgroup.events").readline().strip())
            """
        ).run(in: mount.path)
        #expect(result.output == "[(1, 2, '')]\n[(1, 2, '')]\nTrue populated 0\n")
        try mount.unmount()
        withExtendedLifetime(fixture) {}
    }

    /// The kernel keeps names of files, and yet sees at once which ones a write has brought or taken away.
    @Test func namesFollowTheControllers() throws {
        let (fixture, mount) = try fixture(["cgroup=/sys/fs/cgroup:rw"])
        let script = Script.shell(
            """
            cd sys/fs/cgroup
            mkdir a
            look() { for file in memory.max pids.max memory.pressure cgroup.type; do
                cat a/$file >/dev/null 2>&1 && printf '%s ' $file; stat -c '' a/$file 2>/dev/null || :; done | tr '\n' ' '; echo; }
            look
            echo '+memory +pids' >cgroup.subtree_control; look
            echo '-memory' >cgroup.subtree_control; look
            echo 0 >a/cgroup.pressure; look
            echo 1 >a/cgroup.pressure; echo '+memory' >cgroup.subtree_control; look
            echo threaded >a/cgroup.type; look
            chmod 640 a/pids.max; stat -c %a a/pids.max
            rmdir a; look; mkdir a; stat -c '%a %s' a/pids.max; stat -c %h .
            """)
        let result = try script.run(in: mount.path)
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.split(separator: " ").joined(separator: " ")
        }
        #expect(
            lines == [
                "memory.pressure cgroup.type", "memory.max pids.max memory.pressure cgroup.type",
                "pids.max memory.pressure cgroup.type", "pids.max cgroup.type",
                "memory.max pids.max memory.pressure cgroup.type", "pids.max memory.pressure cgroup.type", "640", "",
                "644 0",
                "3", "",
            ])
        try mount.unmount()
        withExtendedLifetime(fixture) {}
    }

    @Test func manyGroupsComeAndGo() throws {
        let (fixture, mount) = try fixture(["cgroup=/t:rw"])
        let script = Script.shell(
            "cd t; seq 10000 | xargs mkdir; ls -d [0-9]* | wc -l; seq 10000 | xargs rmdir; ls -d [0-9]* || true")
        let result = try script.run(in: mount.path, seconds: 120)
        #expect(result.output.hasPrefix("10000\n"), "\(result.output)")
        #expect(result.output.contains("No such file"), "\(result.output)")
        try mount.unmount()
        withExtendedLifetime(fixture) {}
    }
}
