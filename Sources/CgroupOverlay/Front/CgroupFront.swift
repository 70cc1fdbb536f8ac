import StackCore
import SystemCalls

/// A tree of control groups as an overlay of a mount: each operation is the tree's own.
public final class CgroupFront: Overlay {
    public let tree: CgroupTree

    public init(_ tree: CgroupTree) { self.tree = tree }

    public var root: UInt64 { tree.root.rawValue }

    public func lookUp(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(Errno) -> OverlayAttributes {
        try attributes(of: tree.lookUp(name, in: CgroupNode(rawValue: parent)).rawValue)
    }

    public func parent(of node: UInt64) throws(Errno) -> UInt64 {
        try tree.parent(of: CgroupNode(rawValue: node)).rawValue
    }

    public func attributes(of node: UInt64) throws(Errno) -> OverlayAttributes {
        OverlayAttributes(try tree.attributes(of: CgroupNode(rawValue: node)))
    }

    public func setAttributes(of node: UInt64, _ change: OverlayAttributeChange) throws(Errno) -> OverlayAttributes {
        var wanted = CgroupAttributeChange()
        wanted.mode = change.mode
        wanted.uid = change.uid
        wanted.gid = change.gid
        wanted.accessed = change.accessed
        wanted.modified = change.modified
        return OverlayAttributes(try tree.setAttributes(of: CgroupNode(rawValue: node), wanted))
    }

    public func entries(
        of directory: UInt64, from offset: UInt64, _ body: (UnsafeRawBufferPointer, UInt64, UInt32, UInt64) -> Bool
    ) throws(Errno) {
        try tree.entries(of: CgroupNode(rawValue: directory), from: offset) { body($0, $1.rawValue, $2, $3) }
    }

    public func readLink(_ node: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try tree.readLink(CgroupNode(rawValue: node), into: buffer)
    }

    public func open(_ node: UInt64, flags: Int32, _ caller: OverlayCaller) throws(Errno) -> UInt64 {
        try tree.open(CgroupNode(rawValue: node), flags: flags, CgroupCaller(caller))
    }

    public func read(_ handle: UInt64, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno)
        -> Int
    { try tree.read(handle, at: offset, into: buffer) }

    public func write(_ handle: UInt64, _ bytes: UnsafeRawBufferPointer, _ caller: OverlayCaller) throws(Errno) -> Int {
        try tree.write(handle, bytes, CgroupCaller(caller))
    }

    public func poll(_ handle: UInt64) throws(Errno) -> UInt32 { try tree.poll(handle).rawValue }

    public func release(_ handle: UInt64) { tree.release(handle) }

    public func makeDirectory(
        _ name: UnsafeRawBufferPointer, in parent: UInt64, mode: UInt32, _ caller: OverlayCaller
    ) throws(Errno) -> OverlayAttributes {
        OverlayAttributes(
            try tree.makeDirectory(name, in: CgroupNode(rawValue: parent), mode: mode, CgroupCaller(caller)))
    }

    public func removeDirectory(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(Errno) {
        try tree.removeDirectory(name, in: CgroupNode(rawValue: parent))
    }

    public func rename(
        _ name: UnsafeRawBufferPointer, in parent: UInt64, to newName: UnsafeRawBufferPointer, in newParent: UInt64,
        flags: UInt32
    ) throws(Errno) {
        try tree.rename(
            name, in: CgroupNode(rawValue: parent), to: newName, in: CgroupNode(rawValue: newParent), flags: flags)
    }

    public func refusal(of what: OverlayRefused) -> Errno {
        switch what {
        case .create: tree.refusal(of: .create)
        case .makeNode: tree.refusal(of: .makeNode)
        case .symlink: tree.refusal(of: .symlink)
        case .link: tree.refusal(of: .link)
        case .unlink: tree.refusal(of: .unlink)
        }
    }

    public func attribute(_ name: UnsafeRawBufferPointer, of node: UInt64) throws(Errno) -> [UInt8] {
        try tree.attribute(name, of: CgroupNode(rawValue: node))
    }

    public func setAttribute(
        _ name: UnsafeRawBufferPointer, of node: UInt64, to value: UnsafeRawBufferPointer, flags: UInt32
    ) throws(Errno) {
        try tree.setAttribute(name, of: CgroupNode(rawValue: node), to: value, flags: flags)
    }

    public func removeAttribute(_ name: UnsafeRawBufferPointer, of node: UInt64) throws(Errno) {
        try tree.removeAttribute(name, of: CgroupNode(rawValue: node))
    }

    public func attributeNames(of node: UInt64) throws(Errno) -> [UInt8] {
        try tree.attributeNames(of: CgroupNode(rawValue: node))
    }

    public func changesNames(_ node: UInt64) -> Bool { tree.changesFiles(CgroupNode(rawValue: node)) }

    public func tellsChanges(of node: UInt64) -> Bool { tree.tellsChanges(of: CgroupNode(rawValue: node)) }

    public func onChange(_ call: @escaping @Sendable (UInt64) -> Void) { tree.onChange { call($0.rawValue) } }
}

extension CgroupCaller {
    fileprivate init(_ caller: OverlayCaller) { self.init(thread: caller.thread, uid: caller.uid, gid: caller.gid) }
}

extension OverlayAttributes {
    fileprivate init(_ attributes: CgroupAttributes) {
        self.init(
            node: attributes.node.rawValue, mode: attributes.mode, links: attributes.links, uid: attributes.uid,
            gid: attributes.gid, size: attributes.size, accessed: attributes.accessed, modified: attributes.modified,
            changed: attributes.changed)
    }
}
