import MountSupport
import Testing

extension ControlGroups {
    /// runc's own code makes, limits, freezes, kills and removes a container's groups, and reads their figures.
    @Suite struct Libcontainer {
        private static let package = #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined()
        private static let client = package + "/Tests/MountTests/Cgroup/Clients/libcontainer.go"

        @Test(arguments: CgroupVersion.allCases)
        func aContainersGroups(_ version: CgroupVersion) throws {
            let groups = try GroupMount(version)
            let program = "\(groups.fixture.scratch.root)/libcontainer"
            let built = try Script.shell(
                """
                export GOCACHE="$1" GOPATH=/usr/share/gocode GO111MODULE=off CGO_ENABLED=0 GOFLAGS= GOTOOLCHAIN=local
                exec go build -o "$2" "$3"
                """
            ).run(in: "/", [Self.package + "/.build/go-cache", program, Self.client], seconds: 120)
            try #require(built == Script.Result(ending: .exited(0), output: ""))
            let result = try groups.contained("exec \"$@\"", program, version.rawValue)
            #expect(result == Script.Result(ending: .exited(0), output: Self.expected(version)))
            try groups.end()
        }

        private static func expected(_ version: CgroupVersion) -> String {
            let legacy = version == .v1
            let limits =
                legacy
                ? """
                memory.limit_in_bytes: 67108864
                memory.soft_limit_in_bytes: 33554432
                memory.memsw.limit_in_bytes: 134217728
                memory.swappiness: 10
                cpu.shares: 512
                cpu.cfs_quota_us: 50000
                cpu.cfs_period_us: 100000
                cpuset.cpus: 0
                cpuset.mems: 0
                pids.max: 20
                devices.list: c *:* m, c 1:3 rm, c 136:* rwm
                """
                : """
                memory.max: 67108864
                memory.low: 33554432
                memory.swap.max: 67108864
                memory.oom.group: 1
                cpu.weight: 50
                cpu.max: 50000 100000
                cpuset.cpus: 0
                cpuset.mems: 0
                pids.max: 20
                """
            return """
                exists before: false
                exists: true
                \(limits)
                the process: true
                CPU time: true
                memory: true 67108864 true
                pids: 1 20
                OOM kills: 0
                frozen: FROZEN T
                thawed: THAWED true
                \(legacy ? "child: 0 true\n" : "")killed: signal: killed
                exists after: false

                """
        }
    }
}
