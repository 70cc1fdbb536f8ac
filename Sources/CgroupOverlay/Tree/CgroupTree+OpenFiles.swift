import Glibc
import SystemCalls

extension CgroupTree {
    /// A handle on an open file; it is used until ``release(_:)``. O_TRUNC, O_APPEND and O_CREAT change nothing.
    /// - Throws: ENOENT, EISDIR, EROFS.
    public func open(_ node: CgroupNode, flags: Int32, _ caller: CgroupCaller) throws(Errno) -> UInt64 {
        let isWriting = flags & O_ACCMODE != O_RDONLY
        return try locked { state throws(Errno) in
            if node.isTop || node.file == 0 { throw node.isTop && node.file != 0 ? .eloop : .eisdir }
            let group = try state.group(node.group)
            _ = try state.row(of: node, in: group)
            if isWriting { try checkWritable() }
            return state.files.insert(OpenFile(node: node))
        }
    }

    /// The node that a handle is open on.
    /// - Throws: EBADF.
    public func node(of handle: UInt64) throws(Errno) -> CgroupNode {
        try locked { state throws(Errno) in try state.files.file(handle).node }
    }

    /// Copies what the file says and returns its length; 0 behind the end. What is read at offset 0 is new, and what follows is
    /// of the same moment.
    /// - Throws: EBADF, EINVAL for files that are only written, ENODEV after the group has ended, EOPNOTSUPP.
    public func read(_ handle: UInt64, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno)
        -> Int
    {
        var reader: (FigureReader, FileRow)?
        var count = 0
        try locked { state throws(Errno) in
            let file = try state.files.file(handle)
            let (group, row) = try state.openRow(file.node)
            if offset == 0 || file.content == nil {
                switch row.reading {
                case .never: throw .einval
                case .figures:
                    // Children of members are members as soon as they are seen.
                    if group.mayHaveMembers { state.follow(maximumAge: 100_000_000) }
                    reader = (FigureReader(group, figures), row)
                    return
                case .state(let read):
                    if row.needsMembers && group.mayHaveMembers { state.follow(maximumAge: row.maximumAge) }
                    var text = Text()
                    try read(group, &text)
                    try state.keep(text.bytes, group, handle)
                }
            }
            count = try state.files.file(handle).copy(from: offset, to: buffer)
        }
        guard let (reader, row) = reader, case .figures(let read) = row.reading else { return count }
        var text = Text()
        try read(reader, &text)
        return try locked { state throws(Errno) in
            let (group, _) = try state.openRow(try state.files.file(handle).node)
            try state.keep(text.bytes, group, handle)
            return try state.files.file(handle).copy(from: offset, to: buffer)
        }
    }

    /// One write is one setting: the offset does not count. Returns the bytes taken, all of them.
    /// - Throws: EBADF, EINVAL also for files that are only read, E2BIG beyond a page, ENODEV after the group has ended,
    ///   and what the file's row says.
    public func write(_ handle: UInt64, _ bytes: UnsafeRawBufferPointer, _ caller: CgroupCaller) throws(Errno) -> Int {
        if bytes.isEmpty { return 0 }
        try checkWritable()
        let input = Input(bytes, caller)
        try locked { state throws(Errno) in
            let (group, row) = try state.openRow(try state.files.file(handle).node)
            guard let write = row.writing else { throw .einval }
            if bytes.count > 4096 { throw .e2big }
            try write(group, input)
            state.needsSaving = true
        }
        return bytes.count
    }

    /// Always readable and writable; POLLPRI and POLLERR when the content has changed since it was read, and after the
    /// group's end (kernfs_generic_poll of fs/kernfs/file.c).
    /// - Throws: EBADF.
    public func poll(_ handle: UInt64) throws(Errno) -> CgroupPollEvents {
        try locked { state throws(Errno) in
            let file = try state.files.file(handle)
            guard let group = try? state.group(file.node.group), file.seen == group.changes[file.node.file] ?? 0 else {
                return [.always, .priority, .error]
            }
            return .always
        }
    }

    public func release(_ handle: UInt64) {
        lockedOnly { $0.files.remove(handle) }
    }

    private func lockedOnly(_ body: (TreeState) -> Void) { try? locked { state throws(Errno) in body(state) } }
}

extension OpenFile {
    init(node: CgroupNode) { self.init(node: node, content: nil, seen: nil) }

    func copy(from offset: UInt64, to buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let content, offset < UInt64(content.count) else { return 0 }
        let part = content[Int(offset)...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        return part.count
    }
}

extension TreeState {
    /// The group and row of a file that is open.
    /// - Throws: ENODEV where they are gone.
    fileprivate func openRow(_ node: CgroupNode) throws(Errno) -> (Group, FileRow) {
        guard let group = try? group(node.group), let row = try? row(of: node, in: group) else { throw .enodev }
        return (group, row)
    }

    fileprivate func keep(_ content: [UInt8], _ group: Group, _ handle: UInt64) throws(Errno) {
        try files.change(handle) { file in
            file.content = content
            file.seen = group.changes[file.node.file] ?? 0
        }
    }
}

extension FigureReader {
    init(_ group: Group, _ figures: any CgroupFigures) {
        self.init(
            group: group.id, isRoot: group.isRoot, figures: figures, effectiveMemoryMax: group.least(.memoryMax),
            effectiveMemoryAndSwapMax: group.least(.memoryAndSwapMax), controllers: group.controllers,
            kernel: group.hierarchy.kernel)
    }
}
