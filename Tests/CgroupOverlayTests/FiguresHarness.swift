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
        let processes = try ProcFileSystem()
        tree = try CgroupTree(
            configuration, figures: figures, actions: ProcessActions(processes), processes: processes)
    }

    func node(_ path: String) throws(Errno) -> CgroupNode { try tree.node(path) }

    @discardableResult
    func makeGroup(_ path: String) throws(Errno) -> CgroupGroup { try tree.makeDirectory(path, caller) }

    func read(_ path: String) throws(Errno) -> String { try tree.contents(of: path, caller) }

    func write(_ path: String, _ text: String) throws(Errno) { _ = try tree.write(text, to: path, caller) }

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
