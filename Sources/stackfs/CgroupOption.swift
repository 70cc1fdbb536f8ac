import CgroupOverlay
import StackCore
import SystemCalls

/// `-o cgroup=PATTERN[:v1|v2][:ro|rw]`: a tree of control groups and its place.
struct CgroupOption: Equatable, Sendable {
    var place: OverlayPattern
    var version = CgroupConfiguration.Version.v2
    /// A mount may come to be a container's, where a writable tree would be a choice: so it is one everywhere.
    var isReadOnly = true

    init(_ text: String) throws(Failure) {
        var words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        reading: while words.count > 1 {
            switch words.last {
            case "v1": version = .v1
            case "v2": version = .v2
            case "ro": isReadOnly = true
            case "rw": isReadOnly = false
            default: break reading
            }
            words.removeLast()
        }
        if words.count > 1 {
            throw .usage(
                "cgroup=\(text): '\(words[words.count - 1])' is none of v1, v2, ro and rw (in a name, ? stands for a colon)"
            )
        }
        guard let place = OverlayPattern(words.joined(separator: ":")) else {
            throw .usage(
                "cgroup=\(text) names no place: give a path from the mount's root, as in cgroup=/sys/fs/cgroup:v2:rw")
        }
        self.place = place
    }

    /// What it is, for the log.
    var summary: String {
        "cgroup \(version == .v1 ? "v1" : "v2") at /\(place.components.joined(separator: "/")) "
            + (isReadOnly ? "read-only" : "writable")
    }
}

/// The trees of a mount.
struct CgroupTrees {
    let overlays: [(place: OverlayPattern, overlay: any Overlay)]
    let notes: [String]
    private let trees: [CgroupTree]

    /// Before the daemon gives up what it needs to ask the kernel for forks.
    init(_ options: [CgroupOption], size: UInt64, enforcesLimits: Bool, stateFile: String?) throws(Failure) {
        var overlays: [(place: OverlayPattern, overlay: any Overlay)] = []
        var notes: [String] = []
        var trees: [CgroupTree] = []
        var knowsExits = true
        do throws(Errno) {
            let processes = try ProcFileSystem()
            for (index, option) in options.enumerated() {
                var configuration = CgroupConfiguration(option.version)
                configuration.isReadOnly = option.isReadOnly
                configuration.reportedSize = size
                configuration.enforcesLimits = enforcesLimits
                // Each tree has a file of its own.
                configuration.stateFile = stateFile.map { index == 0 ? $0 : "\($0).\(index + 1)" }
                let figures = MemberFigures()
                knowsExits = figures.knowsExits
                let tree = try CgroupTree(
                    configuration, figures: figures, actions: ProcessActions(processes), processes: processes)
                if tree.stateWasDamaged {
                    notes.append(
                        "\(configuration.stateFile ?? "") was damaged; it lies beside as .damaged, and groups begin anew"
                    )
                }
                trees.append(tree)
                overlays.append((option.place, CgroupFront(tree)))
            }
            if !knowsExits {
                notes.append(
                    "what a process used just before its end is lost: the kernel does not tell this one of exits")
            }
            if !processes.knowsForks {
                notes.append("the parents of orphans are guessed: the kernel does not tell this process of forks")
            }
        } catch {
            throw .unable("the control groups cannot be served: \(stateFile ?? "/proc"): \(error)")
        }
        self.overlays = overlays
        self.notes = notes
        self.trees = trees
    }

    /// Starts the threads that follow processes while nobody asks, after the daemon has confined itself.
    /// - Throws: EAGAIN.
    func follow() throws(Errno) -> [Follower] {
        var followers: [Follower] = []
        for tree in trees { followers.append(try Follower(tree)) }
        return followers
    }
}
