import CLinux
import FuseKernel
import Glibc
import Synchronization
import SystemCalls

/// A node of an overlaid mount, by its FUSE number.
enum OverlaidNode {
    /// One of the mirror's.
    case lower
    /// A node of the overlay of this index.
    case overlay(Int, UInt64)
    /// A directory that is shown on the way to an overlay and that the lower directory lacks; its index in ``WayTable``.
    case way(Int)

    /// Bit 62 tells ids that ``NodeTable`` never gives out; bits 56..<62 are the overlay's index, and below is its node.
    private static let mark: UInt64 = 1 << 62
    private static let wayIndex = 63
    /// Overlays that a mount can have.
    static let mostOverlays = 63

    init(_ nodeid: UInt64) {
        guard nodeid & Self.mark != 0 else {
            self = .lower
            return
        }
        let index = Int(nodeid >> 56 & 63)
        let node = nodeid & (1 << 56 - 1)
        self = index == Self.wayIndex ? .way(Int(node)) : .overlay(index, node)
    }

    /// The number for the kernel, and the inode number: lower ones that have bit 62 set are those of the 2^14th file system below the
    /// root, of which there are never so many.
    static func number(_ index: Int, _ node: UInt64) -> UInt64 { mark | UInt64(index) << 56 | node }
    static func number(way: Int) -> UInt64 { number(wayIndex, UInt64(way)) }
}

/// Directories that are shown although the lower directory lacks them, by path. They are few: only plain components of patterns make
/// them.
final class WayTable: Sendable {
    private let paths = Mutex<(list: [[String]], index: [[String]: Int])>(([], [:]))
    static let most = 1 << 16

    /// - Throws: ENOSPC when a pattern with wildcards has brought about too many.
    func index(of path: [String]) throws(Errno) -> Int {
        let index: Int? = paths.withLock { paths in
            if let known = paths.index[path] { return known }
            if paths.list.count == Self.most { return nil }
            paths.index[path] = paths.list.count
            paths.list.append(path)
            return paths.list.count - 1
        }
        guard let index else { throw .enospc }
        return index
    }

    /// - Throws: ESTALE.
    func path(_ index: Int) throws(Errno) -> [String] {
        let path = paths.withLock { $0.list.indices.contains(index) ? $0.list[index] : nil }
        guard let path else { throw .estale }
        return path
    }
}

extension Mirror {
    /// Where a directory of the mirror is now, as components below the lower root; nil where it has no place there.
    ///
    /// The kernel tells the path (/proc/self/fd): renames, also those behind the mount, cannot outdate what is not kept.
    func path(of nodeid: UInt64) throws(Errno) -> [String]? {
        if nodeid == NodeID.root.rawValue { return [] }
        let node = try nodes.borrow(NodeID(rawValue: nodeid))
        let root = try nodes.borrow(.root)
        guard let path = Self.path(node.descriptor), let above = Self.path(root.descriptor) else { return nil }
        let (parts, prefix) = (path.split(separator: "/"), above.split(separator: "/"))
        guard parts.count > prefix.count, parts.starts(with: prefix) else { return nil }
        return parts.dropFirst(prefix.count).map(String.init)
    }

    private static func path(_ descriptor: Int32) -> String? {
        withUnsafeTemporaryAllocation(byteCount: Int(PATH_MAX), alignment: 1) { buffer in
            let length = DescriptorPath(descriptor).withPointer {
                linux_readlinkat(LINUX_AT_FDCWD, $0, buffer.baseAddress!, buffer.count)
            }
            guard length > 0, length < Int64(buffer.count) else { return nil }
            return String(decoding: UnsafeRawBufferPointer(rebasing: buffer[..<Int(length)]), as: UTF8.self)
        }
    }

    /// Whether the lower directory has the name.
    func lowerHas(_ name: String, in nodeid: UInt64) throws(Errno) -> Bool {
        let node = try nodes.borrow(NodeID(rawValue: nodeid))
        return name.withCString { pointer in
            var status = linux_statx()
            return linux_statx_at(
                node.descriptor, pointer, LINUX_AT_NO_AUTOMOUNT | LINUX_AT_SYMLINK_NOFOLLOW, 0, &status) == 0
        }
    }
}
