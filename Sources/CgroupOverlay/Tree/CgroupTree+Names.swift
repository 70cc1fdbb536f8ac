import Glibc
import SystemCalls

extension CgroupTree {
    /// - Throws: ENOENT, ENOTDIR.
    public func lookUp(_ name: UnsafeRawBufferPointer, in parent: CgroupNode) throws(Errno) -> CgroupNode {
        let name = Array(name)
        return try locked { state throws(Errno) in
            guard let node = try state.child(name, of: parent) else { throw .enoent }
            return node
        }
    }

    /// The directory that a node is in; the root is its own.
    public func parent(of node: CgroupNode) throws(Errno) -> CgroupNode {
        try locked { state throws(Errno) in
            if node.isTop { return .top }
            let group = try state.group(node.group)
            if node.file != 0 { return group.node }
            return group.parent?.node ?? (configuration.version == .v1 ? .top : group.node)
        }
    }

    /// Where a node is below the root, "memory/a/cgroup.procs", without a slash at its beginning; the root is empty.
    /// - Throws: ENOENT.
    public func path(of node: CgroupNode) throws(Errno) -> [UInt8] {
        try locked { state throws(Errno) in
            if node.isTop {
                _ = try state.attributes(of: node)
                return node.file == 0 ? [] : Array(state.links[node.file - 1].name.utf8)
            }
            let group = try state.group(node.group)
            let row = try state.row(of: node, in: group)
            let parts = [
                Array(group.hierarchy.name.utf8), Array(group.path.dropFirst()), Array((row?.name ?? "").utf8),
            ]
            return Array(parts.filter { !$0.isEmpty }.joined(separator: [47]))
        }
    }

    public func attributes(of node: CgroupNode) throws(Errno) -> CgroupAttributes {
        try locked { state throws(Errno) in try state.attributes(of: node) }
    }

    /// Changes stay until the group ends or the daemon does.
    /// - Throws: EROFS, ENOENT; EPERM for v1's directory of hierarchies.
    public func setAttributes(of node: CgroupNode, _ change: CgroupAttributeChange) throws(Errno) -> CgroupAttributes {
        try checkWritable()
        return try locked { state throws(Errno) in
            if node.isTop { throw .eperm }
            let group = try state.group(node.group)
            _ = try state.row(of: node, in: group)
            var overrides = group.overrides[node.file] ?? AttributeOverrides()
            if let mode = change.mode { overrides.mode = mode & 0o7777 }
            overrides.uid = change.uid ?? overrides.uid
            overrides.gid = change.gid ?? overrides.gid
            overrides.accessed = change.accessed ?? overrides.accessed
            overrides.modified = change.modified ?? overrides.modified
            overrides.changed = configuration.clock()
            group.overrides[node.file] = overrides
            state.needsSaving = true
            return try state.attributes(of: node)
        }
    }

    /// Copies the target of a symbolic link and returns its length.
    /// - Throws: EINVAL for what is no link.
    public func readLink(_ node: CgroupNode, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try locked { state throws(Errno) in
            guard node.isTop, node.file > 0, node.file <= state.links.count else { throw .einval }
            let target = Array(state.links[node.file - 1].target.utf8.prefix(buffer.count))
            buffer.copyBytes(from: target)
            return target.count
        }
    }

    /// The entries of a directory from `offset` on, 0 at first, without "." and "..". `body` gets the name, the node, its type
    /// as in st_mode, and the offset of the entry that follows, and returns whether it wants that one. It must not call the
    /// tree.
    /// - Throws: ENOENT, ENOTDIR.
    public func entries(
        of directory: CgroupNode, from offset: UInt64,
        _ body: (_ name: UnsafeRawBufferPointer, CgroupNode, _ type: UInt32, _ next: UInt64) -> Bool
    ) throws(Errno) {
        try locked { state throws(Errno) in
            guard directory.file == 0 else { throw .enotdir }
            if directory.isTop && configuration.version == .v1 {
                state.listTop(from: offset, body)
                return
            }
            let group = try state.group(directory.group)
            if offset < TreeState.firstChildOffset { if !state.listFiles(of: group, from: offset, body) { return } }
            let place = offset < TreeState.firstChildOffset ? 0 : Int(offset - TreeState.firstChildOffset)
            for place in group.childPlaces[group.position(of: place)...] {
                guard let child = state.groups[place] else { continue }
                let next = TreeState.firstChildOffset + UInt64(place) + 1
                if !child.name.withUnsafeBytes({ body($0, child.node, S_IFDIR, next) }) { return }
            }
        }
    }
}

extension TreeState {
    /// Offsets in directories: the files by their numbers, then the children by their places.
    static let firstChildOffset: UInt64 = 4096

    /// - Throws: ENOENT where the directory is gone, ENOTDIR.
    func child(_ name: [UInt8], of parent: CgroupNode) throws(Errno) -> CgroupNode? {
        guard parent.file == 0 else { throw .enotdir }
        if parent.isTop {
            guard configuration.version == .v1 else { throw .enoent }
            if let hierarchy = hierarchies.first(where: { name.elementsEqual($0.name.utf8) }) {
                return hierarchy.root.node
            }
            return links.firstIndex { name.elementsEqual($0.name.utf8) }.map { CgroupNode(rawValue: UInt64($0) + 1) }
        }
        let group = try group(parent.group)
        if let child = group.children[name] { return child.node }
        return group.hierarchy.file(named: name, in: group).map { CgroupNode(group.id, file: $0) }
    }

    /// The row of a file; nil for the directory.
    /// - Throws: ENOENT where the group has no such file, or no more.
    func row(of node: CgroupNode, in group: Group) throws(Errno) -> FileRow? {
        if node.file == 0 { return nil }
        guard node.file <= group.hierarchy.rows.count else { throw .enoent }
        let row = group.hierarchy.rows[node.file - 1]
        if !group.hierarchy.exists(row, in: group) { throw .enoent }
        return row
    }

    func attributes(of node: CgroupNode) throws(Errno) -> CgroupAttributes {
        if node.isTop { return try attributesOfTop(node) }
        let group = try group(node.group)
        let row = try row(of: node, in: group)
        let overrides = group.overrides[node.file]
        let mode = overrides?.mode ?? row?.mode ?? group.mode
        let modified = overrides?.modified ?? group.created
        return CgroupAttributes(
            node: node, mode: (row == nil ? S_IFDIR : S_IFREG) | mode,
            links: row == nil ? 2 + UInt32(group.children.count) : 1, uid: overrides?.uid ?? group.uid,
            gid: overrides?.gid ?? group.gid, size: row == nil ? 0 : configuration.reportedSize,
            accessed: overrides?.accessed ?? group.created, modified: modified,
            changed: overrides?.changed ?? group.created)
    }

    private func attributesOfTop(_ node: CgroupNode) throws(Errno) -> CgroupAttributes {
        guard configuration.version == .v1, node.file <= links.count else { throw .enoent }
        let created = hierarchies[0].root.created
        let isDirectory = node.file == 0
        return CgroupAttributes(
            node: node, mode: isDirectory ? S_IFDIR | 0o755 : S_IFLNK | 0o777,
            links: isDirectory ? 2 + UInt32(hierarchies.count) : 1, uid: configuration.uid, gid: configuration.gid,
            size: isDirectory ? 0 : UInt64(links[node.file - 1].target.utf8.count), accessed: created,
            modified: created,
            changed: created)
    }

    fileprivate func listTop(
        from offset: UInt64, _ body: (UnsafeRawBufferPointer, CgroupNode, UInt32, UInt64) -> Bool
    ) {
        let names =
            hierarchies.map { ($0.name, $0.root.node, S_IFDIR) }
            + links.enumerated().map { ($0.element.name, CgroupNode(rawValue: UInt64($0.offset) + 1), S_IFLNK) }
        for (index, (name, node, type)) in names.enumerated().dropFirst(Int(clamping: offset)) {
            var name = name
            if !name.withUTF8({ body(UnsafeRawBufferPointer($0), node, type, UInt64(index) + 1) }) { return }
        }
    }

    /// Whether the reader wants more.
    fileprivate func listFiles(
        of group: Group, from offset: UInt64, _ body: (UnsafeRawBufferPointer, CgroupNode, UInt32, UInt64) -> Bool
    ) -> Bool {
        let rows = group.hierarchy.rows
        for index in rows.indices.dropFirst(Int(offset)) where group.hierarchy.exists(rows[index], in: group) {
            var name = rows[index].name
            let node = CgroupNode(group.id, file: index + 1)
            if !name.withUTF8({ body(UnsafeRawBufferPointer($0), node, S_IFREG, UInt64(index) + 1) }) { return false }
        }
        return true
    }
}
