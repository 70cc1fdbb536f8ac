import CLinux
import SystemCalls

/// A FUSE file system: one requirement an operation, each with a default that answers ENOSYS, upon which the kernel stops
/// asking or says so to its caller.
///
/// Every operation may be called from several threads at once. Arguments are the protocol's own structures, lengths and
/// names checked; a reply is written into `reply`, or an ``Errno`` is thrown. Names and data are views of the request's
/// bytes, and the compiler sees to it that they are not kept.
public protocol FileSystem: AnyObject, Sendable {
    /// A worker thread begins: the place for what is a thread's own (working directory, credentials).
    func threadWillServe() throws(Errno)

    // Names and nodes
    func lookup(_ request: Request, _ name: Name, into reply: inout Reply) throws(Errno)
    /// FORGET and BATCH_FORGET: the kernel gives back `count` lookups of the node.
    func forget(nodeid: UInt64, count: UInt64)
    func symlink(_ request: Request, _ name: Name, target: Name, into reply: inout Reply) throws(Errno)
    func mknod(_ request: Request, _ name: Name, _ arguments: fuse_mknod_in, into reply: inout Reply) throws(Errno)
    func mkdir(_ request: Request, _ name: Name, _ arguments: fuse_mkdir_in, into reply: inout Reply) throws(Errno)
    func unlink(_ request: Request, _ name: Name) throws(Errno)
    func rmdir(_ request: Request, _ name: Name) throws(Errno)
    /// RENAME and RENAME2; `flags` are those of renameat2(2).
    func rename(_ request: Request, _ name: Name, to parent: UInt64, _ newName: Name, flags: UInt32) throws(Errno)
    /// LINK; the request's node is the directory.
    func link(_ request: Request, node: UInt64, as name: Name, into reply: inout Reply) throws(Errno)
    func readlink(_ request: Request, into reply: inout Reply) throws(Errno)

    // Attributes
    /// `handle` is nil where the kernel does not name an open file.
    func getattr(_ request: Request, handle: UInt64?, into reply: inout Reply) throws(Errno)
    func setattr(_ request: Request, _ arguments: fuse_setattr_in, into reply: inout Reply) throws(Errno)
    func statx(_ request: Request, _ arguments: fuse_statx_in, into reply: inout Reply) throws(Errno)
    /// `mask` as in access(2). Not sent under default_permissions.
    func access(_ request: Request, mask: UInt32) throws(Errno)
    func statfs(_ request: Request, into reply: inout Reply) throws(Errno)
    func syncfs(_ request: Request) throws(Errno)

    // Files
    func open(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno)
    func create(_ request: Request, _ name: Name, _ arguments: fuse_create_in, into reply: inout Reply) throws(Errno)
    func tmpfile(_ request: Request, _ arguments: fuse_create_in, into reply: inout Reply) throws(Errno)
    func read(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno)
    func write(_ request: Request, _ arguments: fuse_write_in, _ data: RawSpan, into reply: inout Reply) throws(Errno)
    func flush(_ request: Request, _ arguments: fuse_flush_in) throws(Errno)
    func release(_ request: Request, _ arguments: fuse_release_in) throws(Errno)
    func fsync(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno)
    func fallocate(_ request: Request, _ arguments: fuse_fallocate_in) throws(Errno)
    func lseek(_ request: Request, _ arguments: fuse_lseek_in, into reply: inout Reply) throws(Errno)
    /// COPY_FILE_RANGE and its 64-bit sibling. Returns the bytes copied; `limit` is the most the reply can say.
    func copyFileRange(_ request: Request, _ arguments: fuse_copy_file_range_in, limit: UInt64) throws(Errno) -> UInt64
    func ioctl(_ request: Request, _ arguments: fuse_ioctl_in, _ input: RawSpan, into reply: inout Reply) throws(Errno)
    func poll(_ request: Request, _ arguments: fuse_poll_in, into reply: inout Reply) throws(Errno)
    func bmap(_ request: Request, _ arguments: fuse_bmap_in, into reply: inout Reply) throws(Errno)

    // Directories
    func opendir(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno)
    func readdir(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno)
    func readdirplus(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno)
    func releasedir(_ request: Request, _ arguments: fuse_release_in) throws(Errno)
    func fsyncdir(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno)

    // Extended attributes
    /// `flags` are those of setxattr(2); `extended` are FUSE_SETXATTR_*.
    func setxattr(_ request: Request, _ name: Name, _ value: RawSpan, flags: UInt32, extended: UInt32) throws(Errno)
    /// `size` 0 asks for the length only, in a fuse_getxattr_out; so does LISTXATTR.
    func getxattr(_ request: Request, _ name: Name, size: UInt32, into reply: inout Reply) throws(Errno)
    func listxattr(_ request: Request, size: UInt32, into reply: inout Reply) throws(Errno)
    func removexattr(_ request: Request, _ name: Name) throws(Errno)

    // Locks
    func getlk(_ request: Request, _ arguments: fuse_lk_in, into reply: inout Reply) throws(Errno)
    /// SETLK, and with `wait` SETLKW: the latter may postpone its reply.
    func setlk(_ request: Request, _ arguments: fuse_lk_in, wait: Bool, into reply: inout Reply) throws(Errno)
    /// The caller of the request `unique` was interrupted by a signal.
    func interrupt(unique: UInt64)

    /// DESTROY: the last request of a connection, where the kernel sends one.
    func destroy()
}

extension FileSystem {
    public func threadWillServe() throws(Errno) {}
    public func lookup(_ request: Request, _ name: Name, into reply: inout Reply) throws(Errno) { throw .enosys }
    public func forget(nodeid: UInt64, count: UInt64) {}
    public func symlink(_ request: Request, _ name: Name, target: Name, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func mknod(_ request: Request, _ name: Name, _ arguments: fuse_mknod_in, into reply: inout Reply)
        throws(Errno)
    { throw .enosys }
    public func mkdir(_ request: Request, _ name: Name, _ arguments: fuse_mkdir_in, into reply: inout Reply)
        throws(Errno)
    { throw .enosys }
    public func unlink(_ request: Request, _ name: Name) throws(Errno) { throw .enosys }
    public func rmdir(_ request: Request, _ name: Name) throws(Errno) { throw .enosys }
    public func rename(_ request: Request, _ name: Name, to parent: UInt64, _ newName: Name, flags: UInt32)
        throws(Errno)
    { throw .enosys }
    public func link(_ request: Request, node: UInt64, as name: Name, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func readlink(_ request: Request, into reply: inout Reply) throws(Errno) { throw .enosys }
    public func getattr(_ request: Request, handle: UInt64?, into reply: inout Reply) throws(Errno) { throw .enosys }
    public func setattr(_ request: Request, _ arguments: fuse_setattr_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func statx(_ request: Request, _ arguments: fuse_statx_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func access(_ request: Request, mask: UInt32) throws(Errno) { throw .enosys }
    public func statfs(_ request: Request, into reply: inout Reply) throws(Errno) { throw .enosys }
    public func syncfs(_ request: Request) throws(Errno) { throw .enosys }
    public func open(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func create(_ request: Request, _ name: Name, _ arguments: fuse_create_in, into reply: inout Reply)
        throws(Errno)
    { throw .enosys }
    public func tmpfile(_ request: Request, _ arguments: fuse_create_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func read(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func write(_ request: Request, _ arguments: fuse_write_in, _ data: RawSpan, into reply: inout Reply)
        throws(Errno)
    { throw .enosys }
    public func flush(_ request: Request, _ arguments: fuse_flush_in) throws(Errno) { throw .enosys }
    public func release(_ request: Request, _ arguments: fuse_release_in) throws(Errno) { throw .enosys }
    public func fsync(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) { throw .enosys }
    public func fallocate(_ request: Request, _ arguments: fuse_fallocate_in) throws(Errno) { throw .enosys }
    public func lseek(_ request: Request, _ arguments: fuse_lseek_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func copyFileRange(_ request: Request, _ arguments: fuse_copy_file_range_in, limit: UInt64)
        throws(Errno) -> UInt64
    { throw .enosys }
    public func ioctl(_ request: Request, _ arguments: fuse_ioctl_in, _ input: RawSpan, into reply: inout Reply)
        throws(Errno)
    { throw .enosys }
    public func poll(_ request: Request, _ arguments: fuse_poll_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func bmap(_ request: Request, _ arguments: fuse_bmap_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func opendir(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func readdir(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func readdirplus(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func releasedir(_ request: Request, _ arguments: fuse_release_in) throws(Errno) { throw .enosys }
    public func fsyncdir(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) { throw .enosys }
    public func setxattr(_ request: Request, _ name: Name, _ value: RawSpan, flags: UInt32, extended: UInt32)
        throws(Errno)
    { throw .enosys }
    public func getxattr(_ request: Request, _ name: Name, size: UInt32, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func listxattr(_ request: Request, size: UInt32, into reply: inout Reply) throws(Errno) { throw .enosys }
    public func removexattr(_ request: Request, _ name: Name) throws(Errno) { throw .enosys }
    public func getlk(_ request: Request, _ arguments: fuse_lk_in, into reply: inout Reply) throws(Errno) {
        throw .enosys
    }
    public func setlk(_ request: Request, _ arguments: fuse_lk_in, wait: Bool, into reply: inout Reply)
        throws(Errno)
    { throw .enosys }
    public func interrupt(unique: UInt64) {}
    public func destroy() {}
}
