import SystemCalls

/// Extended attributes: user., trusted. and security. of every node, kept in memory (fs/kernfs/inode.c). Whether the caller may
/// see trusted ones is for the caller of this type to check.
extension CgroupTree {
    private static let mostAttributes = 128
    private static let mostBytes = 128 << 10

    /// `flags` as those of setxattr(2): 1 the attribute must be new, 2 it must be there.
    /// - Throws: EROFS, EOPNOTSUPP, EEXIST, ENODATA, ENOSPC.
    public func setAttribute(
        _ name: UnsafeRawBufferPointer, of node: CgroupNode, to value: UnsafeRawBufferPointer, flags: UInt32
    ) throws(Errno) {
        try checkWritable()
        let (name, value) = (Array(name), Array(value))
        let known = ["user.", "trusted.", "security."]
        if !known.contains(where: { name.count > $0.utf8.count && name.starts(with: $0.utf8) }) { throw .eopnotsupp }
        try withAttributes(of: node) { attributes throws(Errno) in
            let index = attributes.firstIndex { $0.name == name }
            if flags & 1 != 0 && index != nil { throw .eexist }
            if flags & 2 != 0 && index == nil { throw .enodata }
            let size =
                attributes.reduce(value.count) { $0 + $1.value.count } - (index.map { attributes[$0].value.count } ?? 0)
            if size > Self.mostBytes || (index == nil && attributes.count >= Self.mostAttributes) { throw .enospc }
            if let index { attributes[index].value = value } else { attributes.append((name, value)) }
        }
    }

    /// - Throws: ENODATA.
    public func attribute(_ name: UnsafeRawBufferPointer, of node: CgroupNode) throws(Errno) -> [UInt8] {
        let name = Array(name)
        return try withAttributes(of: node) { attributes throws(Errno) in
            guard let attribute = attributes.first(where: { $0.name == name }) else { throw .enodata }
            return attribute.value
        }
    }

    /// - Throws: EROFS, ENODATA.
    public func removeAttribute(_ name: UnsafeRawBufferPointer, of node: CgroupNode) throws(Errno) {
        try checkWritable()
        let name = Array(name)
        try withAttributes(of: node) { attributes throws(Errno) in
            guard let index = attributes.firstIndex(where: { $0.name == name }) else { throw .enodata }
            attributes.remove(at: index)
        }
    }

    /// The names, each ended by a zero byte.
    public func attributeNames(of node: CgroupNode) throws(Errno) -> [UInt8] {
        try withAttributes(of: node) { attributes throws(Errno) in attributes.flatMap { $0.name + [0] } }
    }

    private func withAttributes<Result>(
        of node: CgroupNode, _ body: (inout [(name: [UInt8], value: [UInt8])]) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        try locked { state throws(Errno) in
            if node.isTop {
                var none: [(name: [UInt8], value: [UInt8])] = []
                let result = try body(&none)
                if !none.isEmpty { throw .eopnotsupp }
                return result
            }
            let group = try state.group(node.group)
            _ = try state.row(of: node, in: group)
            var attributes = group.extendedAttributes[node.file] ?? []
            func size() -> Int { attributes.reduce(0) { $0 + $1.name.count + $1.value.count } }
            let before = size()
            let result = try body(&attributes)
            let grown = size() - before
            if grown > 0 && state.attributeBytes + grown > TreeState.mostAttributeBytes { throw .enospc }
            state.attributeBytes += grown
            if grown != 0 { state.needsSaving = true }
            group.extendedAttributes[node.file] = attributes.isEmpty ? nil : attributes
            return result
        }
    }
}
