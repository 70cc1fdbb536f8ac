/// One group of one hierarchy: what it is called, what was set, who is in it.
///
/// Guarded by the tree's lock, as everything it refers to.
final class Group {
    let id: CgroupGroup
    unowned let hierarchy: Hierarchy
    /// nil for a root, and for a group that has been removed.
    var parent: Group?
    var name: [UInt8]
    /// Distance from the root.
    let depth: Int
    var children: [[UInt8]: Group] = [:]
    /// The children's places in ascending order: the order of listings, which does not change while others come and go.
    var childPlaces: [Int] = []
    var isRemoved = false

    var uid: UInt32
    var gid: UInt32
    var mode: UInt32
    /// When it was made, in nanoseconds since 1970.
    let created: Int64
    /// Attributes and extended attributes of the directory (0) and its files, where they were changed.
    var overrides: [Int: AttributeOverrides] = [:]
    var extendedAttributes: [Int: [(name: [UInt8], value: [UInt8])]] = [:]
    /// How often a file's content has changed as poll(2) tells it.
    var changes: [Int: UInt32] = [:]

    private(set) var numbers: [Setting: UInt64] = [:]
    var devices: [DeviceSetting: [CgroupDevice: UInt64]] = [:]
    var hugePages: [HugePageSetting: [UInt64: UInt64]] = [:]
    var interfacePriorities: [String: UInt32] = [:]
    var processors = CgroupSet()
    var memoryNodes = CgroupSet()
    var deviceRules = DeviceRules()
    /// Events counted here, and here and below.
    var ownEvents: [CgroupEvent: UInt64] = [:]
    var events: [CgroupEvent: UInt64] = [:]

    /// For how long it has been frozen by itself, nanoseconds of the monotonic clock, and since when it is now.
    private var frozenBefore: UInt64 = 0
    private var frozenSince: UInt64?

    /// v2: what the children get.
    var subtreeControl: CgroupControllers = []

    /// Processes, and single threads apart from their process, that are in this group; of roots, nobody is listed.
    var processes: Set<Int32> = []
    var threads: Set<Int32> = []
    /// Those of the processes that began here, as children of members.
    var forked: Set<Int32> = []
    /// How many of them have not exited.
    var live = 0
    var populatedChildren = 0
    /// Threads of members, here and below, and the most there have been.
    var tasks = 0
    var tasksPeak = 0

    init(
        _ id: CgroupGroup, _ name: [UInt8], in parent: Group?, of hierarchy: Hierarchy, uid: UInt32, gid: UInt32,
        mode: UInt32, created: Int64
    ) {
        self.id = id
        self.name = name
        self.parent = parent
        self.hierarchy = hierarchy
        self.uid = uid
        self.gid = gid
        self.mode = mode
        self.created = created
        depth = parent.map { $0.depth + 1 } ?? 0
    }

    var isRoot: Bool { depth == 0 }
    var state: TreeState { hierarchy.state }
    var node: CgroupNode { CgroupNode(id) }

    subscript(setting: Setting) -> UInt64 {
        get { numbers[setting] ?? setting.standard }
        set { numbers[setting] = newValue == setting.standard ? nil : newValue }
    }

    subscript(signed setting: Setting) -> Int64 {
        get { Int64(bitPattern: self[setting]) }
        set { self[setting] = UInt64(bitPattern: newValue) }
    }

    func isSet(_ setting: Setting) -> Bool { self[setting] != 0 }

    var frozenTime: UInt64 { frozenBefore + (frozenSince.map { monotonicTime() - $0 } ?? 0) }

    /// Freezes or thaws the group by itself.
    func setFrozen(_ isFrozen: Bool) {
        if isFrozen == isSet(.frozen) { return }
        self[.frozen] = isFrozen ? 1 : 0
        frozenBefore = frozenTime
        frozenSince = isFrozen ? monotonicTime() : nil
    }

    /// A root is populated by the machine's processes.
    var isPopulated: Bool { isRoot || live > 0 || populatedChildren > 0 }

    /// The controllers that the group's files are of: v1, all of the hierarchy; v2, what the parent lets through.
    var controllers: CgroupControllers {
        guard hierarchy.isUnified, let parent else { return hierarchy.controllers }
        return isThreaded ? parent.subtreeControl.intersection(Group.threadedControllers) : parent.subtreeControl
    }

    /// The group and its ancestors, up to the root.
    var lineage: some Sequence<Group> { sequence(first: self) { $0.parent } }

    /// The group and its descendants, parents first.
    func forEachInSubtree(_ body: (Group) -> Void) {
        var pending = [self]
        while let group = pending.popLast() {
            body(group)
            for place in group.childPlaces.reversed() {
                if let child = state.groups[place] { pending.append(child) }
            }
        }
    }

    func insert(child: Group) {
        children[child.name] = child
        let place = child.id.place
        childPlaces.insert(place, at: position(of: place))
    }

    func remove(child: Group) {
        children[child.name] = nil
        childPlaces.remove(at: position(of: child.id.place))
    }

    /// Where a place stands, or would stand, among the children's.
    func position(of place: Int) -> Int {
        var low = 0
        var high = childPlaces.count
        while low < high {
            let middle = (low + high) / 2
            if childPlaces[middle] < place { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// From the root, "/" for the root itself: as /proc/PID/cgroup shows it.
    var path: [UInt8] {
        if isRoot { return [47] }
        var path: [UInt8] = []
        for group in Array(lineage).reversed() where !group.isRoot {
            path.append(47)
            path += group.name
        }
        return path
    }
}

/// Attributes of a file that somebody changed.
struct AttributeOverrides {
    var mode: UInt32?
    var uid: UInt32?
    var gid: UInt32?
    var accessed: Int64?
    var modified: Int64?
    var changed: Int64?
}
