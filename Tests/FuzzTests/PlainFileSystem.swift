import CLinux
import FuseKernel
import Glibc
import SystemCalls

/// A file system of nothing: every operation succeeds, with an answer of the right shape.
final class PlainFileSystem: FileSystem {
    private func append(entry node: UInt64, to reply: inout Reply) throws(Errno) {
        var entry = fuse_entry_out()
        entry.nodeid = node
        try reply.append(entry)
    }

    func lookup(_ request: Request, _ name: Name, into reply: inout Reply) throws(Errno) {
        try append(entry: UInt64(name.count), to: &reply)
    }
    func symlink(_ request: Request, _ name: Name, target: Name, into reply: inout Reply) throws(Errno) {
        try append(entry: UInt64(target.count + 1), to: &reply)
    }
    func mknod(_ request: Request, _ name: Name, _ arguments: fuse_mknod_in, into reply: inout Reply) throws(Errno) {
        try append(entry: 2, to: &reply)
    }
    func mkdir(_ request: Request, _ name: Name, _ arguments: fuse_mkdir_in, into reply: inout Reply) throws(Errno) {
        try append(entry: 3, to: &reply)
    }
    func unlink(_ request: Request, _ name: Name) throws(Errno) {}
    func rmdir(_ request: Request, _ name: Name) throws(Errno) {}
    func rename(_ request: Request, _ name: Name, to parent: UInt64, _ newName: Name, flags: UInt32) throws(Errno) {}
    func link(_ request: Request, node: UInt64, as name: Name, into reply: inout Reply) throws(Errno) {
        try append(entry: node, to: &reply)
    }
    func readlink(_ request: Request, into reply: inout Reply) throws(Errno) { try reply.append(UInt64(0)) }
    func getattr(_ request: Request, handle: UInt64?, into reply: inout Reply) throws(Errno) {
        try reply.append(fuse_attr_out())
    }
    func setattr(_ request: Request, _ arguments: fuse_setattr_in, into reply: inout Reply) throws(Errno) {
        try reply.append(fuse_attr_out())
    }
    func statx(_ request: Request, _ arguments: fuse_statx_in, into reply: inout Reply) throws(Errno) {
        try reply.append(fuse_statx_out())
    }
    func access(_ request: Request, mask: UInt32) throws(Errno) {}
    func statfs(_ request: Request, into reply: inout Reply) throws(Errno) { try reply.append(fuse_statfs_out()) }
    func syncfs(_ request: Request) throws(Errno) {}
    func open(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        try reply.append(fuse_open_out(fh: request.nodeid, open_flags: 0, backing_id: 0))
    }
    func create(_ request: Request, _ name: Name, _ arguments: fuse_create_in, into reply: inout Reply) throws(Errno) {
        try tmpfile(request, arguments, into: &reply)
    }
    func tmpfile(_ request: Request, _ arguments: fuse_create_in, into reply: inout Reply) throws(Errno) {
        try append(entry: 4, to: &reply)
        try reply.append(fuse_open_out(fh: 5, open_flags: 0, backing_id: 0))
    }
    func read(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        let room = reply.room(upTo: Int(arguments.size))
        room.initializeMemory(as: UInt8.self, repeating: 0x5a)
        reply.advance(by: room.count)
    }
    func write(_ request: Request, _ arguments: fuse_write_in, _ data: RawSpan, into reply: inout Reply)
        throws(Errno)
    {
        // Every byte is touched: one that is not there would fault.
        let sum = data.withUnsafeBytes { $0.reduce(UInt32(0)) { $0 &+ UInt32($1) } }
        guard sum != .max else { throw .eio }
        try reply.append(fuse_write_out(size: UInt32(data.byteCount), padding: 0))
    }
    func flush(_ request: Request, _ arguments: fuse_flush_in) throws(Errno) {}
    func release(_ request: Request, _ arguments: fuse_release_in) throws(Errno) {}
    func fsync(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) {}
    func fallocate(_ request: Request, _ arguments: fuse_fallocate_in) throws(Errno) {}
    func lseek(_ request: Request, _ arguments: fuse_lseek_in, into reply: inout Reply) throws(Errno) {
        try reply.append(fuse_lseek_out(offset: arguments.offset))
    }
    func copyFileRange(_ request: Request, _ arguments: fuse_copy_file_range_in, limit: UInt64)
        throws(Errno) -> UInt64
    { min(arguments.len, limit) }
    func ioctl(_ request: Request, _ arguments: fuse_ioctl_in, _ input: RawSpan, into reply: inout Reply)
        throws(Errno)
    { try reply.append(fuse_ioctl_out(result: Int32(input.byteCount), flags: 0, in_iovs: 0, out_iovs: 0)) }
    func opendir(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        try open(request, arguments, into: &reply)
    }
    func readdir(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {}
    func releasedir(_ request: Request, _ arguments: fuse_release_in) throws(Errno) {}
    func fsyncdir(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) {}
    func setxattr(_ request: Request, _ name: Name, _ value: RawSpan, flags: UInt32, extended: UInt32) throws(Errno) {
        let sum = value.withUnsafeBytes { $0.reduce(UInt32(0)) { $0 &+ UInt32($1) } }
        if sum == .max || strlen(name.pointer) != name.count { throw .eio }
    }
    func getxattr(_ request: Request, _ name: Name, size: UInt32, into reply: inout Reply) throws(Errno) {
        try listxattr(request, size: size, into: &reply)
    }
    func listxattr(_ request: Request, size: UInt32, into reply: inout Reply) throws(Errno) {
        if size == 0 { try reply.append(fuse_getxattr_out(size: 4, padding: 0)) }
    }
    func removexattr(_ request: Request, _ name: Name) throws(Errno) {}
    func getlk(_ request: Request, _ arguments: fuse_lk_in, into reply: inout Reply) throws(Errno) {
        try reply.append(fuse_lk_out())
    }
    func setlk(_ request: Request, _ arguments: fuse_lk_in, wait: Bool, into reply: inout Reply) throws(Errno) {}
}
