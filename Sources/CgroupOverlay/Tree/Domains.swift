import SystemCalls

/// v2's rules on which groups may have processes, controllers and threads
/// (cgroup_is_valid_domain and its neighbours in kernel/cgroup/cgroup.c; names follow it).
extension Group {
    /// Controllers that can tell the threads of a process apart.
    static let threadedControllers: CgroupControllers = [.cpu, .cpuset, .pids, .perfEvent]

    var isThreaded: Bool { isSet(.threaded) }

    /// Whether members of the group itself live; of roots always.
    var hasTasks: Bool { isRoot || live > 0 }

    /// The group that the group's processes count as one with: itself, or the nearest ancestor that is not threaded.
    var domain: Group { lineage.first { !$0.isThreaded } ?? hierarchy.root }

    var canBeThreadRoot: Bool {
        if isRoot { return true }
        if !subtreeControl.subtracting(Group.threadedControllers).isEmpty { return false }
        return !children.values.contains { $0.isPopulated && !$0.isThreaded }
    }

    var isThreadRoot: Bool {
        if isThreaded { return false }
        if children.values.contains(where: \.isThreaded) { return true }
        return hasTasks && !subtreeControl.isDisjoint(with: Group.threadedControllers)
    }

    var isValidDomain: Bool {
        if isThreaded { return false }
        return !lineage.dropFirst().contains { ($0.isThreadRoot && !$0.isRoot) || $0.isThreaded }
    }

    var type: StaticString {
        if isThreaded { return "threaded" }
        if !isValidDomain { return "domain invalid" }
        return isThreadRoot && !isRoot ? "domain threaded" : "domain"
    }

    /// - Throws: EOPNOTSUPP.
    func makeThreaded() throws(Errno) {
        if isThreaded { return }
        guard let parent else { throw .enodev }
        if isPopulated || !subtreeControl.subtracting(Group.threadedControllers).isEmpty { throw .eopnotsupp }
        let domain = parent.domain
        if !domain.isValidDomain || !domain.canBeThreadRoot { throw .eopnotsupp }
        self[.threaded] = 1
    }

    /// Writes cgroup.subtree_control: "+x -y".
    /// - Throws: EINVAL, ENOENT, EBUSY, EOPNOTSUPP.
    func changeSubtreeControl(_ input: Input) throws(Errno) {
        var enable: CgroupControllers = []
        var disable: CgroupControllers = []
        for word in input.stripped.split(separator: 32) {
            guard
                let controller = CgroupControllers.unifiedNames.first(where: {
                    word.dropFirst().elementsEqual($0.1.utf8)
                })?.0
            else { throw .einval }
            switch word.first {
            case 43: (enable, disable) = (enable.union(controller), disable.subtracting(controller))
            case 45: (enable, disable) = (enable.subtracting(controller), disable.union(controller))
            default: throw .einval
            }
        }
        enable.subtract(subtreeControl)
        disable.formIntersection(subtreeControl)
        if !enable.isSubset(of: controllers) { throw .enoent }
        for child in children.values where !child.subtreeControl.isDisjoint(with: disable) { throw .ebusy }
        if enable.isEmpty && disable.isEmpty { return }
        try vet(enable)
        subtreeControl = subtreeControl.union(enable).subtracting(disable)
        for child in children.values { child.resetSettings(of: disable) }
        state.reapplySettings(below: self, of: enable.union(disable))
    }

    private func vet(_ enable: CgroupControllers) throws(Errno) {
        if enable.isEmpty { return }
        if !domain.isValidDomain { throw .eopnotsupp }
        if isRoot { return }
        if enable.isSubset(of: Group.threadedControllers) {
            if canBeThreadRoot || isThreaded { return }
        } else if isThreadRoot || isThreaded {
            throw .eopnotsupp
        }
        if hasTasks { throw .ebusy }
    }
}

extension TreeState {
    /// Whether processes may be moved to a group (cgroup_migrate_vet_dst).
    /// - Throws: EOPNOTSUPP, EBUSY for a group whose children have controllers.
    func checkDomain(of group: Group, from: Group, wholeProcess: Bool) throws(Errno) {
        if !group.domain.isValidDomain { throw .eopnotsupp }
        if !group.canBeThreadRoot && !group.isThreaded && !group.subtreeControl.isEmpty { throw .ebusy }
        if !wholeProcess && from.domain !== group.domain { throw .eopnotsupp }
    }
}

extension CgroupControllers {
    /// v2's controllers by name, in the kernel's order.
    static let unifiedNames: [(CgroupControllers, String)] = [
        (.cpuset, "cpuset"), (.cpu, "cpu"), (.io, "io"), (.memory, "memory"), (.hugetlb, "hugetlb"), (.pids, "pids"),
        (.rdma, "rdma"), (.misc, "misc"),
    ]
}
