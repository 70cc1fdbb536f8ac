/// What holds for a group through its ancestors, and making it hold.
extension Group {
    /// The processors that members may run on; empty where nobody may be a member yet.
    var effectiveProcessors: CgroupSet { effective(\.processors, all: state.figures.processors) }

    var effectiveMemoryNodes: CgroupSet { effective(\.memoryNodes, all: state.figures.memoryNodes) }

    private func effective(_ set: KeyPath<Group, CgroupSet>, all: CgroupSet) -> CgroupSet {
        guard let parent else { return all }
        if hierarchy.isUnified && !controllers.contains(.cpuset) { return parent.effective(set, all: all) }
        let above = parent.effective(set, all: all)
        let own = self[keyPath: set].intersection(above)
        return own.isEmpty && hierarchy.isUnified ? above : own
    }

    /// cpu.weight, 1...10000; an idle group's is the least.
    var weight: UInt32 {
        isSet(.cpuIdle) ? 1 : UInt32(clamping: max(1, (self[.cpuWeight] * 100 + 512) / 1024))
    }

    /// The least of a limit of the group and its ancestors.
    func least(_ setting: Setting) -> UInt64 { lineage.reduce(.max) { min($0, $1[setting]) } }

    /// Forgets what was set for controllers that the group has no more.
    func resetSettings(of controllers: CgroupControllers) {
        let settings: [(CgroupControllers, [Setting])] = [
            (.cpu, [.cpuWeight, .cpuIdle, .cpuQuota, .cpuPeriod, .cpuBurst]), (.cpuset, [.partition]),
            (
                .memory,
                [.memoryMax, .memoryHigh, .memoryLow, .memoryMin, .swapMax, .swapHigh, .oomGroup]
            ), (.io, [.blockWeight]), (.pids, [.pidsMax]),
        ]
        for (controller, settings) in settings where controllers.contains(controller) {
            for setting in settings { self[setting] = setting.standard }
        }
        if controllers.contains(.cpuset) {
            processors = CgroupSet()
            memoryNodes = CgroupSet()
        }
        if controllers.contains(.io) { devices = [:] }
        if controllers.contains(.hugetlb) { hugePages = [:] }
    }
}

extension TreeState {
    /// Makes the processors of a group and its descendants hold.
    func applyProcessors(to group: Group) {
        guard actions != nil else { return }
        follow()
        group.forEachInSubtree { group in
            let members = self.ownMembers(of: group)
            let processors = group.effectiveProcessors
            if !members.isEmpty && !processors.isEmpty { afterwards { $0.confine(members, to: processors) } }
        }
    }

    /// Makes the weight of a group hold.
    func applyWeight(to group: Group) {
        guard actions != nil else { return }
        follow()
        let members = ownMembers(of: group)
        let weight = group.weight
        if !members.isEmpty { afterwards { $0.setWeight(members, weight) } }
    }

    /// Kills all members of a group and its descendants, also those that others begin meanwhile: a process that has been
    /// killed forks no more, so that only children of those not yet killed are found in the next round.
    func killMembers(of group: Group) {
        let id = group.id
        guard let actions else { return }
        later { [weak tree] in
            var killed: Set<CgroupMember> = []
            while let tree {
                tree.followProcesses()
                let members = tree.members(of: id).filter { !killed.contains($0) }
                if members.isEmpty { return }
                actions.kill(members)
                killed.formUnion(members)
            }
        }
    }

    func reapplySettings(below group: Group, of controllers: CgroupControllers) {
        for child in group.children.values {
            if controllers.contains(.cpuset) { applyProcessors(to: child) }
            if controllers.contains(.cpu) { applyWeight(to: child) }
        }
    }
}
