import CLinux
import Glibc
import StackCore
import SystemCalls

/// From events to changes.
struct FanotifyReader {
    let sink: any ChangeSink
    /// This one, whose own system calls the kernel's FUSE side knows of. What the kernel does by passthrough is the caller's.
    let process: Int32

    /// Reports what was read; false if it makes no sense.
    func report(_ buffer: UnsafeRawBufferPointer, _ marks: borrowing MarkedDirectories) -> Bool {
        FanotifyEvent.forEach(in: buffer) { event in
            if event.mask & LINUX_FAN_Q_OVERFLOW != 0 { return sink.changesLost() }
            guard event.process != process, let identifier = event.directory, let directory = marks[identifier] else {
                return
            }
            report(event, directory)
        }
    }

    private func report(_ event: FanotifyEvent, _ directory: MarkedDirectories.Directory) {
        if event.name.elementsEqual([UInt8(ascii: ".")]) { return sink.attributesChanged(directory.inode) }
        let names = LINUX_FAN_CREATE | LINUX_FAN_DELETE | LINUX_FAN_MOVED_FROM | LINUX_FAN_MOVED_TO
        let target = target(of: event, directory)
        if event.mask & names != 0 {
            sink.entryChanged(event.name, in: directory.inode)
            // Its link count, its time of change. No event tells of those of what a rename has replaced.
            if let target { sink.attributesChanged(target) }
        }
        guard let target else { return }
        if event.mask & LINUX_FAN_MODIFY != 0 {
            sink.dataChanged(target)
        } else if event.mask & LINUX_FAN_ATTRIB != 0 {
            sink.attributesChanged(target)
        }
    }

    /// The inode that the event is about: by its handle, else by what the name leads to now. Where that is another by now, an event of
    /// that follows.
    private func target(of event: FanotifyEvent, _ directory: MarkedDirectories.Directory) -> LowerInode? {
        if directory.handlesTellInodes, let handle = event.target,
            let inode = LowerInode(device: directory.inode.device, handle)
        {
            return inode
        }
        var result: LowerInode?
        var name = Array(event.name) + [0]
        for node in directory.nodes where result == nil {
            _ = sink.withDirectory(node) { descriptor in
                var status = linux_statx()
                let flags = LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_NO_AUTOMOUNT
                let found = name.withUnsafeMutableBytes { bytes in
                    linux_statx_at(
                        descriptor, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), flags,
                        LINUX_STATX_BASIC_STATS,
                        &status)
                }
                if found == 0 { result = LowerInode(status) }
            }
        }
        return result
    }
}
