import CLinux
import Glibc
import StackCore
import SystemCalls

/// How a mark is taken off again: by the directory's file handle, or by a descriptor where handles cannot be opened.
struct FanotifyMark: DirectoryMark {
    let handle: linux_file_handle
    let needsDescriptor: Bool
    /// Numbers in file handles are those of statx(2).
    let handlesTellInodes: Bool
}

extension FanotifyGroup: NotificationGroup {
    var number: Int32 { descriptor.number }

    var markLimit: Int { isPrivileged ? 1 << 15 : 1 << 9 }

    borrowing func mark(_ directory: Int32) throws(Errno) -> (FileIdentifier, FanotifyMark) {
        var status = linux_statfs()
        try checked(linux_fstatfs(directory, &status))
        var handle = linux_file_handle()
        var mount: Int32 = 0
        let room = UInt32(MemoryLayout.size(ofValue: handle.data))
        handle.bytes = room
        var isForOpening = true
        let result = linux_name_to_handle_at(directory, "", &handle, &mount, LINUX_AT_EMPTY_PATH)
        if result == Int64(-EOPNOTSUPP) {
            // An overlay without nfs_export: a handle that only identifies (Linux 6.5), by a number of the overlay's own if its layers
            // are such overlays again.
            isForOpening = false
            handle.bytes = room
            try checked(
                linux_name_to_handle_at(directory, "", &handle, &mount, LINUX_AT_EMPTY_PATH | LINUX_AT_HANDLE_FID))
        } else {
            try checked(result)
        }
        try add(directory)
        return (
            FileIdentifier(fsid: (status.fsid.0, status.fsid.1), handle),
            FanotifyMark(
                handle: handle, needsDescriptor: !isForOpening || !isPrivileged, handlesTellInodes: isForOpening)
        )
    }

    borrowing func unmark(_ key: FileIdentifier, _ directory: MarkedDirectory<FanotifyMark>, _ sink: any ChangeSink) {
        if directory.descriptor >= 0 { return remove(directory.descriptor) }
        guard let opened = sink.openDirectory(directory.mark.handle, on: directory.inode.device) else { return }
        remove(opened)
        _ = linux_close(opened)
    }

    borrowing func report(
        _ buffer: UnsafeRawBufferPointer, _ marks: inout MarkedDirectories<FanotifyGroup>, _ sink: any ChangeSink
    ) -> Bool {
        // Of this process's own system calls the kernel's FUSE side knows. What the kernel does by passthrough is the caller's.
        let process = getpid()
        return FanotifyEvent.forEach(in: buffer) { event in
            if event.mask & LINUX_FAN_Q_OVERFLOW != 0 { return sink.changesLost() }
            guard event.process != process, let key = event.directory, let directory = marks[key] else { return }
            let isSelf = event.name.elementsEqual(CollectionOfOne(UInt8(ascii: ".")))
            let target = event.target.flatMap {
                directory.mark.handlesTellInodes ? LowerInode(device: directory.inode.device, $0) : nil
            }
            DirectoryEvent(
                mask: UInt32(truncatingIfNeeded: event.mask),
                name: isSelf ? UnsafeRawBufferPointer(start: nil, count: 0) : event.name, target: target
            ).report(of: directory.inode, directory.nodes, to: sink)
        }
    }
}
