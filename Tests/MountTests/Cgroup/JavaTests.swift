import MountSupport
import Testing

extension ControlGroups {
    /// A Java machine in a group with limits. It looks for its hierarchies in /proc/self/mountinfo, /proc/self/cgroup and
    /// /proc/cgroups, which name types of file systems: the container has fitting ones.
    @Suite struct Java {
        private static let program = "exec java -XX:+PrintFlagsFinal -XshowSettings:system -version"

        @Test(arguments: CgroupVersion.allCases)
        func limits(_ version: CgroupVersion) throws {
            let groups = try GroupMount(version)
            let limits =
                version == .v2
                ? """
                echo '+cpu +cpuset +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
                mkdir /sys/fs/cgroup/app
                cd /sys/fs/cgroup/app
                echo '60000 100000' >cpu.max
                echo 1G >memory.max
                echo 512M >memory.swap.max
                echo 768M >memory.low
                echo 150 >pids.max
                echo 0 >cpuset.cpus
                echo 0 >cpuset.mems
                echo $$ >cgroup.procs

                """
                : """
                cd /sys/fs/cgroup
                mkdir cpu/app cpuset/app memory/app blkio/app pids/app
                echo 60000 >cpu/app/cpu.cfs_quota_us
                echo 512 >cpu/app/cpu.shares
                echo 1G >memory/app/memory.limit_in_bytes
                echo 1536M >memory/app/memory.memsw.limit_in_bytes
                echo 768M >memory/app/memory.soft_limit_in_bytes
                echo 150 >pids/app/pids.max
                echo 0 >cpuset/app/cpuset.cpus
                echo 0 >cpuset/app/cpuset.mems
                for controller in cpu cpuset memory blkio pids; do echo $$ >$controller/app/cgroup.procs; done

                """
            let result = try groups.contained(limits + "fit /app\n" + Self.program)
            try #require(result.ending == .exited(0), "\(result.output)")
            let lines = result.output.split(separator: "\n").map { $0.drop { $0 == " " } }
            let expected = [
                "Provider: cgroup\(version)", "Effective CPU Count: 1", "CPU Period: 100000us", "CPU Quota: 60000us",
                "List of Processors, 1 total: ", "List of Effective Processors, 1 total: ",
                "List of Memory Nodes, 1 total: ",
                "Memory Limit: 1.00G", "Memory Soft Limit: 768.00M", "Memory & Swap Limit: 1.50G",
                "Maximum Processes Limit: 150",
            ]
            for line in expected { #expect(lines.contains { $0 == line }, "no \(line): \(result.output.suffix(2000))") }
            if version == .v1 { #expect(lines.contains("CPU Shares: 512us") || lines.contains("CPU Shares: 512")) }
            // A quarter of the limit.
            let heap = lines.first { $0.contains(" MaxHeapSize ") }?.split(separator: " ") ?? []
            #expect(heap.contains("268435456"), "\(heap)")
            try groups.end()
        }

        /// Without fitting files it is in no container, as everywhere but on the kernel's own hierarchies, and starts all the same.
        @Test func withoutHierarchiesInProc() throws {
            let groups = try GroupMount(.v2)
            let result = try groups.contained(Self.program)
            #expect(result.ending == .exited(0), "\(result.output)")
            #expect(result.output.contains("No metrics available"), "\(result.output.suffix(2000))")
            try groups.end()
        }
    }
}
