import SystemCalls

/// Stopping the members of groups, and telling when they have stopped (kernel/cgroup/freezer.c).
extension Group {
    /// Whether the group or an ancestor is to be frozen (CGRP_FREEZE).
    var isFreezing: Bool { lineage.contains { $0.isSet(.frozen) } }

    /// Whether it is to be frozen and everybody here and below has stopped (CGRP_FROZEN).
    var isFrozen: Bool {
        isFreezing && state.members(of: self).allSatisfy { state.processTable.hasStopped($0.pid) }
    }
}

extension TreeState {
    /// Stops the processes of a group and its descendants, or lets them go on where no ancestor holds them.
    func freeze(_ group: Group, _ mustFreeze: Bool) {
        follow()
        var before: Set<CgroupGroup> = []
        group.forEachInSubtree { if $0.isFreezing { before.insert($0.id) } }
        group.setFrozen(mustFreeze)
        group.forEachInSubtree { group in
            let isFreezing = group.isFreezing
            guard isFreezing != before.contains(group.id) else { return }
            if isFreezing {
                unfrozen.insert(group.id)
            } else if unfrozen.remove(group.id) == nil {
                noteChange("cgroup.events", of: group)
            }
            applyFreezer(to: group)
        }
        lookAtFreezerLater()
    }

    /// Stops the members of the group itself, or lets them go on.
    func applyFreezer(to group: Group) {
        let members = ownMembers(of: group)
        let isFreezing = group.isFreezing
        if !members.isEmpty { afterwards { isFreezing ? $0.freeze(members) : $0.thaw(members) } }
    }

    /// Stops who has come to a group that is frozen, which it is not until that one has stopped.
    func freeze(_ member: CgroupMember, in group: Group) {
        for group in group.lineage where group.isFreezing && unfrozen.insert(group.id).inserted {
            noteChange("cgroup.events", of: group)
        }
        afterwards { $0.freeze([member]) }
        lookAtFreezerLater()
    }

    /// Tells the watchers of groups whose members have all stopped.
    func lookAtFreezer() {
        for id in unfrozen {
            guard let group = try? group(id), group.isFreezing else {
                unfrozen.remove(id)
                continue
            }
            if group.isFrozen {
                unfrozen.remove(id)
                noteChange("cgroup.events", of: group)
            }
        }
    }

    /// Looks once the signals have been sent.
    private func lookAtFreezerLater() {
        later { [weak tree] in try? tree?.locked { state throws(Errno) in state.lookAtFreezer() } }
    }
}
