import FuseKernel
import SystemCalls

/// Takes looks at the groups of a tree, through nothing but their files.
struct GroupReader: Sendable {
    let tree: GroupTree
    /// How many levels of groups below the first are looked at; nil for all.
    var depth: Int?

    /// All groups of now. A group that goes meanwhile is left out.
    /// - Throws: `.unable` where the first one is gone, or nothing can be read at all.
    func look() throws(Failure) -> GroupLook {
        // A file may go with its controller while the group stays: then the second look finds neither.
        for _ in 1...2 {
            var walk = GroupWalk(version: tree.version, depth: depth)
            for directory in tree.directories {
                do throws(Errno) {
                    _ = try walk.visit(GroupDirectory(directory), GroupPath())
                } catch {
                    if !error.isOfGoneGroup { throw GroupTree.failure(error, directory) }
                }
            }
            if walk.groups[GroupPath()] != nil { return walk.groups }
        }
        throw .unable("\(tree.shownPath) is no group any more: it was removed")
    }
}

/// The way through a tree; that through a hierarchy of v1 adds to what those before have told.
struct GroupWalk {
    private let version: GroupTree.Version
    private let depth: Int?
    private(set) var groups: GroupLook = [:]
    private var buffer = [UInt8](repeating: 0, count: 32 << 10)

    init(version: GroupTree.Version, depth: Int?) { (self.version, self.depth) = (version, depth) }

    /// Enters a group and those in it.
    ///
    /// - Returns: its number of tasks. Where it is not told, as of the root, the lists of all groups in it are counted, those below
    ///   the depth that is asked for too.
    /// - Throws: ENOENT or ENODEV for a group that has gone; what ends the look.
    mutating func visit(_ directory: consuming GroupDirectory, _ path: GroupPath) throws(Errno) -> UInt64? {
        let (files, children) = try list(directory)
        let isShown = isInDepth(path)
        var figures = GroupFigures()
        for file in files where !GroupFile.lists.contains(file) && (isShown || file == .pidsCurrent) {
            // The same without those in the group.
            if file == .ioServiceBytes, files.contains(.ioServiceBytesRecursive) { continue }
            try enter(file, of: directory, into: &figures)
        }
        let known = figures.tasks ?? groups[path]?.tasks
        if known == nil, let list = files.first(where: { GroupFile.lists.contains($0) }) {
            figures.tasks = try count(list, of: directory)
        }
        if isShown { groups[path, default: GroupFigures()].add(figures) }
        guard depth != path.depth && isShown || known == nil else { return known }
        for name in children {
            let childPath = path.child(name)
            do throws(Errno) {
                let tasks = try visit(GroupDirectory(name, in: directory), childPath)
                if known == nil, let tasks { figures.tasks = (figures.tasks ?? 0) + tasks }
            } catch {
                if error.endsLook { throw error }
                if error.isOfGoneGroup || error == .enotdir { continue }
                // What cannot be looked into is shown all the same, without figures.
                if isInDepth(childPath) { groups[childPath, default: GroupFigures()].add(GroupFigures()) }
            }
        }
        if known == nil, isShown { groups[path]?.tasks = figures.tasks }
        return known ?? figures.tasks
    }

    private func isInDepth(_ path: GroupPath) -> Bool { depth.map { path.depth <= $0 } ?? true }

    private mutating func list(_ directory: borrowing GroupDirectory) throws(Errno) -> (
        files: Set<GroupFile>, children: [[UInt8]]
    ) {
        var files: Set<GroupFile> = []
        var children: [[UInt8]] = []
        try directory.names(&buffer) { name, isDirectory in
            if let file = Self.file(named: name, version) {
                files.insert(file)
            } else if isDirectory {
                children.append(Array(name))
            }
        }
        return (files, children)
    }

    /// "cpu.stat" is a file of both versions, and says other things in v1.
    private static func file(named name: UnsafeRawBufferPointer, _ version: GroupTree.Version) -> GroupFile? {
        version.files.first { $0.name.count == name.count && $0.name.elementsEqual(name) }?.file
    }

    private mutating func enter(
        _ file: GroupFile, of directory: borrowing GroupDirectory, into figures: inout GroupFigures
    ) throws(Errno) {
        var text: [UInt8] = []
        guard try read(file, of: directory, { text += $0 }) else { return }
        file.enter(String(decoding: text, as: UTF8.self), at: monotonicNanoseconds(), into: &figures)
    }

    private mutating func count(_ list: GroupFile, of directory: borrowing GroupDirectory) throws(Errno) -> UInt64? {
        var lines: UInt64 = 0
        let isRead = try read(list, of: directory) { bytes in for byte in bytes where byte == 10 { lines += 1 } }
        return isRead ? lines : nil
    }

    /// Whether the file could be read. That a file which was listed is missing tells that its group has gone.
    private mutating func read(
        _ file: GroupFile, of directory: borrowing GroupDirectory, _ body: (ArraySlice<UInt8>) -> Void
    ) throws(Errno) -> Bool {
        do throws(Errno) {
            try directory.read(file.rawValue, &buffer, body)
            return true
        } catch {
            if error.isOfGoneGroup || error.endsLook { throw error }
            return false
        }
    }
}
