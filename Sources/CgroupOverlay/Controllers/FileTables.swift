/// The tables of all controllers, put together for a hierarchy.
enum FileTables {
    /// v1's hierarchies, laid out as distributions mount them.
    static let hierarchiesOfV1: [(String, CgroupControllers)] = [
        ("cpuset", .cpuset), ("cpu,cpuacct", [.cpu, .cpuacct]), ("blkio", .io), ("memory", .memory),
        ("devices", .devices), ("freezer", .freezer), ("net_cls,net_prio", [.netClass, .netPriority]),
        ("perf_event", .perfEvent), ("hugetlb", .hugetlb), ("pids", .pids), ("systemd", []),
    ]
    static let linksOfV1: [(name: String, target: String)] = [
        ("cpu", "cpu,cpuacct"), ("cpuacct", "cpu,cpuacct"), ("net_cls", "net_cls,net_prio"),
        ("net_prio", "net_cls,net_prio"),
    ]

    /// Every file that a group of such a hierarchy may have; which of them it has, its place and the delegation say.
    static func rows(of controllers: CgroupControllers, isUnified: Bool, hugePageSizes: [UInt64]) -> [FileRow] {
        let rows =
            isUnified
            ? [CoreV2.rows, PressureFiles.rows, CPUV2.rows, CPUSetV2.rows, IOV2.rows, MemoryV2.rows, PIDs.rows]
                + hugePageSizes.map { HugePagesV2.rows($0) } + [RDMA.rows, Misc.rows]
            : [CoreV1.rows, CPUSetV1.rows, CPUV1.rows, CPUAccounting.rows, BlockIOV1.rows, MemoryV1.rows, Devices.rows]
                + [Freezer.rows, NetworkFiles.rows] + hugePageSizes.map { HugePagesV1.rows($0) } + [PIDs.rows]
        return rows.joined().filter { $0.controller.isEmpty || !$0.controller.isDisjoint(with: controllers) }
    }

    /// Rows for both versions, documented: what `stackfs cgroup files` prints.
    static var documentation: [CgroupFile] {
        func files(_ version: CgroupConfiguration.Version, _ rows: [FileRow]) -> [CgroupFile] {
            rows.map { row in
                CgroupFile(
                    name: row.name, version: version, controller: row.controller.name(in: version), mode: row.mode,
                    place: row.place == .root ? "root" : row.place == .notRoot ? "not root" : "all groups",
                    summary: row.summary, source: row.source)
            }
        }
        let all = CgroupControllers(rawValue: .max)
        let size: [UInt64] = [2 << 20]
        return files(.v2, rows(of: all, isUnified: true, hugePageSizes: size))
            + files(.v1, rows(of: all, isUnified: false, hugePageSizes: size))
    }
}

extension CgroupControllers {
    /// What a controller is called; "cgroup" for the core.
    func name(in version: CgroupConfiguration.Version) -> String {
        let names: [(CgroupControllers, String)] = [
            (.cpuset, "cpuset"), (.cpu, "cpu"), (.cpuacct, "cpuacct"), (.io, version == .v1 ? "blkio" : "io"),
            (.memory, "memory"), (.devices, "devices"), (.freezer, "freezer"), (.netClass, "net_cls"),
            (.perfEvent, "perf_event"), (.netPriority, "net_prio"), (.hugetlb, "hugetlb"), (.pids, "pids"),
            (.rdma, "rdma"), (.misc, "misc"),
        ]
        return names.first { contains($0.0) }?.1 ?? "cgroup"
    }
}
