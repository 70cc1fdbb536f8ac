import CgroupOverlay
import Glibc
import SystemCalls
import Testing

/// A tree, and calls on it by path that answer as text.
struct TreeHarness {
    let tree: CgroupTree
    let figures: FakeFigures
    let processes: FakeProcesses
    let actions = FakeActions()
    /// Who calls.
    var caller = CgroupCaller(thread: 500, uid: 0, gid: 0)

    init(
        _ version: CgroupConfiguration.Version, figures: FakeFigures = FakeFigures(),
        processes: FakeProcesses = FakeProcesses(), change: (inout CgroupConfiguration) -> Void = { _ in }
    ) throws {
        self.figures = figures
        self.processes = processes
        processes.add(500)
        var configuration = CgroupConfiguration(version, clock: { 1_000_000_000_000 })
        change(&configuration)
        tree = try CgroupTree(configuration, figures: figures, actions: actions, processes: processes)
    }

    func node(_ path: String) throws(Errno) -> CgroupNode { try tree.node(path) }

    func read(_ path: String) -> String {
        do throws(Errno) {
            return try tree.contents(of: path, caller)
        } catch {
            return name(of: error)
        }
    }

    /// The errno's name, or "OK".
    @discardableResult
    func write(_ path: String, _ text: String) -> String {
        attempt { () throws(Errno) in
            let count = try tree.write(text, to: path, caller)
            #expect(count == text.utf8.count)
        }
    }

    @discardableResult
    func makeDirectory(_ path: String) -> String {
        attempt { () throws(Errno) in _ = try tree.makeDirectory(path, caller) }
    }

    @discardableResult
    func removeDirectory(_ path: String) -> String {
        attempt { () throws(Errno) in
            let (parent, name) = try tree.split(path)
            try Self.withBytes(name) { name throws(Errno) in try tree.removeDirectory(name, in: parent) }
        }
    }

    func rename(_ old: String, _ new: String) -> String {
        attempt { () throws(Errno) in
            let (oldParent, oldName) = try tree.split(old)
            let (newParent, newName) = try tree.split(new)
            try Self.withBytes(oldName) { oldName throws(Errno) in
                try Self.withBytes(newName) { newName throws(Errno) in
                    try tree.rename(oldName, in: oldParent, to: newName, in: newParent, flags: 0)
                }
            }
        }
    }

    /// The names in a directory.
    func list(_ path: String) throws(Errno) -> [String] {
        var names: [String] = []
        var offset: UInt64 = 0
        var isAtEnd = false
        while !isAtEnd {
            isAtEnd = true
            var room = 7
            try tree.entries(of: try node(path), from: offset) { name, _, _, next in
                if room == 0 {
                    isAtEnd = false
                    return false
                }
                room -= 1
                names.append(String(decoding: name, as: UTF8.self))
                offset = next
                return true
            }
        }
        return names
    }

    func attempt(_ body: () throws(Errno) -> Void) -> String {
        do throws(Errno) {
            try body()
            return "OK"
        } catch {
            return name(of: error)
        }
    }

    static func withBytes<Result>(
        _ text: String, _ body: (UnsafeRawBufferPointer) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        let bytes = Array(text.utf8)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        return try body(UnsafeRawBufferPointer(copy))
    }
}

/// Calls by path.
extension CgroupTree {
    /// Walks a path from the root, following v1's links.
    func node(_ path: String) throws(Errno) -> CgroupNode {
        var node = root
        for part in path.split(separator: "/") {
            let next = try TreeHarness.withBytes(String(part)) { name throws(Errno) in try lookUp(name, in: node) }
            if try attributes(of: next).mode & S_IFMT == S_IFLNK {
                var target = [UInt8](repeating: 0, count: 64)
                let count = try withBuffer(&target) { buffer throws(Errno) in try readLink(next, into: buffer) }
                let name = String(decoding: target[..<count], as: UTF8.self)
                node = try TreeHarness.withBytes(name) { name throws(Errno) in try lookUp(name, in: node) }
            } else {
                node = next
            }
        }
        return node
    }

    /// The directory that a path's last name is in, and that name.
    func split(_ path: String) throws(Errno) -> (CgroupNode, String) {
        let parts = path.split(separator: "/")
        return (try node(parts.dropLast().joined(separator: "/")), String(parts.last ?? ""))
    }

    func contents(of path: String, _ caller: CgroupCaller) throws(Errno) -> String {
        let handle = try open(try node(path), flags: O_RDONLY, caller)
        defer { release(handle) }
        return String(decoding: try readAll(handle), as: UTF8.self)
    }

    func write(_ text: String, to path: String, _ caller: CgroupCaller) throws(Errno) -> Int {
        let handle = try open(try node(path), flags: O_WRONLY, caller)
        defer { release(handle) }
        return try TreeHarness.withBytes(text) { bytes throws(Errno) in try write(handle, bytes, caller) }
    }

    func makeDirectory(_ path: String, _ caller: CgroupCaller) throws(Errno) -> CgroupGroup {
        let (parent, name) = try split(path)
        return try TreeHarness.withBytes(name) { name throws(Errno) in
            try makeDirectory(name, in: parent, mode: 0o755, caller)
        }.node.group
    }
}

extension CgroupTree {
    func withBuffer<Result>(
        _ bytes: inout [UInt8], _ body: (UnsafeMutableRawBufferPointer) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { room.deallocate() }
        let result = try body(room)
        bytes = Array(room)
        return result
    }

    func read(_ handle: UInt64, at offset: UInt64, count: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let length = try withBuffer(&bytes) { buffer throws(Errno) in try read(handle, at: offset, into: buffer) }
        return Array(bytes[..<length])
    }

    /// All that is behind a handle.
    func readAll(_ handle: UInt64) throws(Errno) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let part = try read(handle, at: UInt64(all.count), count: 512)
            if part.isEmpty { return all }
            all += part
        }
    }
}

/// "EINVAL" and so on.
func name(of error: Errno) -> String {
    let names: [Int32: String] = [
        EPERM: "EPERM", ENOENT: "ENOENT", ESRCH: "ESRCH", EIO: "EIO", EBADF: "EBADF", EAGAIN: "EAGAIN",
        EACCES: "EACCES", EBUSY: "EBUSY", EEXIST: "EEXIST", ENODEV: "ENODEV", ENOTDIR: "ENOTDIR", EISDIR: "EISDIR",
        EINVAL: "EINVAL", ENOSPC: "ENOSPC", EROFS: "EROFS", ERANGE: "ERANGE", E2BIG: "E2BIG",
        EOPNOTSUPP: "EOPNOTSUPP", ENODATA: "ENODATA", EOVERFLOW: "EOVERFLOW", ENAMETOOLONG: "ENAMETOOLONG",
    ]
    return names[error.rawValue] ?? "errno \(error.rawValue)"
}
