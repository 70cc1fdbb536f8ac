import Glibc
import Synchronization
import SystemCalls

/// One tree of control groups as an object: v2's unified hierarchy, or v1's directory of hierarchies.
///
/// Every operation may be called from several threads at once. Names are bytes. Nodes end with their group: then operations
/// on them fail with ENOENT, and on files that are open with ENODEV. Permissions by mode are for the caller of this type to
/// check; the rules on who moves which process are checked here.
///
/// Locks: `saving` (one writer of the state file) and `turn`, which orders what is done to processes, are taken before `lock`,
/// which guards everything else. Figures and processes are asked with `lock` held only where their protocols say so;
/// ``onChange(_:)``'s function is called without any.
public final class CgroupTree: Sendable {
    public let configuration: CgroupConfiguration
    let figures: any CgroupFigures
    let processTable: any ProcessTable
    let stateFile: StateFile?
    /// What was in the state file could not be used; the file lies beside as NAME.damaged.
    public let stateWasDamaged: Bool
    private let lock = Lock()
    private let turn = Lock()
    /// The thread that holds `turn`; 0 for none.
    private let turnHolder = Atomic<UInt>(0)
    let saving = Lock()
    private nonisolated(unsafe) let state: TreeState
    private nonisolated(unsafe) var notify: @Sendable (CgroupNode) -> Void = { _ in }

    /// Takes up what the state file says, where there is one.
    /// - Throws: what opening its directory and reading it gives.
    public init(
        _ configuration: CgroupConfiguration, figures: any CgroupFigures, actions: (any CgroupActions)? = nil,
        processes: any ProcessTable
    ) throws(Errno) {
        self.configuration = configuration
        self.figures = figures
        processTable = processes
        state = TreeState(configuration, figures: figures, actions: actions, processes: processes)
        stateFile = if let path = configuration.stateFile { try StateFile(path) } else { nil }
        let found = try stateFile?.load() ?? .nothing
        if case .damaged = found { stateWasDamaged = true } else { stateWasDamaged = false }
        state.tree = self
        if case .state(let records) = found { try locked { state throws(Errno) in state.restore(records) } }
    }

    deinit { state.dismantle() }

    /// The directory that stands for /sys/fs/cgroup.
    public var root: CgroupNode {
        configuration.version == .v1 ? .top : (try? locked { state in state.hierarchies[0].root.node }) ?? .top
    }

    /// Calls `call` when a file's content has changed in a way that poll(2) and inotify(7) tell: cgroup.events, memory.events
    /// and their like. One function; a second one takes its place. It is called on the thread that made the change, without a
    /// lock, and must not wait for another operation on the tree.
    public func onChange(_ call: @escaping @Sendable (CgroupNode) -> Void) {
        lock.lock()
        notify = call
        lock.unlock()
    }

    /// Whether ``onChange(_:)`` can tell of a file.
    public func tellsChanges(of node: CgroupNode) -> Bool {
        let name = fileName(node)
        return name.hasSuffix(".events") || name.hasSuffix(".events.local")
    }

    /// Whether writing to a file can give groups other files, or take some away.
    public func changesFiles(_ node: CgroupNode) -> Bool {
        ["cgroup.subtree_control", "cgroup.type", "cgroup.pressure"].contains(fileName(node))
    }

    /// Empty for a directory and for what is not there any more.
    private func fileName(_ node: CgroupNode) -> String {
        if node.isTop || node.file == 0 { return "" }
        let name = try? locked { state throws(Errno) in
            let rows = try state.group(node.group).hierarchy.rows
            return rows.indices.contains(node.file - 1) ? rows[node.file - 1].name : ""
        }
        return name ?? ""
    }

    /// The tables of all files, for the documentation; sizes of huge pages stand for themselves as 2MB.
    public static var files: [CgroupFile] { FileTables.documentation }

    /// Runs `body` with the lock, and then what it has left to be done.
    func locked<Result>(_ body: (TreeState) throws(Errno) -> Result) throws(Errno) -> Result {
        lock.lock()
        defer {
            let changed = state.changedNodes
            let isPending = !state.pending.isEmpty
            let notify = notify
            if !changed.isEmpty { state.changedNodes = [] }
            lock.unlock()
            if isPending { runPending() }
            for node in changed { notify(node) }
        }
        return try body(state)
    }

    /// Does what is to be done to processes, one after the other, whoever asked for it. What that brings about in turn is done
    /// by the same loop.
    private func runPending() {
        let thread = UInt(pthread_self())
        if turnHolder.load(ordering: .relaxed) == thread { return }
        turn.lock()
        turnHolder.store(thread, ordering: .relaxed)
        defer {
            turnHolder.store(0, ordering: .relaxed)
            turn.unlock()
        }
        while true {
            lock.lock()
            let work = state.pending
            state.pending = []
            lock.unlock()
            if work.isEmpty { return }
            for item in work { item() }
        }
    }

    /// A change of the tree itself: what a read-only tree refuses.
    func checkWritable() throws(Errno) { if configuration.isReadOnly { throw .erofs } }
}

extension CgroupNode {
    /// v1's directory of hierarchies.
    static let top = CgroupNode(rawValue: 0)

    /// Whether the node is that directory or one of its links.
    var isTop: Bool { group.rawValue == 0 }
}
