import SystemCalls

/// The files of every v1 group (kernel/cgroup/cgroup-v1.c).
enum CoreV1 {
    static let rows: [FileRow] = [
        CoreFiles.processes,
        FileRow(
            "tasks", "Threads in the group, one a line. Writing one moves it alone.",
            source: "/proc/PID/task of the members",
            needsMembers: true, read: .state(CoreFiles.listThreads),
            write: { group, input throws(Errno) in
                try group.state.move(input, wholeProcess: false, to: group)
            }),
        FileRow(
            "cgroup.clone_children", "1: new groups below begin with this group's cpuset.",
            read: .state { group, text in text.line(group[.cloneChildren]) },
            write: { group, input throws(Errno) in group[.cloneChildren] = try input.unsigned() == 0 ? 0 : 1 }),
        FileRow(
            "notify_on_release", "Kept, and inherited by new groups below. No program is started.",
            read: .state { group, text in text.line(group[.notifyOnRelease]) },
            write: { group, input throws(Errno) in group[.notifyOnRelease] = try input.unsigned() == 0 ? 0 : 1 }),
        FileRow(
            "cgroup.sane_behavior", [], .root, "0, as in every v1 hierarchy.",
            read: .state { _, text in text.line(0 as UInt64) }),
        FileRow(
            "release_agent", [], .root, "A path; kept, but never run.",
            read: .state { group, text in
                text.append(group.hierarchy.releaseAgent)
                text.newline()
            },
            write: { group, input throws(Errno) in
                if input.bytes.count >= 4096 { throw .e2big }
                group.hierarchy.releaseAgent = Array(input.stripped)
            }),
    ]
}

/// What both versions have.
enum CoreFiles {
    static let processes = FileRow(
        "cgroup.procs",
        "Processes in the group, one a line. Writing one moves it with all its threads; 0 is the writer.",
        source: "/proc, followed from parents to children", needsMembers: true,
        read: .state { group, text throws(Errno) in
            if group.hierarchy.isUnified && group.isThreaded { throw .eopnotsupp }
            var pids = group.state.livingProcesses(of: group)
            if group.hierarchy.isUnified && group.isThreadRoot && !group.isRoot {
                group.forEachInSubtree { below in
                    if below !== group && below.domain === group { pids += group.state.livingProcesses(of: below) }
                }
                pids = Set(pids).sorted()
            }
            for pid in pids { text.line(pid) }
        },
        write: { group, input throws(Errno) in try group.state.move(input, wholeProcess: true, to: group) })

    static func listThreads(_ group: Group, _ text: inout Text) throws(Errno) {
        for thread in group.state.livingThreads(of: group) { text.line(thread) }
    }
}
