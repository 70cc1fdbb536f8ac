import CLinux
import Foundation
import Glibc
import SystemCalls
import Testing

@testable import StackCore

/// A directory for one test, removed with everything in it at the end.
final class TemporaryTree: Sendable {
    let path: String

    /// In memory, unless the environment names another place: STACKFS_TEST_LOWER is how the same tests run on other file systems.
    init() throws {
        let place = ProcessInfo.processInfo.environment["STACKFS_TEST_LOWER"] ?? "/dev/shm"
        let template = (access(place, W_OK) == 0 ? place : "/tmp") + "/stackfs-test-XXXXXX"
        var bytes = Array(template.utf8CString)
        guard mkdtemp(&bytes) != nil else { throw Errno.last }
        path = String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Makes an empty regular file.
    func makeFile(_ name: String) throws {
        let flags = O_CREAT | O_EXCL | O_WRONLY | LINUX_O_CLOEXEC
        _ = Descriptor(owning: Int32(try checked(linux_openat(LINUX_AT_FDCWD, "\(path)/\(name)", flags, 0o644))))
    }

    func makeDirectory(_ name: String) throws {
        try checked(linux_mkdirat(LINUX_AT_FDCWD, "\(path)/\(name)", 0o755))
    }

    func rename(_ old: String, _ new: String) throws {
        try checked(linux_renameat2(LINUX_AT_FDCWD, "\(path)/\(old)", LINUX_AT_FDCWD, "\(path)/\(new)", 0))
    }

    func link(_ old: String, _ new: String) throws {
        try checked(linux_linkat(LINUX_AT_FDCWD, "\(path)/\(old)", LINUX_AT_FDCWD, "\(path)/\(new)", 0))
    }

    func unlink(_ name: String) throws {
        try checked(linux_unlinkat(LINUX_AT_FDCWD, "\(path)/\(name)", 0))
    }

    /// O_PATH on something in the tree, "" for the tree itself.
    func open(_ name: String) throws -> Descriptor {
        let flags = LINUX_O_PATH | LINUX_O_NOFOLLOW | LINUX_O_CLOEXEC
        let full = name.isEmpty ? path : "\(path)/\(name)"
        return Descriptor(owning: Int32(try checked(linux_openat(LINUX_AT_FDCWD, full, flags, 0))))
    }

    func status(_ name: String) throws -> linux_statx {
        let descriptor = try open(name)
        return try Lower.status(of: descriptor.number)
    }

    func table(fileHandles: Bool = true, limit: Int = 4096) throws -> NodeTable {
        try NodeTable(root: open(""), options: NodeTableOptions(fileHandles: fileHandles, descriptorLimit: limit))
    }
}

/// Whether this process may open file handles, and the file system of the tests has them.
let handlesWork: Bool = {
    guard let tree = try? TemporaryTree(), let table = try? tree.table() else { return false }
    return table.mounts.handleDescriptor(0) >= 0
}()

extension NodeTable {
    /// What LOOKUP does: opens `name` in a directory and adopts it.
    func lookUp(_ name: String, in parent: NodeID = .root) throws -> NodeID {
        let directory = try borrow(parent)
        let descriptor = try LowerReference.open(name, in: directory.descriptor)
        let status = try Lower.status(of: descriptor.number)
        return try adopt(descriptor, status, parent: parent, name: name)
    }

    /// The inode number of a node, through its descriptor.
    func inode(_ id: NodeID) throws -> UInt64 {
        let reference = try borrow(id)
        return try Lower.status(of: reference.descriptor).ino
    }

    /// The error of borrowing a node, nil if there is none.
    func failure(_ id: NodeID) -> Errno? {
        do throws(Errno) {
            _ = try borrow(id)
            return nil
        } catch {
            return error
        }
    }

    /// The lookups of a live node.
    func lookups(_ id: NodeID) -> UInt64 { record(id.slot)[\.lookups] }

    /// Forgets a node as often as it was looked up.
    func forgetAll(_ id: NodeID) { forget(id, .max) }
}

/// A source of random numbers whose seed is printed when a test fails, SplitMix64.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
