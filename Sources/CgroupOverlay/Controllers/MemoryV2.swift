import SystemCalls

/// v2's memory controller (memory_files of mm/memcontrol.c).
enum MemoryV2 {
    static let rows: [FileRow] = [
        .figure("memory.current", .memory, .notRoot, "Memory in use, bytes.", source: MemoryStatistics.source) {
            $0.figures.memory(of: $0.group, own: false).current
        },
        .figure("memory.peak", .memory, .notRoot, "The most there was.", source: MemoryStatistics.source) {
            $0.figures.memory(of: $0.group, own: false).peak
        },
        limit("memory.min", .memoryMin, "Memory that is never taken away. Kept."),
        limit("memory.low", .memoryLow, "Memory that is taken away last. Kept."),
        limit("memory.high", .memoryHigh, "Memory above which processes are to be slowed. More is an event."),
        limit(
            "memory.max", .memoryMax,
            "The most memory, bytes with K, M, G, or max. More is an event, and with cgroup_enforce a kill."),
        FileRow(
            "memory.events", .memory, .notRoot, "How often limits were met, here and below. Changes wake poll(2).",
            source: "figures held against the limits",
            read: .state { group, text in showEvents(group.events, &text) }),
        FileRow(
            "memory.events.local", .memory, .notRoot, "How often the group's own limits were met.",
            source: "figures held against the limits",
            read: .state { group, text in showEvents(group.ownEvents, &text) }),
        FileRow(
            "memory.stat", .memory, "Memory by kind, and events.", source: MemoryStatistics.source,
            read: .figures(MemoryStatistics.showV2)),
        FileRow(
            "memory.numa_stat", .memory, "Memory by kind and memory node.", source: MemoryStatistics.source,
            read: .figures(MemoryStatistics.showNodesV2)),
        .setting("memory.oom.group", .memory, .notRoot, .oomGroup, "1: all processes are killed together.") {
            group, input throws(Errno) in
            group[.oomGroup] = try input.flag(else: .einval) ? 1 : 0
        },
        FileRow(
            "memory.reclaim", .memory, "Bytes to be reclaimed. Nothing can be, from outside: EAGAIN.",
            write: { _, input throws(Errno) in
                if try input.memory(unlimited: "") > 0 { throw .eagain }
            }),
        .figure("memory.swap.current", .memory, .notRoot, "Swap in use, bytes.", source: MemoryStatistics.source) {
            $0.figures.memory(of: $0.group, own: false).swap
        },
        limit("memory.swap.high", .swapHigh, "Swap above which processes are to be slowed. Kept."),
        limit("memory.swap.max", .swapMax, "The most swap. More is an event."),
        FileRow(
            "memory.swap.events", .memory, .notRoot, "How often swap's limits were met.",
            source: "figures held against the limits",
            read: .state { group, text in
                text.line("high", group.events[.swapHigh] ?? 0)
                text.line("max", group.events[.swapMax] ?? 0)
                text.line("fail", group.events[.swapFail] ?? 0)
            }),
    ]

    private static func showEvents(_ events: [CgroupEvent: UInt64], _ text: inout Text) {
        text.line("low", events[.memoryLow] ?? 0)
        text.line("high", events[.memoryHigh] ?? 0)
        text.line("max", events[.memoryMax] ?? 0)
        text.line("oom", events[.oom] ?? 0)
        text.line("oom_kill", events[.oomKill] ?? 0)
        text.line("oom_group_kill", events[.oomGroupKill] ?? 0)
    }

    private static func limit(_ name: String, _ setting: Setting, _ summary: String) -> FileRow {
        .limit(name, .memory, .notRoot, setting, summary) { group, input throws(Errno) in
            group[setting] = try input.memory(unlimited: "max")
        }
    }
}
