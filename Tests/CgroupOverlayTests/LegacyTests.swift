import CgroupOverlay
import Testing

/// What only v1 does.
@Suite struct LegacyTests {
    /// security/device_cgroup.c, by its rules on parents and children.
    @Test func devicesFollowTheirParents() throws {
        let harness = try TreeHarness(.v1)
        harness.makeDirectory("devices/p")
        harness.makeDirectory("devices/p/c")
        #expect(harness.write("devices/p/devices.deny", "a") == "EINVAL")
        #expect(harness.write("devices/p/devices.deny", "c 1:3 w") == "OK")
        // Both allow by default: what is denied above is denied below, and cannot be allowed there.
        #expect(harness.read("devices/p/c/devices.list") == "a *:* rwm\n")
        #expect(harness.write("devices/p/c/devices.allow", "c 1:3 w") == "EPERM")
        #expect(harness.write("devices/p/c/devices.allow", "c 1:5 w") == "OK")
        #expect(harness.write("devices/p/devices.allow", "c 1:3 w") == "OK")

        #expect(harness.write("devices/p/c/devices.deny", "a *:* rwm") == "OK")
        #expect(harness.read("devices/p/c/devices.list") == "")
        #expect(harness.write("devices/p/c/devices.allow", "c 10:* rwm") == "OK")
        #expect(harness.write("devices/p/c/devices.allow", "c 1:3 rm") == "OK")
        #expect(harness.write("devices/p/c/devices.allow", "c 1:3 r") == "OK")
        #expect(harness.read("devices/p/c/devices.list") == "c 10:* rwm\nc 1:3 rm\n")
        // What a parent that allows by default denies is taken away from a child that denies by default.
        #expect(harness.write("devices/p/devices.deny", "c 1:3 m") == "OK")
        #expect(harness.read("devices/p/c/devices.list") == "c 10:* rwm\nc 1:3 r\n")
        #expect(harness.write("devices/p/c/devices.allow", "c 1:3 m") == "EPERM")

        harness.makeDirectory("devices/q")
        harness.write("devices/q/devices.deny", "a")
        harness.write("devices/q/devices.allow", "b 8:* rw")
        harness.makeDirectory("devices/q/c")
        #expect(harness.read("devices/q/c/devices.list") == "b 8:* rw\n")
        #expect(harness.write("devices/q/c/devices.allow", "b 8:1 r") == "OK")
        #expect(harness.write("devices/q/c/devices.allow", "b 8:1 rwm") == "EPERM")
        #expect(harness.write("devices/q/c/devices.allow", "a") == "EPERM")
        #expect(harness.write("devices/q/devices.deny", "b 8:* w") == "OK")
        #expect(harness.read("devices/q/c/devices.list") == "b 8:* r\nb 8:1 r\n")
    }

    @Test func badDeviceRules() throws {
        let harness = try TreeHarness(.v1)
        harness.makeDirectory("devices/p")
        for rule in [
            "", " ", "d 1:1 r", "c", "c 1", "c 1:", "c 1:1", "c 1:1x r", "c -1:1 r", "c 99999999999:1 r", "c 1:1 rr w",
        ] {
            #expect(harness.write("devices/p/devices.deny", rule.isEmpty ? "\n" : rule) == "EINVAL", "\(rule)")
        }
        #expect(harness.write("devices/p/devices.deny", "c 1:1 rrr") == "OK")
        var ordinary = harness
        ordinary.caller.uid = 5
        #expect(ordinary.write("devices/p/devices.deny", "a") == "EPERM")
    }

    @Test func cpusets() throws {
        let harness = try TreeHarness(.v1, figures: FakeFigures(processors: 4))
        harness.makeDirectory("cpuset/a")
        #expect(harness.write("cpuset/cpuset.cpus", "0") == "EACCES")
        #expect(harness.write("cpuset/a/cpuset.cpus", "0-2") == "OK")
        #expect(harness.write("cpuset/a/cpuset.mems", "0") == "OK")
        harness.makeDirectory("cpuset/a/b")
        #expect(harness.read("cpuset/a/b/cpuset.cpus") == "\n")
        #expect(harness.write("cpuset/a/b/cpuset.cpus", "3") == "EACCES")
        #expect(harness.write("cpuset/a/b/cpuset.cpus", "1") == "OK")
        #expect(harness.write("cpuset/a/cpuset.cpus", "0,2") == "EBUSY")
        harness.write("cpuset/a/cgroup.clone_children", "1")
        harness.makeDirectory("cpuset/a/c")
        #expect(harness.read("cpuset/a/c/cpuset.cpus") == "0-2\n")
        #expect(harness.read("cpuset/a/c/cgroup.clone_children") == "1\n")
        #expect(harness.write("cpuset/a/c/cpuset.cpu_exclusive", "1") == "EACCES")
        #expect(harness.write("cpuset/a/cpuset.cpu_exclusive", "1") == "OK")
        #expect(harness.write("cpuset/a/c/cpuset.cpu_exclusive", "1") == "EINVAL")
        #expect(harness.write("cpuset/a/c/cpuset.cpus", "0-2:1/2") == "OK")
        #expect(harness.read("cpuset/a/c/cpuset.cpus") == "0,2\n")
        let pid = harness.processes.add()
        #expect(harness.write("cpuset/a/c/cgroup.procs", "\(pid)") == "OK")
        #expect(harness.actions.take() == ["confine [0, 2] [\(pid)]"])
        #expect(harness.write("cpuset/a/c/cpuset.cpus", "2") == "OK")
        #expect(harness.actions.take() == ["confine [2] [\(pid)]"])
    }

    @Test func quotasFitIntoTheirParents() throws {
        let harness = try TreeHarness(.v1)
        for path in ["cpu/a", "cpu/a/b", "cpu/a/b/c"] { harness.makeDirectory(path) }
        #expect(harness.write("cpu/a/cpu.cfs_quota_us", "50000") == "OK")
        #expect(harness.write("cpu/a/b/c/cpu.cfs_quota_us", "60000") == "EINVAL")
        #expect(harness.write("cpu/a/b/c/cpu.cfs_period_us", "200000") == "OK")
        #expect(harness.write("cpu/a/b/c/cpu.cfs_quota_us", "60000") == "OK")
        #expect(harness.write("cpu/a/cpu.cfs_quota_us", "20000") == "EINVAL")
        #expect(harness.write("cpu/a/cpu.cfs_quota_us", "-1") == "OK")
        #expect(harness.write("cpu/a/cpu.cfs_burst_us", "1000") == "OK")
        #expect(harness.write("cpu/a/cpu.rt_runtime_us", "100000") == "OK")
        #expect(harness.write("cpu/a/b/cpu.rt_runtime_us", "100001") == "EINVAL")
        #expect(harness.write("cpu/a/cpu.rt_runtime_us", "-1") == "EINVAL")
        #expect(harness.write("cpu/a/cpu.rt_runtime_us", "960000") == "EINVAL")
    }

    @Test func layout() throws {
        let harness = try TreeHarness(.v1)
        let names = try harness.list("")
        #expect(Set(names).count == names.count)
        let expected = [
            "blkio", "cpu", "cpu,cpuacct", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "net_cls",
            "net_cls,net_prio", "net_prio", "perf_event", "pids", "systemd", "unified",
        ]
        #expect(names.sorted() == expected)
        #expect(harness.makeDirectory("new") == "EPERM")
        #expect(harness.removeDirectory("memory") == "EBUSY")
        #expect(harness.makeDirectory("cpu/x") == "OK")
        #expect(harness.read("cpuacct/x/cpuacct.usage") == "0\n")
        #expect(harness.makeDirectory("memory/cgroup.procs") == "EEXIST")
        #expect(harness.makeDirectory("memory/a\nb") == "EINVAL")
        #expect(harness.read("hugetlb/hugetlb.2MB.limit_in_bytes") == "9223372036852678656\n")
    }

    @Test func settingsOfOtherControllers() throws {
        let harness = try TreeHarness(.v1)
        harness.makeDirectory("net_cls/a")
        #expect(harness.write("net_cls/a/net_cls.classid", "0x100001") == "OK")
        #expect(harness.read("net_cls/a/net_cls.classid") == "1048577\n")
        #expect(harness.write("net_prio/a/net_prio.ifpriomap", "eth0 5") == "OK")
        #expect(harness.read("net_prio/a/net_prio.ifpriomap") == "lo 0\neth0 5\n")
        #expect(harness.write("net_prio/a/net_prio.ifpriomap", "eth9 5") == "ENODEV")
        harness.makeDirectory("hugetlb/a")
        #expect(harness.write("hugetlb/a/hugetlb.2MB.limit_in_bytes", "5M") == "OK")
        #expect(harness.read("hugetlb/a/hugetlb.2MB.limit_in_bytes") == "4194304\n")
        harness.makeDirectory("memory/a")
        harness.processes.setDescriptor(5, "anon_inode:[eventfd]")
        harness.processes.setDescriptor(6, "/sys/fs/cgroup/memory/a/memory.oom_control")
        #expect(harness.write("memory/a/cgroup.event_control", "5 6") == "OK")
        #expect(harness.write("memory/a/cgroup.event_control", "5 6 1000") == "OK")
        #expect(harness.write("memory/a/cgroup.event_control", "7 6") == "EBADF")
        #expect(harness.write("memory/a/cgroup.event_control", "6 5") == "EINVAL")
        harness.processes.setDescriptor(7, "")
        harness.processes.setDescriptor(8, "")
        #expect(harness.write("memory/a/cgroup.event_control", "7 8") == "OK")
        harness.tree.record(.memoryMax, in: try harness.node("memory/a").group)
        #expect(harness.read("memory/a/memory.failcnt") == "1\n")
        #expect(harness.write("memory/a/memory.failcnt", "0") == "OK")
        #expect(harness.read("memory/a/memory.failcnt") == "0\n")
        harness.write("memory/a/memory.max_usage_in_bytes", "0")
        #expect(harness.figures.log.last == "reset memory")
    }
}
