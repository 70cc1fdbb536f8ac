import CLinux
import Synchronization
import SystemCalls

@testable import FuseKernel

/// A file system that writes down each call with all its arguments, and does as it is told.
final class RecordingFileSystem: FileSystem {
    private let written = Mutex<[String]>([])
    private let header = Mutex<Request?>(nil)
    /// Thrown by every operation that can.
    let error: Errno?
    /// What each operation with a reply answers.
    let answer: [UInt8]
    let postpones: Bool

    init(error: Errno? = nil, answer: [UInt8] = [], postpones: Bool = false) {
        self.error = error
        self.answer = answer
        self.postpones = postpones
    }

    /// The calls so far, and forgets them.
    func takeCalls() -> [String] {
        written.withLock { calls in
            defer { calls = [] }
            return calls
        }
    }

    /// The header of the latest call.
    var latest: Request? { header.withLock { $0 } }

    private func note(_ call: String) { written.withLock { $0.append(call) } }

    private func note(_ request: Request, _ call: String) throws(Errno) {
        header.withLock { $0 = request }
        note("\(request.nodeid) \(call)")
        if let error { throw error }
    }

    private func note(_ request: Request, _ call: String, _ reply: inout Reply) throws(Errno) {
        if postpones { reply.postpone() }
        try note(request, call)
        for byte in answer { try reply.append(byte) }
    }

    func lookup(_ request: Request, _ name: Name, into reply: inout Reply) throws(Errno) {
        try note(request, "lookup \(name.text)", &reply)
    }
    func forget(nodeid: UInt64, count: UInt64) { note("\(nodeid) forget \(count)") }
    func symlink(_ request: Request, _ name: Name, target: Name, into reply: inout Reply) throws(Errno) {
        try note(request, "symlink \(name.text) \(target.text)", &reply)
    }
    func mknod(_ request: Request, _ name: Name, _ arguments: fuse_mknod_in, into reply: inout Reply) throws(Errno) {
        try note(request, "mknod \(name.text) \(arguments)", &reply)
    }
    func mkdir(_ request: Request, _ name: Name, _ arguments: fuse_mkdir_in, into reply: inout Reply) throws(Errno) {
        try note(request, "mkdir \(name.text) \(arguments)", &reply)
    }
    func unlink(_ request: Request, _ name: Name) throws(Errno) { try note(request, "unlink \(name.text)") }
    func rmdir(_ request: Request, _ name: Name) throws(Errno) { try note(request, "rmdir \(name.text)") }
    func rename(_ request: Request, _ name: Name, to parent: UInt64, _ newName: Name, flags: UInt32) throws(Errno) {
        try note(request, "rename \(name.text) to \(parent) \(newName.text) flags \(flags)")
    }
    func link(_ request: Request, node: UInt64, as name: Name, into reply: inout Reply) throws(Errno) {
        try note(request, "link \(node) as \(name.text)", &reply)
    }
    func readlink(_ request: Request, into reply: inout Reply) throws(Errno) { try note(request, "readlink", &reply) }

    func getattr(_ request: Request, handle: UInt64?, into reply: inout Reply) throws(Errno) {
        try note(request, "getattr handle \(handle.map(String.init) ?? "none")", &reply)
    }
    func setattr(_ request: Request, _ arguments: fuse_setattr_in, into reply: inout Reply) throws(Errno) {
        try note(request, "setattr \(arguments)", &reply)
    }
    func statx(_ request: Request, _ arguments: fuse_statx_in, into reply: inout Reply) throws(Errno) {
        try note(request, "statx \(arguments)", &reply)
    }
    func access(_ request: Request, mask: UInt32) throws(Errno) { try note(request, "access \(mask)") }
    func statfs(_ request: Request, into reply: inout Reply) throws(Errno) { try note(request, "statfs", &reply) }
    func syncfs(_ request: Request) throws(Errno) { try note(request, "syncfs") }

    func open(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        try note(request, "open \(arguments)", &reply)
    }
    func create(_ request: Request, _ name: Name, _ arguments: fuse_create_in, into reply: inout Reply) throws(Errno) {
        try note(request, "create \(name.text) \(arguments)", &reply)
    }
    func tmpfile(_ request: Request, _ arguments: fuse_create_in, into reply: inout Reply) throws(Errno) {
        try note(request, "tmpfile \(arguments)", &reply)
    }
    func read(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        try note(request, "read \(arguments)", &reply)
    }
    func write(_ request: Request, _ arguments: fuse_write_in, _ data: RawSpan, into reply: inout Reply)
        throws(Errno)
    { try note(request, "write \(arguments) \(data.text)", &reply) }
    func flush(_ request: Request, _ arguments: fuse_flush_in) throws(Errno) {
        try note(request, "flush \(arguments)")
    }
    func release(_ request: Request, _ arguments: fuse_release_in) throws(Errno) {
        try note(request, "release \(arguments)")
    }
    func fsync(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) {
        try note(request, "fsync \(handle) data only \(dataOnly)")
    }
    func fallocate(_ request: Request, _ arguments: fuse_fallocate_in) throws(Errno) {
        try note(request, "fallocate \(arguments)")
    }
    func lseek(_ request: Request, _ arguments: fuse_lseek_in, into reply: inout Reply) throws(Errno) {
        try note(request, "lseek \(arguments)", &reply)
    }
    func copyFileRange(_ request: Request, _ arguments: fuse_copy_file_range_in, limit: UInt64)
        throws(Errno) -> UInt64
    {
        try note(request, "copyFileRange \(arguments) limit \(limit)")
        return min(arguments.len, limit)
    }
    func ioctl(_ request: Request, _ arguments: fuse_ioctl_in, _ input: RawSpan, into reply: inout Reply)
        throws(Errno)
    { try note(request, "ioctl \(arguments) \(input.text)", &reply) }
    func poll(_ request: Request, _ arguments: fuse_poll_in, into reply: inout Reply) throws(Errno) {
        try note(request, "poll \(arguments)", &reply)
    }
    func bmap(_ request: Request, _ arguments: fuse_bmap_in, into reply: inout Reply) throws(Errno) {
        try note(request, "bmap \(arguments)", &reply)
    }

    func opendir(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        try note(request, "opendir \(arguments)", &reply)
    }
    func readdir(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        try note(request, "readdir \(arguments)", &reply)
    }
    func readdirplus(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        try note(request, "readdirplus \(arguments)", &reply)
    }
    func releasedir(_ request: Request, _ arguments: fuse_release_in) throws(Errno) {
        try note(request, "releasedir \(arguments)")
    }
    func fsyncdir(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) {
        try note(request, "fsyncdir \(handle) data only \(dataOnly)")
    }

    func setxattr(_ request: Request, _ name: Name, _ value: RawSpan, flags: UInt32, extended: UInt32) throws(Errno) {
        try note(request, "setxattr \(name.text) \(value.text) flags \(flags) extended \(extended)")
    }
    func getxattr(_ request: Request, _ name: Name, size: UInt32, into reply: inout Reply) throws(Errno) {
        try note(request, "getxattr \(name.text) size \(size)", &reply)
    }
    func listxattr(_ request: Request, size: UInt32, into reply: inout Reply) throws(Errno) {
        try note(request, "listxattr size \(size)", &reply)
    }
    func removexattr(_ request: Request, _ name: Name) throws(Errno) { try note(request, "removexattr \(name.text)") }

    func getlk(_ request: Request, _ arguments: fuse_lk_in, into reply: inout Reply) throws(Errno) {
        try note(request, "getlk \(arguments)", &reply)
    }
    func setlk(_ request: Request, _ arguments: fuse_lk_in, wait: Bool, into reply: inout Reply) throws(Errno) {
        try note(request, "setlk \(arguments) wait \(wait)", &reply)
    }
    func interrupt(unique: UInt64) { note("interrupt \(unique)") }
    func destroy() { note("destroy") }
}

extension Name {
    /// The bytes as text; those that are none appear as U+FFFD.
    var text: String {
        let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer), count: count)
        return "'\(String(decoding: bytes, as: UTF8.self))'"
    }
}

extension RawSpan {
    fileprivate var text: String { withUnsafeBytes { "'\(String(decoding: $0, as: UTF8.self))'" } }
}

/// What the dispatcher made of one message.
struct Answer: Equatable {
    let error: Int32
    let body: [UInt8]
    let isDue: Bool
}

extension Dispatcher {
    init(_ fileSystem: F, inForce: InitFlags = [.setxattrExtended], soleUser: UInt32? = nil) {
        self.init(fileSystem: fileSystem, inForce: inForce, soleUser: soleUser)
    }

    /// Has one message answered in a buffer of its own.
    func answer(_ message: [UInt8], capacity: Int = 4096) -> Answer {
        withUnsafeTemporaryAllocation(byteCount: max(capacity, 1), alignment: 16) { buffer in
            var reply = Reply(unique: 1, start: buffer.baseAddress!, capacity: capacity)
            let error = message.withUnsafeBytes { dispatch($0, into: &reply) }
            return Answer(error: error, body: Array(buffer[..<reply.count]), isDue: reply.isDue)
        }
    }
}
