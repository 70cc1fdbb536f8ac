import CLinux
import StackCore

/// What has happened to a name in a marked directory, or to what it leads to.
struct DirectoryEvent {
    /// In the bits of inotify(7), which are fanotify's too.
    let mask: UInt32
    /// Empty for the directory itself.
    let name: UnsafeRawBufferPointer
    /// What the name leads to, or led to, where the event says so.
    let target: LowerInode?

    func report(of directory: LowerInode, _ nodes: [NodeID], to sink: any ChangeSink) {
        if name.isEmpty { return sink.attributesChanged(directory) }
        let names = LINUX_IN_CREATE | LINUX_IN_DELETE | LINUX_IN_MOVED_FROM | LINUX_IN_MOVED_TO
        let found = target ?? Self.inode(behind: name, nodes, sink)
        if mask & names != 0 {
            sink.entryChanged(name, in: directory)
            // Its link count, its time of change. No event tells of those of what a rename has replaced.
            if let found {
                if target == nil, mask & LINUX_IN_MOVED_TO != 0 {
                    // What was written under the old name just before was looked for there, and not found any more.
                    sink.dataChanged(found)
                } else {
                    sink.attributesChanged(found)
                }
            }
        }
        guard let found else { return }
        if mask & LINUX_IN_MODIFY != 0 {
            sink.dataChanged(found)
        } else if mask & LINUX_IN_ATTRIB != 0 {
            sink.attributesChanged(found)
        }
    }

    /// The inode that a name leads to now, nil for none. Where that is another than at the event, an event of that follows.
    static func inode(
        behind name: UnsafeRawBufferPointer, _ nodes: [NodeID], _ sink: any ChangeSink
    ) -> LowerInode? {
        var result: LowerInode?
        var name = Array(name) + [0]
        for node in nodes where result == nil {
            _ = sink.withDirectory(node) { descriptor in
                var status = linux_statx()
                let flags = LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_NO_AUTOMOUNT
                let found = name.withUnsafeMutableBytes { bytes in
                    linux_statx_at(
                        descriptor, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), flags,
                        LINUX_STATX_BASIC_STATS, &status)
                }
                if found == 0 { result = LowerInode(status) }
            }
        }
        return result
    }
}
