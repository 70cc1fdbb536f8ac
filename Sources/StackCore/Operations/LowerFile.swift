import CLinux
import FuseKernel
import Glibc
import SystemCalls

/// The lower file of a request for the length of one operation: an open file's, or one that was opened for the request alone.
struct LowerFile: ~Copyable {
    let descriptor: Int32
    let node: NodeID
    private let open: OpenFileReference?
    private let temporary: Descriptor?

    fileprivate init(_ open: consuming OpenFileReference, _ descriptor: Int32) {
        self.descriptor = descriptor
        node = open.node
        self.open = consume open
        temporary = nil
    }

    fileprivate init(_ temporary: consuming Descriptor, _ node: NodeID) {
        descriptor = temporary.number
        self.node = node
        open = nil
        self.temporary = consume temporary
    }

    /// Opened for this request, with what flags it asks for.
    var isTemporary: Bool { temporary != nil }

    /// The flags of the open file as they are now, nil if the file was opened for this request.
    var flags: UInt32? {
        switch open {
        case .some(let open): open.flags
        case nil: nil
        }
    }

    func setFlags(_ flags: UInt32) {
        switch open {
        case .some(let open): open.flags = flags
        case nil: break
        }
    }
}

extension Mirror {
    /// The lower file behind a handle. A file that was opened without its lower file (``openNode(_:_:_:)``) gets it now; a request
    /// without a handle, where the kernel sends no OPEN or no OPENDIR, has its node's file opened with `flags`.
    ///
    /// - Throws: `.ebadf` for an unknown handle, `.enxio` for a node that must not be opened, and what open(2) gives.
    func lowerFile(_ nodeid: UInt64, _ handle: UInt64, flags: Int32) throws(Errno) -> LowerFile {
        if handle == 0, !opensFiles || !opensDirectories {
            let id = NodeID(rawValue: nodeid)
            return LowerFile(try openLower(id, flags), id)
        }
        let file = try files.borrow(handle)
        if file.descriptor >= 0 {
            let descriptor = file.descriptor
            return LowerFile(file, descriptor)
        }
        let descriptor = file.install(try openLower(file.node, lowerFlags(file.flags) & ~O_TRUNC))
        return LowerFile(file, descriptor)
    }

    private func openLower(_ id: NodeID, _ flags: Int32) throws(Errno) -> Descriptor {
        let node = try nodes.borrow(id)
        let inode = node.descriptor
        let status = try Lower.status(of: inode)
        if status.isDirectory { return try LowerReference.openDirectory(inode) }
        guard status.isRegular, !opensFiles || flags & O_ACCMODE == O_RDONLY else { throw .enxio }
        return try withRoomForDescriptors { () throws(Errno) in
            try Lower.reopen(inode, flags & ~O_TRUNC | O_NONBLOCK | LINUX_O_LARGEFILE)
        }
    }
}
