import SystemCalls

/// v1's freezer (kernel/cgroup/legacy_freezer.c), and what both versions do to stop processes.
enum Freezer {
    static let rows: [FileRow] = [
        FileRow(
            "freezer.state", .freezer, .notRoot,
            "THAWED or FROZEN; writing one of them stops the processes or lets them go on.",
            read: .state { group, text in text.line(group.isFrozen ? "FROZEN" : "THAWED") },
            write: { group, input throws(Errno) in
                if input.stripped.elementsEqual("FROZEN".utf8) {
                    freeze(group, true)
                } else if input.stripped.elementsEqual("THAWED".utf8) {
                    freeze(group, false)
                } else {
                    throw .einval
                }
            }),
        FileRow(
            "freezer.self_freezing", .freezer, .notRoot, "1 where the group itself is to be frozen.",
            read: .state { group, text in text.line(group[.frozen]) }),
        FileRow(
            "freezer.parent_freezing", .freezer, .notRoot, "1 where an ancestor is frozen.",
            read: .state { group, text in text.line(group.parent?.isFrozen == true ? 1 : 0 as UInt64) }),
    ]

    /// Stops the processes of a group and its descendants, or lets them go on where no ancestor holds them.
    static func freeze(_ group: Group, _ isFrozen: Bool) {
        let state = group.state
        state.follow()
        var before: Set<CgroupGroup> = []
        group.forEachInSubtree { if $0.isFrozen { before.insert($0.id) } }
        group.setFrozen(isFrozen)
        group.forEachInSubtree { group in
            guard group.isFrozen != before.contains(group.id) else { return }
            state.applyFreezer(to: group)
            state.noteChange("cgroup.events", of: group)
        }
    }
}
