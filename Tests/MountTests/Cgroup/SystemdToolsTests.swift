import MountSupport
import Testing

extension ControlGroups {
    /// systemd-cgls(1) and systemd-cgtop(1), which look at the type that statfs(2) tells of /sys/fs/cgroup before anything else.
    ///
    /// On v1 that is the tmpfs which the controllers are mounted in, and they work. On v2 it must be cgroup2's, which FUSE cannot tell:
    /// the program is then given that answer by strace(1), to show that nothing else is missing.
    @Suite struct SystemdTools {
        /// A process that is busy in `/app` of every hierarchy, as `$busy`, while the commands run.
        private static let busy = """
            if [ "$version" = v2 ]; then
                hierarchies=/sys/fs/cgroup
                echo +cpu +memory +pids +io >/sys/fs/cgroup/cgroup.subtree_control
            else
                hierarchies=$(echo /sys/fs/cgroup/*)
            fi
            sh -c 'while :; do :; done' &
            busy=$!
            trap 'kill $busy' EXIT
            for directory in $hierarchies; do
                mkdir -p "$directory/app"
                # Of v1, to which nothing need be given first.
                if [ -e "$directory/app/cpuset.cpus" ] && [ "$version" = v1 ]; then
                    echo 0 >"$directory/app/cpuset.cpus"
                    echo 0 >"$directory/app/cpuset.mems"
                fi
                echo $busy >"$directory/app/cgroup.procs"
            done

            """

        /// The first word of statfs(2)'s answer is the type.
        private static let told =
            "strace -qq -o /dev/null -e trace=statfs -e inject=statfs:poke_exit=@arg2=7072676300000000"

        @Test(arguments: CgroupVersion.allCases)
        func groupsAndTheirUse(_ version: CgroupVersion) throws {
            let groups = try GroupMount(version)
            let result = try groups.contained(
                Self.busy + (version == .v2 ? Self.told : "")
                    + " systemd-cgtop --batch --raw --iterations=3 --delay=500ms")
            #expect(result.ending == .exited(0), "\(result.output)")
            // Path, tasks, CPU in percent, memory, and what was read and written.
            let row = result.output.split(separator: "\n").last { $0.hasPrefix("/app ") }?.split(separator: " ") ?? []
            try #require(row.count == 6, "\(result.output)")
            #expect(row[1] == "1")
            #expect(Double(row[2]).map { $0 > 0 } == true, "\(row)")
            #expect(Int(row[3]).map { $0 > 4096 } == true, "\(row)")
            try groups.end()
        }

        @Test(arguments: CgroupVersion.allCases)
        func groupsAndTheirProcesses(_ version: CgroupVersion) throws {
            let groups = try GroupMount(version)
            let list = "systemd-cgls --no-pager --full"
            let commands =
                version == .v1
                ? [list + " /app", list + " memory:/app", list + " /sys/fs/cgroup/memory"]
                : [list + " /sys/fs/cgroup/app", Self.told + " " + list + " /app", list + " /sys/fs/cgroup"]
            for command in commands {
                let result = try groups.contained(Self.busy + command + "\necho \"busy $busy\"")
                #expect(result.ending == .exited(0), "\(command): \(result.output)")
                let lines = result.output.split(separator: "\n")
                let busy = try #require(lines.last?.split(separator: " ").last, "\(command): \(result.output)")
                let group = lines.firstIndex { $0.hasSuffix("app:") || $0.hasSuffix("-app") }
                let process = lines.firstIndex { $0.contains("\(busy) sh -c while") }
                #expect(group != nil && group.map { $0 + 1 } == process, "\(command): \(result.output)")
            }
            try groups.end()
        }

        /// What LIMITS.md says of statfs(2).
        @Test func typeOfV2() throws {
            let groups = try GroupMount(.v2)
            for command in ["systemd-cgtop --batch --iterations=1", "systemd-cgls --no-pager"] {
                let result = try groups.contained(command)
                #expect(result.ending == .exited(1) && result.output.contains("No medium found"), "\(result.output)")
            }
            try groups.end()
        }
    }
}
