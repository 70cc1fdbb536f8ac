import SystemCalls

/// The pids controller of both versions (kernel/cgroup/pids.c).
enum PIDs {
    private static let source = "/proc/PID/stat of the members"

    static let rows: [FileRow] = [
        .limit(
            "pids.max", .pids, .notRoot, .pidsMax,
            "How many threads there may be, 0...4194304 or max. More are an event; with cgroup_enforce the newest are killed."
        ) { group, input throws(Errno) in
            if input.stripped.elementsEqual("max".utf8) {
                group[.pidsMax] = .max
                return
            }
            let limit = try Input.signed(input.stripped)
            if !(0...4_194_304).contains(limit) { throw .einval }
            group[.pidsMax] = UInt64(limit)
        },
        FileRow(
            "pids.current", .pids, .notRoot, "Threads here and below.", source: source, needsMembers: true,
            read: .state { group, text in text.line(UInt64(max(0, group.tasks))) }),
        FileRow(
            "pids.peak", .pids, .notRoot, "The most there have been.", source: source, needsMembers: true,
            read: .state { group, text in text.line(UInt64(max(0, group.tasksPeak))) }),
        FileRow(
            "pids.events", .pids, .notRoot, "How often there were more than pids.max.", source: source,
            needsMembers: true,
            read: .state { group, text in text.line("max", group.events[.pidsMax] ?? 0) }),
    ]
}
