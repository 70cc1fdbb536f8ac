import CLinux

/// One event of inotify(7). Valid as long as the buffer that it was read into.
struct InotifyEvent {
    /// The number that inotify_add_watch(2) gave; -1 when events were lost.
    let watch: Int32
    let mask: UInt32
    /// Empty for the directory itself.
    let name: UnsafeRawBufferPointer

    /// Calls `body` for each event in what was read; false if it makes no sense.
    static func forEach(in buffer: UnsafeRawBufferPointer, _ body: (InotifyEvent) -> Void) -> Bool {
        let size = MemoryLayout<linux_inotify_event>.size
        var rest = buffer[...]
        while !rest.isEmpty {
            let bytes = UnsafeRawBufferPointer(rebasing: rest)
            guard bytes.count >= size else { return false }
            let header = bytes.loadUnaligned(as: linux_inotify_event.self)
            let length = Int(header.length)
            guard length <= bytes.count - size else { return false }
            let name = bytes[size..<size + length].prefix { $0 != 0 }
            body(InotifyEvent(watch: header.watch, mask: header.mask, name: UnsafeRawBufferPointer(rebasing: name)))
            rest = rest.dropFirst(size + length)
        }
        return true
    }
}
