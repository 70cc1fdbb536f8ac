import Glibc
import SystemCalls

@testable import CgroupOverlay

/// A tree of this machine's real processes and their figures.
struct FiguresHarness {
    let tree: CgroupTree
    let figures: MemberFigures
    let caller = CgroupCaller(thread: getpid(), uid: 0, gid: 0)

    init(
        _ version: CgroupConfiguration.Version = .v2, figures: MemberFigures = MemberFigures(),
        change: (inout CgroupConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = CgroupConfiguration(version)
        change(&configuration)
        self.figures = figures
        tree = try CgroupTree(
            configuration, figures: figures, actions: ProcessActions(), processes: try ProcFileSystem())
    }

    func node(_ path: String) throws(Errno) -> CgroupNode {
        var node = tree.root
        for part in path.split(separator: "/") {
            node = try TreeHarness.withBytes(String(part)) { name throws(Errno) in try tree.lookUp(name, in: node) }
        }
        return node
    }

    @discardableResult
    func makeGroup(_ path: String) throws(Errno) -> CgroupGroup {
        let parts = path.split(separator: "/")
        let parent = try node(parts.dropLast().joined(separator: "/"))
        return try TreeHarness.withBytes(String(parts.last ?? "")) { name throws(Errno) in
            try tree.makeDirectory(name, in: parent, mode: 0o755, caller)
        }.node.group
    }

    func read(_ path: String) throws(Errno) -> String {
        let handle = try tree.open(try node(path), flags: O_RDONLY, caller)
        defer { tree.release(handle) }
        return String(decoding: try tree.readAll(handle), as: UTF8.self)
    }

    func write(_ path: String, _ text: String) throws(Errno) {
        let handle = try tree.open(try node(path), flags: O_WRONLY, caller)
        defer { tree.release(handle) }
        _ = try TreeHarness.withBytes(text) { bytes throws(Errno) in try tree.write(handle, bytes, caller) }
    }

    /// The number of a file, or of a key in it.
    func number(_ path: String, _ key: String? = nil) throws(Errno) -> UInt64 {
        for line in try read(path).split(separator: "\n") {
            let words = line.split(separator: " ")
            if key == nil { return UInt64(words[0]) ?? 0 }
            if let key, words[0] == key { return UInt64(words[1]) ?? 0 }
        }
        return 0
    }
}

/// Waits until something is so, for 20 seconds.
func isSoon(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<1000 {
        if try condition() { return true }
        usleep(20_000)
    }
    return false
}

extension Double {
    /// Whether two figures agree within a twentieth.
    func isNear(_ other: some BinaryInteger) -> Bool { abs(self - Double(other)) <= 0.05 * Double(other) }
}
