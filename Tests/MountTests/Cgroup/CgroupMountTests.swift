import MountSupport
import Testing

/// Control groups beside a mirrored directory, on real mounts.
@Suite struct ControlGroups {
    private static let oracle =
        #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/CgroupOverlayTests/Oracle"

    private func fixture(_ options: [String]) throws -> (fixture: Fixture, mount: TestMount) {
        let fixture = try Fixture(.tmpfs, options: options)
        return (fixture, try #require(fixture.mount))
    }

    /// What real kernels have answered. On v2 ten lines differ, and more where the machine has other disks, processors or huge pages
    /// than the recorded one: statfs(2)'s type, two of inotify(7), and one of the processors and six of disks where there are some.
    @Test(arguments: [("v1", 365), ("v2", 255)])
    func answersAsTheKernel(version: String, least: Int) throws {
        let (fixture, mount) = try fixture(["cgroup=/t:\(version):rw"])
        let compare = Script.shell("exec python3 \(Self.oracle)/compare.py \(version) \(mount.path)/t --show")
        let result = try compare.run(in: "/", seconds: 120)
        let last = result.output.split(separator: "\n").last ?? ""
        let agreeing = last.split(separator: " ").first.flatMap { Int($0) } ?? 0
        #expect(agreeing >= least, "\(result.output)")
        try mount.unmount()
        withExtendedLifetime(fixture) {}
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
