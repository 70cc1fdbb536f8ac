import Glibc
import SystemCalls

/// A tree of control groups, or a part of one, found by a directory: any one of the kernel's layout, whoever serves it.
struct GroupTree: Equatable, Sendable {
    enum Version: String, Sendable {
        case v1, v2

        /// Those files by their names.
        var files: [(name: [UInt8], file: GroupFile)] { self == .v1 ? Self.legacyFiles : Self.unifiedFiles }

        private static let unifiedFiles = named([
            .cpuStat, .memoryCurrent, .memoryMax, .ioStat, .threads, .pidsCurrent,
        ])
        private static let legacyFiles = named([
            .cpuacctUsage, .memoryUsage, .memoryLimit, .ioServiceBytes, .ioServiceBytesRecursive, .tasks, .pidsCurrent,
        ])
        private static func named(_ files: [GroupFile]) -> [(name: [UInt8], file: GroupFile)] {
            files.map { (Array($0.rawValue.utf8), $0) }
        }
    }

    let version: Version
    /// The group's directories: on v1 one in each hierarchy, that of pids first, as it knows the number of tasks best.
    let directories: [String]
    /// What is shown as the place.
    let shownPath: String

    /// The tree that a directory is of: the directory of a group; on v1 also the one that has those of the controllers; else the only
    /// tree that is right below, or at sys/fs/cgroup.
    init(at path: String) throws(Failure) {
        guard let directory = resolved(path) else { throw Self.failure(.last, path) }
        do throws(Errno) {
            _ = try GroupDirectory(directory)
        } catch {
            throw Self.failure(error, path)
        }
        if let tree = Self.group(directory) ?? Self.hierarchies(directory) {
            self = tree
            return
        }
        var candidates = Self.names(directory).map { Self.joined(directory, $0) }.filter { Self.holdsTree($0) }
        if let usual = resolved(Self.joined(directory, "sys/fs/cgroup")), Self.holdsTree(usual) {
            candidates.append(usual)
        }
        guard candidates.count < 2 else {
            throw .usage("\(path) has several trees of control groups, \(candidates.joined(separator: ", ")): name one")
        }
        guard let only = candidates.first, let tree = Self.group(only) ?? Self.hierarchies(only) else {
            throw .unable(
                "\(path) is no control group, and no tree of them is right below or at sys/fs/cgroup: "
                    + "name the tree's own directory, on a mount with -o cgroup=/PLACE that is \(Self.joined(path, "PLACE"))"
            )
        }
        self = tree
    }

    init(version: Version, directories: [String], shownPath: String) {
        (self.version, self.directories, self.shownPath) = (version, directories, shownPath)
    }

    /// The group of a directory, on v1 in all hierarchies.
    private static func group(_ directory: String) -> GroupTree? {
        switch version(of: directory) {
        case nil: return nil
        case .v2: return GroupTree(version: .v2, directories: [directory], shownPath: directory)
        case .v1:
            var root = directory
            while root != "/", version(of: parent(of: root)) == .v1 { root = parent(of: root) }
            let rest = String(directory.dropFirst(root.count))
            let siblings = hierarchies(parent(of: root))?.directories ?? [root]
            return GroupTree(version: .v1, directories: siblings.map { $0 + rest }, shownPath: directory)
        }
    }

    /// The hierarchies of v1 right below a directory. Each counts once, by whatever names it is there.
    private static func hierarchies(_ directory: String) -> GroupTree? {
        var seen: Set<[UInt64]> = []
        var roots: [String] = []
        for name in names(directory) {
            let path = joined(directory, name)
            guard version(of: path) == .v1, let opened = try? GroupDirectory(path) else { continue }
            if seen.insert(opened.identity).inserted { roots.append(path) }
        }
        let knowsTasks = { (root: String) in
            (root.split(separator: "/").last ?? "").split(separator: ",").contains("pids")
        }
        roots = roots.filter(knowsTasks) + roots.filter { !knowsTasks($0) }
        return roots.isEmpty ? nil : GroupTree(version: .v1, directories: roots, shownPath: directory)
    }

    /// Of which version a group's directory is, nil if it is none.
    private static func version(of directory: String) -> Version? {
        guard let opened = try? GroupDirectory(directory), opened.has("cgroup.procs") else { return nil }
        if opened.has("cgroup.controllers") { return .v2 }
        return opened.has("tasks") ? .v1 : nil
    }

    /// Whether a directory is v2's, or v1's with the hierarchies. For the latter only the usual names are tried, as any directory of a
    /// mirrored tree may be asked.
    private static func holdsTree(_ directory: String) -> Bool {
        if version(of: directory) == .v2 { return true }
        return ["pids", "memory", "cpu,cpuacct", "cpuacct", "systemd"].contains {
            version(of: joined(directory, $0)) == .v1
        }
    }

    /// The directories in one, sorted by name.
    private static func names(_ path: String) -> [String] {
        guard let directory = try? GroupDirectory(path) else { return [] }
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        var names: [String] = []
        try? directory.names(&buffer) { name, isDirectory in
            if isDirectory { names.append(String(decoding: name, as: UTF8.self)) }
        }
        return names.sorted()
    }

    private static func joined(_ directory: String, _ name: String) -> String {
        directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
    }

    private static func parent(of path: String) -> String {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    static func failure(_ error: Errno, _ path: String) -> Failure {
        switch error {
        case .enotconn, .econnaborted: return Checks.dead(path)
        case .enoent: return .unable("\(path) does not exist")
        case .enotdir: return .unable("\(path) is not a directory")
        default: return .unable("\(path) cannot be read: \(error)")
        }
    }
}
