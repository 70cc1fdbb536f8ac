import SystemCalls

/// v1's cpuset controller (kernel/cgroup/cpuset-v1.c). Processors are obeyed as affinity; memory nodes are checked and kept.
enum CPUSetV1 {
    static let rows: [FileRow] = [
        set("cpuset.cpus", \.processors, "The processors that members may run on; obeyed."),
        set("cpuset.mems", \.memoryNodes, "The memory nodes that members may use; kept."),
        FileRow(
            "cpuset.effective_cpus", .cpuset, "Those of the processors that are online.",
            read: .state { group, text in text.line(group.effectiveProcessors) }),
        FileRow(
            "cpuset.effective_mems", .cpuset, "Those of the memory nodes that are there.",
            read: .state { group, text in text.line(group.effectiveMemoryNodes) }),
        flag("cpuset.cpu_exclusive", .cpuExclusive, "1: no sibling shares the processors."),
        flag("cpuset.mem_exclusive", .memExclusive, "1: no sibling shares the memory nodes."),
        flag("cpuset.mem_hardwall", .memHardwall, "1: kernel memory is kept to the nodes as well."),
        flag("cpuset.memory_migrate", .memoryMigrate, "1: memory moves with its process."),
        flag("cpuset.memory_spread_page", .spreadPage, "1: the page cache is spread over the nodes."),
        flag("cpuset.memory_spread_slab", .spreadSlab, "1: kernel caches are spread over the nodes."),
        flag("cpuset.sched_load_balance", .loadBalance, "1: tasks are balanced between the processors."),
        FileRow(
            "cpuset.sched_relax_domain_level", .cpuset, "How far an idle processor looks for work, -1...5.",
            read: .state { group, text in text.line(group[signed: .relaxDomainLevel]) },
            write: { group, input throws(Errno) in
                let level = try input.signed()
                if !(-1...5).contains(level) { throw .einval }
                group[signed: .relaxDomainLevel] = level
            }),
        FileRow(
            "cpuset.memory_pressure", .cpuset, "How often memory was reclaimed.", source: "not known for a group: 0",
            read: .state { _, text in text.line(0 as UInt64) }),
        flag("cpuset.memory_pressure_enabled", .memoryPressureEnabled, "1: memory_pressure is counted.", .root),
    ]

    private static func flag(
        _ name: String, _ setting: Setting, _ summary: String, _ place: FileRow.Place = .everywhere
    ) -> FileRow {
        .setting(name, .cpuset, place, setting, summary) { group, input throws(Errno) in
            let value = try input.unsigned() != 0
            if value { try checkExclusive(group, setting) }
            if !value, group.children.values.contains(where: { $0.isSet(setting) }),
                setting == .cpuExclusive || setting == .memExclusive
            {
                throw .ebusy
            }
            group[setting] = value ? 1 : 0
        }
    }

    /// - Throws: EACCES where the parent is not exclusive, EINVAL where a sibling shares.
    private static func checkExclusive(_ group: Group, _ setting: Setting) throws(Errno) {
        guard setting == .cpuExclusive || setting == .memExclusive, let parent = group.parent else { return }
        if !parent.isRoot && !parent.isSet(setting) { throw .eacces }
        let set: KeyPath<Group, CgroupSet> = setting == .cpuExclusive ? \.processors : \.memoryNodes
        for sibling in parent.children.values where sibling !== group {
            if !sibling[keyPath: set].intersection(group[keyPath: set]).isEmpty { throw .einval }
        }
    }

    private static func set(
        _ name: String, _ set: ReferenceWritableKeyPath<Group, CgroupSet> & Sendable, _ summary: String
    ) -> FileRow {
        FileRow(
            name, .cpuset, summary, read: .state { group, text in text.line(group[keyPath: set]) },
            write: { group, input throws(Errno) in
                let new = try CPUSetList.parse(input, for: group, isProcessors: set == \.processors)
                guard let parent = group.parent else { throw .eacces }
                // validate_change_legacy(), then what both versions check.
                for child in group.children.values where !child[keyPath: set].isSubset(of: new) { throw .ebusy }
                if !new.isSubset(of: parent[keyPath: set]) { throw .eacces }
                let exclusive: Setting = set == \.processors ? .cpuExclusive : .memExclusive
                for sibling in parent.children.values where sibling !== group {
                    let shares = !sibling[keyPath: set].intersection(new).isEmpty
                    if shares && (sibling.isSet(exclusive) || group.isSet(exclusive)) { throw .einval }
                }
                group.state.follow()
                if new.isEmpty && group.live > 0 { throw .enospc }
                // The kernel keeps room for its deadline servers.
                if new.isEmpty && !group[keyPath: set].isEmpty && exclusive == .cpuExclusive && group.isSet(exclusive) {
                    throw .ebusy
                }
                group[keyPath: set] = new
                if set == \.processors { group.state.applyProcessors(to: group) }
            })
    }
}

/// Reading lists of processors and nodes.
enum CPUSetList {
    /// MAX_NUMNODES of common kernels.
    private static let mostNodes = 1024

    /// - Throws: ERANGE for processors that cannot exist, EINVAL for what is not there and for bad lists.
    static func parse(_ input: Input, for group: Group, isProcessors: Bool) throws(Errno) -> CgroupSet {
        let machine = isProcessors ? group.state.figures.processors : group.state.figures.memoryNodes
        let limit = isProcessors ? (machine.last ?? 0) + 1 : mostNodes
        let set = try CgroupSet(list: input.stripped, limit: limit)
        if !set.isSubset(of: machine) { throw .einval }
        return set
    }
}
