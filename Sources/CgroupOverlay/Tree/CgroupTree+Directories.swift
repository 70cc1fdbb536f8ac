import SystemCalls

extension CgroupTree {
    /// MKDIR makes a group with all its files at once.
    /// - Throws: EROFS, EEXIST, EINVAL for names with a newline, EAGAIN beyond cgroup.max.depth and
    ///   cgroup.max.descendants, ENOSPC where the tree is full, EPERM beside v1's hierarchies.
    public func makeDirectory(
        _ name: UnsafeRawBufferPointer, in parent: CgroupNode, mode: UInt32, _ caller: CgroupCaller
    ) throws(Errno) -> CgroupAttributes {
        try checkWritable()
        let name = Array(name)
        return try locked { state throws(Errno) in
            if try state.child(name, of: parent) != nil { throw .eexist }
            if parent.isTop { throw .eperm }
            if name.isEmpty || name.contains(10) || name.contains(47) { throw .einval }
            if name.count > 255 { throw .enametoolong }
            let parent = try state.group(parent.group)
            try parent.checkRoomBelow()
            if state.isFull { throw .enospc }
            let group = state.makeGroup(
                name, in: parent, of: parent.hierarchy, uid: caller.uid, gid: caller.gid, mode: mode & 0o1777)
            group.inherit()
            state.needsSaving = true
            return try state.attributes(of: group.node)
        }
    }

    /// RMDIR removes a group without processes and children.
    /// - Throws: EROFS, ENOENT, ENOTDIR, EBUSY.
    public func removeDirectory(_ name: UnsafeRawBufferPointer, in parent: CgroupNode) throws(Errno) {
        try checkWritable()
        let name = Array(name)
        try locked { state throws(Errno) in
            guard let node = try state.child(name, of: parent) else { throw .enoent }
            if node.file != 0 { throw .enotdir }
            if parent.isTop { throw .ebusy }
            let group = try state.group(node.group)
            if !group.children.isEmpty { throw .ebusy }
            if group.live > 0 { state.followMembers(of: group) }
            if group.live > 0 { throw .ebusy }
            // Those that are left have exited, and nobody has waited for them.
            for pid in group.processes {
                if let process = state.known[pid] { state.leave(pid, process, group, exited: true) }
            }
            for (file, _) in group.changes { state.changedNodes.append(CgroupNode(group.id, file: file)) }
            state.remove(group)
            state.needsSaving = true
        }
    }

    /// RENAME gives a v1 group another name; `flags` as those of renameat2(2).
    /// - Throws: EROFS, ENOENT; EPERM on v2; ENOTDIR for a file, EIO for another directory, EEXIST.
    public func rename(
        _ name: UnsafeRawBufferPointer, in parent: CgroupNode, to newName: UnsafeRawBufferPointer,
        in newParent: CgroupNode, flags: UInt32
    ) throws(Errno) {
        try checkWritable()
        let name = Array(name)
        let newName = Array(newName)
        try locked { state throws(Errno) in
            guard let node = try state.child(name, of: parent) else { throw .enoent }
            if parent.isTop || node.isTop { throw .eperm }
            let group = try state.group(node.group)
            if flags != 0 { throw .einval }
            if group.hierarchy.isUnified { throw .eperm }
            if newName.contains(10) { throw .einval }
            if node.file != 0 { throw .enotdir }
            if parent != newParent { throw .eio }
            if name == newName { return }
            if try state.child(newName, of: newParent) != nil { throw .eexist }
            let directory = try state.group(parent.group)
            directory.children[name] = nil
            group.name = newName
            directory.children[newName] = group
            state.needsSaving = true
        }
    }

    /// What no tree does.
    public enum Refused: Sendable { case create, makeNode, symlink, link, unlink }

    /// By which error it is refused: the VFS's where a file system has no such operation.
    public func refusal(of what: Refused) -> Errno {
        if configuration.isReadOnly { return .erofs }
        return what == .create ? .eacces : .eperm
    }
}

extension Group {
    /// cgroup_check_hierarchy_limits().
    /// - Throws: EAGAIN.
    fileprivate func checkRoomBelow() throws(Errno) {
        var level: UInt64 = 1
        for group in lineage {
            if group[.maxDescendants] != .max && UInt64(group.descendantCount) >= group[.maxDescendants] {
                throw .eagain
            }
            if level > group[.maxDepth] { throw .eagain }
            level += 1
        }
    }

    /// What a new group takes over from its parent.
    func inherit() {
        guard let parent, !hierarchy.isUnified else { return }
        self[.cloneChildren] = parent[.cloneChildren]
        self[.notifyOnRelease] = parent[.notifyOnRelease]
        let controllers = hierarchy.controllers
        if controllers.contains(.memory) {
            self[.swappiness] = parent[.swappiness]
            self[.oomKillDisable] = parent[.oomKillDisable]
        }
        if controllers.contains(.devices) { deviceRules = parent.deviceRules }
        if controllers.contains(.netClass) { self[.netClass] = parent[.netClass] }
        if controllers.contains(.netPriority) { interfacePriorities = parent.interfacePriorities }
        if controllers.contains(.cpuset) {
            self[.spreadPage] = parent[.spreadPage]
            self[.spreadSlab] = parent[.spreadSlab]
            let isExclusive = parent.children.values.contains { $0.isSet(.cpuExclusive) || $0.isSet(.memExclusive) }
            if parent.isSet(.cloneChildren) && !isExclusive {
                processors = parent.processors
                memoryNodes = parent.memoryNodes
            }
        }
    }
}
