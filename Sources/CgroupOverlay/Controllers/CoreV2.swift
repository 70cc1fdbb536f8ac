import SystemCalls

/// The files of every v2 group (cgroup_base_files of kernel/cgroup/cgroup.c).
enum CoreV2 {
    static let rows: [FileRow] = [
        FileRow(
            "cgroup.type", [], .notRoot,
            "domain, domain threaded, domain invalid or threaded. Writing threaded makes it that.",
            read: .state { group, text in text.line(group.type) },
            write: { group, input throws(Errno) in
                if !input.stripped.elementsEqual("threaded".utf8) { throw .einval }
                try group.makeThreaded()
            }),
        CoreFiles.processes,
        FileRow(
            "cgroup.threads", "Threads in the group, one a line. Writing one moves it alone, within its domain.",
            source: "/proc/PID/task of the members", needsMembers: true, read: .state(CoreFiles.listThreads),
            write: { group, input throws(Errno) in
                try group.state.move(input, wholeProcess: false, to: group)
            }),
        FileRow(
            "cgroup.controllers", "The controllers that the group may give to its children.",
            read: .state { group, text in text.line(group.controllers) }),
        FileRow(
            "cgroup.subtree_control", "The controllers that its children have. \"+memory -io\" changes them.",
            read: .state { group, text in text.line(group.subtreeControl) },
            write: { group, input throws(Errno) in try group.changeSubtreeControl(input) }),
        FileRow(
            "cgroup.events", [], .notRoot,
            "Whether processes live here or below, and whether all are frozen. Changes wake poll(2).",
            source: "/proc, followed from parents to children, and the states of their threads", needsMembers: true,
            read: .state { group, text in
                text.line("populated", group.isPopulated ? 1 : 0)
                text.line("frozen", group.isFrozen ? 1 : 0)
            }),
        FileRow(
            "cgroup.max.descendants", "How many groups there may be below.",
            read: .state { group, text in showLimit(group[.maxDescendants], &text) },
            write: { group, input throws(Errno) in group[.maxDescendants] = try input.intOrMax() }),
        FileRow(
            "cgroup.max.depth", "How deep groups may nest below.",
            read: .state { group, text in showLimit(group[.maxDepth], &text) },
            write: { group, input throws(Errno) in group[.maxDepth] = try input.intOrMax() }),
        FileRow("cgroup.stat", "How many groups there are below.", read: .state(showStatistics)),
        FileRow(
            "cgroup.stat.local", [], .notRoot, since: .linux618, "How long the group was frozen.",
            source: "from writing 1 to cgroup.freeze to writing 0",
            read: .state { group, text in text.line("frozen_usec", group.frozenTime / 1000) }),
        FileRow(
            "cgroup.freeze", [], .notRoot, "1 stops all processes here and below, 0 lets them go on.",
            read: .state { group, text in text.line(group[.frozen]) },
            write: { group, input throws(Errno) in
                group.state.freeze(group, try input.flag(else: .erange))
            }),
        FileRow(
            "cgroup.kill", [], .notRoot, "Writing 1 kills all processes here and below.",
            write: { group, input throws(Errno) in
                if try input.int() != 1 { throw .erange }
                if group.isThreaded { throw .eopnotsupp }
                group.state.killMembers(of: group)
            }),
        FileRow(
            "cgroup.pressure", "0 takes the group's pressure files away.",
            read: .state { group, text in text.line(group[.pressureEnabled]) },
            write: { group, input throws(Errno) in
                group[.pressureEnabled] = try input.flag(else: .erange) ? 1 : 0
            }),
    ]

    private static func showLimit(_ limit: UInt64, _ text: inout Text) {
        text.append(orMax: limit)
        text.newline()
    }

    private static func showStatistics(_ group: Group, _ text: inout Text) throws(Errno) {
        text.line("nr_descendants", UInt64(group.descendantCount))
        if group.hierarchy.kernel == .linux61 {
            text.line("nr_dying_descendants", 0)
            return
        }
        // The hybrid layout's unified hierarchy has the controllers that v1 did not take, of which perf_event is in every group.
        text.line("nr_subsys_perf_event", UInt64(group.descendantCount + 1))
        text.line("nr_dying_descendants", 0)
        text.line("nr_dying_subsys_perf_event", 0)
    }
}

extension Group {
    var descendantCount: Int {
        var count = -1
        forEachInSubtree { _ in count += 1 }
        return count
    }
}

extension Text {
    /// The names on a line; nothing at all for none.
    mutating func line(_ controllers: CgroupControllers) {
        var isFirst = true
        for (controller, name) in CgroupControllers.unifiedNames where controllers.contains(controller) {
            if !isFirst { space() }
            isFirst = false
            append(name)
        }
        if !isFirst { newline() }
    }
}
