import SystemCalls

/// Everything that a tree keeps, guarded by the tree's lock.
final class TreeState {
    let configuration: CgroupConfiguration
    let figures: any CgroupFigures
    let actions: (any CgroupActions)?
    let processTable: any ProcessTable
    /// The tree that this is the state of, for what is done without the lock.
    weak var tree: CgroupTree?

    /// Groups of all hierarchies by their places. Place 0 is v1's directory of hierarchies and never has a group.
    private(set) var groups: [Group?] = [nil]
    private var generations: [UInt32] = [0]
    private var freePlaces: [Int] = []
    private(set) var hierarchies: [Hierarchy] = []
    /// v1: other names of hierarchies.
    private(set) var links: [(name: String, target: String)] = []
    var files = OpenFileTable()

    /// The processes that have been seen, by pid.
    var known: [Int32: KnownProcess] = [:]
    /// Those that exited lately, from whom orphans have inherited.
    var exited: [Int32: ExitedProcess] = [:]
    /// The number of the listing that was looked at last.
    var followed: UInt64 = 0

    /// Groups that are to be frozen and have not been seen to be.
    var unfrozen: Set<CgroupGroup> = []

    /// Changes that watchers are told of, and what else is to be done, once the lock is free.
    var changedNodes: [CgroupNode] = []
    var pending: [@Sendable () -> Void] = []
    /// Something that the state file holds has changed.
    var needsSaving = false

    init(
        _ configuration: CgroupConfiguration, figures: any CgroupFigures, actions: (any CgroupActions)?,
        processes: any ProcessTable
    ) {
        self.configuration = configuration
        self.figures = figures
        self.actions = actions
        processTable = processes
        switch configuration.version {
        case .v2:
            add("", .unified, isUnified: true, kernel: .linux61)
        case .v1:
            for (name, controllers) in FileTables.hierarchiesOfV1 {
                add(name, controllers, isUnified: false, kernel: .linux618)
            }
            add("unified", [], isUnified: true, kernel: .linux618)
            links = FileTables.linksOfV1
        }
    }

    private func add(_ name: String, _ controllers: CgroupControllers, isUnified: Bool, kernel: KernelStyle) {
        let hierarchy = Hierarchy(name, controllers, isUnified: isUnified, kernel: kernel, in: self)
        hierarchies.append(hierarchy)
        let root = makeGroup(
            Array(name.utf8), in: nil, of: hierarchy, uid: configuration.uid, gid: configuration.gid, mode: 0o755)
        root.processors = figures.processors
        root.memoryNodes = figures.memoryNodes
        root[.realTimeRuntime] = 950_000
        hierarchy.root = root
    }

    // Groups

    /// The group of a node.
    /// - Throws: ENOENT where it has been removed or never was.
    func group(_ id: CgroupGroup) throws(Errno) -> Group {
        guard id.place < groups.count, let group = groups[id.place], group.id == id else { throw .enoent }
        return group
    }

    /// Makes a group and tells the figures of it.
    func makeGroup(
        _ name: [UInt8], in parent: Group?, of hierarchy: Hierarchy, uid: UInt32, gid: UInt32, mode: UInt32,
        created: Int64? = nil
    ) -> Group {
        let place: Int
        if let free = freePlaces.popLast() {
            place = free
        } else {
            place = groups.count
            groups.append(nil)
            generations.append(0)
        }
        let group = Group(
            CgroupGroup(place: place, generation: generations[place]), name, in: parent, of: hierarchy, uid: uid,
            gid: gid, mode: mode, created: created ?? configuration.clock())
        groups[place] = group
        parent?.insert(child: group)
        figures.groupBegan(group.id, in: parent?.id, controllers: hierarchy.controllers)
        return group
    }

    /// Takes an empty group out of the tree.
    func remove(_ group: Group) {
        group.parent?.remove(child: group)
        group.isRemoved = true
        attributeBytes -= group.extendedAttributes.values.joined().reduce(0) { $0 + $1.name.count + $1.value.count }
        group.parent = nil
        let place = group.id.place
        groups[place] = nil
        generations[place] = (generations[place] + 1) & 0xf_ffff
        freePlaces.append(place)
        figures.groupEnded(group.id)
    }

    /// No more groups: the kernel has room for 65,535 of a controller (MEM_CGROUP_ID_MAX).
    var isFull: Bool { groups.count - freePlaces.count > 0xffff }

    /// What extended attributes may take in the whole tree, in bytes: whoever may write to it must not fill the daemon's memory.
    static let mostAttributeBytes = 16 << 20
    /// What they take now.
    var attributeBytes = 0

    // What happens after the lock is free

    /// A file's content has changed as poll(2) tells it.
    func noteChange(_ file: String, of group: Group) {
        guard let number = group.hierarchy.file(named: file),
            group.hierarchy.exists(group.hierarchy.rows[number - 1], in: group)
        else { return }
        group.changes[number, default: 0] &+= 1
        changedNodes.append(CgroupNode(group.id, file: number))
    }

    /// Something to be done once the lock is free, in this order.
    func later(_ work: @escaping @Sendable () -> Void) { pending.append(work) }

    /// Something to be done to processes once the lock is free.
    func afterwards(_ action: @escaping @Sendable (any CgroupActions) -> Void) {
        if let actions { later { action(actions) } }
    }

    /// Takes the links between parents and children apart, which hold each other.
    func dismantle() {
        for group in groups { group?.parent = nil }
        for group in groups { group?.children = [:] }
        for hierarchy in hierarchies {
            hierarchy.groupOfProcess = [:]
            hierarchy.groupOfThread = [:]
        }
    }
}
