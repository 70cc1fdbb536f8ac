import SystemCalls

/// v1's memory controller (mem_cgroup_legacy_files of mm/memcontrol-v1.c).
enum MemoryV1 {
    /// What the kernel shows for no limit: PAGE_COUNTER_MAX pages.
    private static let unlimited: UInt64 = 9_223_372_036_854_771_712

    static let rows: [FileRow] =
        usage + limits + behaviour + [
            FileRow(
                "memory.stat", .memory, "Memory by kind, of the group itself and (total_) with all below.",
                source: MemoryStatistics.source,
                read: .figures(MemoryStatistics.showV1)),
            FileRow(
                "memory.numa_stat", .memory, "Pages by kind and memory node, alike.", source: MemoryStatistics.source,
                read: .figures(MemoryStatistics.showNodesV1)),
        ]

    private static let usage: [FileRow] = [
        .figure("memory.usage_in_bytes", .memory, .everywhere, "Memory in use.", source: MemoryStatistics.source) {
            memory($0).current
        },
        .figure(
            "memory.memsw.usage_in_bytes", .memory, .everywhere, "Memory and swap in use.",
            source: MemoryStatistics.source
        ) {
            memory($0).current + memory($0).swap
        },
        .figure(
            "memory.kmem.usage_in_bytes", .memory, .everywhere, "Kernel memory in use.", source: MemoryStatistics.source
        ) {
            memory($0)[.kernel]
        },
        .figure(
            "memory.kmem.tcp.usage_in_bytes", .memory, .everywhere, "Memory of TCP buffers.",
            source: MemoryStatistics.source
        ) {
            memory($0).tcp
        },
        peak("memory.max_usage_in_bytes", .memory, "The most memory there was.") { $0.peak },
        peak("memory.memsw.max_usage_in_bytes", .memoryAndSwap, "The most memory and swap there was.") {
            $0.peakWithSwap
        },
        peak("memory.kmem.max_usage_in_bytes", .kernelMemory, "The most kernel memory there was.") { $0.kernelPeak },
        peak("memory.kmem.tcp.max_usage_in_bytes", .kernelMemory, "The most of TCP buffers there was.") { $0.tcpPeak },
        failures("memory.failcnt", .memoryMax, "How often the limit was hit."),
        failures("memory.memsw.failcnt", .swapMax, "How often the limit with swap was hit."),
        failures("memory.kmem.failcnt", nil, "Kernel memory has no limit of its own: 0."),
        failures("memory.kmem.tcp.failcnt", nil, "TCP buffers are not held to their limit: 0."),
        FileRow(
            "memory.kmem.slabinfo", .memory, mode: 0o444, "Empty, as in current kernels.",
            read: .state { _, _ in }),
    ]

    private static let limits: [FileRow] = [
        limit(
            "memory.limit_in_bytes", .memoryMax,
            "The most memory, bytes with K, M, G; -1 for no limit. More is an event, and with cgroup_enforce a kill."
        ) {
            group, value throws(Errno) in
            if value > group[.memoryAndSwapMax] { throw .einval }
        },
        limit("memory.memsw.limit_in_bytes", .memoryAndSwapMax, "The most memory and swap together.") {
            group, value throws(Errno) in
            if value < group[.memoryMax] { throw .einval }
        },
        limit(
            "memory.soft_limit_in_bytes", .memorySoftLimit, "The memory to be brought down to when it is short. Kept."
        ) {
            _, _ in
        },
        limit("memory.kmem.tcp.limit_in_bytes", .tcpMax, "The most memory of TCP buffers. Kept.") { _, _ in },
        FileRow(
            "memory.kmem.limit_in_bytes", .memory, "Without effect, as in current kernels.",
            read: .state { _, text in text.line(unlimited) },
            write: { group, input throws(Errno) in
                _ = try input.memory(unlimited: "-1")
                if group.isRoot { throw .einval }
            }),
    ]

    private static let behaviour: [FileRow] = [
        FileRow(
            "memory.use_hierarchy", .memory, "1: groups count with all below.",
            read: .state { _, text in text.line(1 as UInt64) },
            write: { _, input throws(Errno) in if try input.unsigned() != 1 { throw .einval } }),
        .setting("memory.swappiness", .memory, .everywhere, .swappiness, "0...200. Kept.") {
            group, input throws(Errno) in
            let value = try input.unsigned()
            if value > 200 { throw .einval }
            group[.swappiness] = value
        },
        FileRow(
            "memory.move_charge_at_immigrate", .memory, "0: memory stays with the group that took it.",
            read: .state { _, text in text.line(0 as UInt64) },
            write: { _, input throws(Errno) in if try input.unsigned() != 0 { throw .einval } }),
        FileRow(
            "memory.oom_control", .memory, "Whether processes are killed when memory is short, and how many were.",
            read: .state { group, text in
                text.line("oom_kill_disable", group[.oomKillDisable])
                text.line("under_oom", 0)
                text.line("oom_kill", group.ownEvents[.oomKill] ?? 0)
            },
            write: { group, input throws(Errno) in
                let value = try input.unsigned()
                if group.isRoot || value > 1 { throw .einval }
                group[.oomKillDisable] = value
            }),
        FileRow(
            "memory.force_empty", .memory, "Accepted: the members' memory is theirs.",
            write: { group, _ throws(Errno) in if group.isRoot { throw .einval } }),
        FileRow(
            "memory.pressure_level", .memory, mode: 0o444, "For cgroup.event_control; not readable."),
        FileRow(
            "cgroup.event_control", .memory, "\"EVENTFD FILE ARGUMENTS\": checked and accepted; nothing is sent.",
            write: EventControl.register),
    ]

    private static func memory(_ reader: FigureReader) -> MemoryFigures {
        reader.figures.memory(of: reader.group, own: false)
    }

    private static func peak(
        _ name: String, _ peak: CgroupPeak, _ summary: String, _ value: @escaping @Sendable (MemoryFigures) -> UInt64
    ) -> FileRow {
        .figure(
            name, .memory, .everywhere, summary + " Any write begins anew.", source: MemoryStatistics.source,
            write: { group, _ in
                let (figures, id) = (group.state.figures, group.id)
                group.state.later { figures.resetPeak(of: id, peak) }
            }
        ) { value(memory($0)) }
    }

    private static func failures(_ name: String, _ event: CgroupEvent?, _ summary: String) -> FileRow {
        FileRow(
            name, .memory, summary + " Any write sets it to 0.",
            read: .state { group, text in text.line(event.flatMap { group.ownEvents[$0] } ?? 0) },
            write: { group, _ in if let event { group.ownEvents[event] = 0 } })
    }

    private static func limit(
        _ name: String, _ setting: Setting, _ summary: String,
        check: @escaping @Sendable (Group, UInt64) throws(Errno) -> Void
    ) -> FileRow {
        FileRow(
            name, .memory, summary, read: .state { group, text in text.line(min(group[setting], unlimited)) },
            write: { group, input throws(Errno) in
                let value = try input.memory(unlimited: "-1")
                if group.isRoot { throw .einval }
                try check(group, value)
                group[setting] = value
            })
    }
}

/// cgroup.event_control (memcg_write_event_control): the descriptors are the writer's, and are checked where they can be seen.
enum EventControl {
    private static let known = [
        "memory.usage_in_bytes", "memory.memsw.usage_in_bytes", "memory.oom_control", "memory.pressure_level",
    ]

    /// - Throws: EINVAL, EBADF.
    static func register(_ group: Group, _ input: Input) throws(Errno) {
        guard let (event, rest) = Input.decimal(input.stripped), rest.first == 32,
            let (file, end) = Input.decimal(rest.dropFirst()), end.isEmpty || end.first == 32,
            let eventNumber = Int32(exactly: event), let fileNumber = Int32(exactly: file)
        else { throw .einval }
        let table = group.state.processTable
        switch table.descriptor(eventNumber, of: input.caller.thread) {
        case .notOpen: throw .ebadf
        case .path(let target) where !target.elementsEqual("anon_inode:[eventfd]".utf8): throw .einval
        default: break
        }
        switch table.descriptor(fileNumber, of: input.caller.thread) {
        case .notOpen: throw .ebadf
        case .path(let path):
            let name = path.split(separator: 47).last ?? []
            if !known.contains(where: { name.elementsEqual($0.utf8) }) { throw .einval }
        case .unknown: break
        }
    }
}
