/// One hierarchy: its controllers, its files, and which process is in which of its groups.
final class Hierarchy {
    unowned let state: TreeState
    /// The directory's name on v1; empty for v2's only one.
    let name: String
    let controllers: CgroupControllers
    let isUnified: Bool
    let kernel: KernelStyle
    /// The files that a group may have. A file's number in nodes is its place here and 1.
    let rows: [FileRow]
    private let rowsByName: [[UInt8]: Int]
    /// The root; set once by whoever makes the hierarchy.
    var root: Group!
    var releaseAgent: [UInt8] = []

    /// Where processes are that are not in the root, and threads that are not where their process is.
    var groupOfProcess: [Int32: Group] = [:]
    var groupOfThread: [Int32: (group: Group, pid: Int32)] = [:]

    init(_ name: String, _ controllers: CgroupControllers, isUnified: Bool, kernel: KernelStyle, in state: TreeState) {
        self.state = state
        self.name = name
        self.controllers = controllers
        self.isUnified = isUnified
        self.kernel = kernel
        rows = FileTables.rows(of: controllers, isUnified: isUnified, hugePageSizes: state.figures.hugePageSizes)
            .filter { kernel == .linux618 || $0.since == .linux61 }
        rowsByName = Dictionary(
            uniqueKeysWithValues: rows.enumerated().map { (Array($0.element.name.utf8), $0.offset) })
    }

    /// The number of a file in the nodes of `group`; nil where the group has no such file.
    func file(named name: [UInt8], in group: Group) -> Int? {
        guard let index = rowsByName[name], exists(rows[index], in: group) else { return nil }
        return index + 1
    }

    func file(named name: String) -> Int? { rowsByName[Array(name.utf8)].map { $0 + 1 } }

    func exists(_ row: FileRow, in group: Group) -> Bool {
        switch row.place {
        case .everywhere: break
        case .root: if !group.isRoot { return false }
        case .notRoot: if group.isRoot { return false }
        }
        if row.isPressure && !group.isSet(.pressureEnabled) { return false }
        return row.controller.isEmpty || !row.controller.isDisjoint(with: group.controllers)
    }

    /// The group that a process is in.
    func group(of pid: Int32) -> Group { groupOfProcess[pid] ?? root }

    /// The group that a thread is in.
    func group(ofThread tid: Int32, of pid: Int32) -> Group { groupOfThread[tid]?.group ?? group(of: pid) }
}
