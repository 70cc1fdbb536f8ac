import SystemCalls

/// v1's freezer (kernel/cgroup/legacy_freezer.c).
enum Freezer {
    static let rows: [FileRow] = [
        FileRow(
            "freezer.state", .freezer, .notRoot,
            "THAWED, FREEZING until all have stopped, or FROZEN. Writing FROZEN or THAWED stops the processes or lets them go on.",
            source: "the states of the members' threads in /proc", needsMembers: true,
            read: .state { group, text in
                text.line(!group.isFreezing ? "THAWED" : group.isFrozen ? "FROZEN" : "FREEZING")
            },
            write: { group, input throws(Errno) in
                if input.stripped.elementsEqual("FROZEN".utf8) {
                    group.state.freeze(group, true)
                } else if input.stripped.elementsEqual("THAWED".utf8) {
                    group.state.freeze(group, false)
                } else {
                    throw .einval
                }
            }),
        FileRow(
            "freezer.self_freezing", .freezer, .notRoot, "1 where the group itself is to be frozen.",
            read: .state { group, text in text.line(group[.frozen]) }),
        FileRow(
            "freezer.parent_freezing", .freezer, .notRoot, "1 where an ancestor is frozen.",
            read: .state { group, text in text.line(group.parent?.isFreezing == true ? 1 : 0 as UInt64) }),
    ]
}
