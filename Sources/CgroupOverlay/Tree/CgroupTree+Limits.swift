import SystemCalls

/// For those who watch limits and processes.
extension CgroupTree {
    /// The limits that hold for a group by itself; those of its ancestors hold as well. nil where there is no such group.
    public func limits(of group: CgroupGroup) -> CgroupLimits? {
        try? locked { state throws(Errno) in
            try state.group(group).limits
        }
    }

    /// The members of a group and of all its descendants; of a root, those that are in groups below it.
    public func members(of group: CgroupGroup) -> [CgroupMember] {
        (try? locked { state throws(Errno) in state.members(of: try state.group(group)) }) ?? []
    }

    /// Counts an event in a group, and in its ancestors where the file is hierarchical, and tells the watchers.
    public func record(_ event: CgroupEvent, in group: CgroupGroup) {
        try? locked { state throws(Errno) in state.record(event, in: try state.group(group)) }
    }

    /// What /proc/PID/cgroup would say: a line for each hierarchy, "4:memory:/path".
    /// - Throws: ESRCH.
    public func membership(of pid: Int32) throws(Errno) -> [UInt8] {
        try locked { state throws(Errno) in
            state.follow()
            if state.known[pid] == nil { throw .esrch }
            var text = Text()
            // The kernel counts down to the unified hierarchy, whose number is 0.
            for (number, hierarchy) in state.hierarchies.enumerated() where !hierarchy.isUnified {
                text.append(number + 1)
                text.append(":" as StaticString)
                text.append((hierarchy.controllers.isEmpty ? "name=" : "") + hierarchy.name)
                text.append(":" as StaticString)
                text.append(hierarchy.group(of: pid).path)
                text.newline()
            }
            for hierarchy in state.hierarchies where hierarchy.isUnified {
                text.append("0::" as StaticString)
                text.append(hierarchy.group(of: pid).path)
                text.newline()
            }
            return text.bytes
        }
    }

    /// Looks at the machine's processes now: who began, who exited, and which groups became populated or empty by it.
    public func followProcesses() {
        try? locked { state throws(Errno) in
            state.follow()
            state.lookAtFreezer()
        }
    }

    /// Writes the state file where there is one and something has changed.
    ///
    /// - Throws: what writing gives; it is tried again next time.
    public func saveState() throws(Errno) {
        guard let stateFile else { return }
        saving.lock()
        defer { saving.unlock() }
        let snapshot = try locked { state throws(Errno) -> [UInt8]? in
            if !state.needsSaving { return nil }
            state.needsSaving = false
            return state.snapshot()
        }
        guard let snapshot else { return }
        do throws(Errno) {
            try stateFile.save(snapshot)
        } catch {
            try locked { state throws(Errno) in state.needsSaving = true }
            throw error
        }
    }
}

extension Group {
    var limits: CgroupLimits {
        func limit(_ setting: Setting) -> UInt64? { self[setting] == .max ? nil : self[setting] }
        var limits = CgroupLimits()
        limits.memoryMax = limit(.memoryMax)
        limits.memoryHigh = limit(.memoryHigh)
        limits.memoryLow = self[.memoryLow]
        limits.memoryMin = self[.memoryMin]
        limits.swapMax = limit(.swapMax)
        limits.memoryAndSwapMax = limit(.memoryAndSwapMax)
        limits.oomGroup = isSet(.oomGroup)
        limits.oomKillDisabled = isSet(.oomKillDisable)
        limits.pidsMax = limit(.pidsMax)
        limits.quota = limit(.cpuQuota)
        limits.period = self[.cpuPeriod]
        limits.hugePagesMax = hugePages[.max] ?? [:]
        limits.parent = parent?.id
        return limits
    }

    /// Whether any of the limits is one that is looked at from time to time.
    var hasLimits: Bool {
        if isRoot { return false }
        let settings: [Setting] = [.memoryMax, .memoryHigh, .swapMax, .memoryAndSwapMax, .pidsMax, .cpuQuota]
        return hugePages[.max]?.isEmpty == false || settings.contains { self[$0] != .max }
    }
}
