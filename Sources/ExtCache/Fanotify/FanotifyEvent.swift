import CLinux

/// One event: what happened to a name in a directory, or to what it leads to. Valid as long as the buffer that it was read into.
struct FanotifyEvent {
    let mask: UInt64
    /// The process that did it; 0 if it is in another pid namespace, or another's and the group is an ordinary user's.
    let process: Int32
    private(set) var directory: FileIdentifier?
    /// "." for the directory itself.
    private(set) var name = UnsafeRawBufferPointer(start: nil, count: 0)
    /// What the name leads to, or led to.
    private(set) var target: linux_file_handle?

    /// Calls `body` for each event in what was read; false if it makes no sense.
    static func forEach(in buffer: UnsafeRawBufferPointer, _ body: (FanotifyEvent) -> Void) -> Bool {
        var rest = buffer[...]
        while !rest.isEmpty {
            let bytes = UnsafeRawBufferPointer(rebasing: rest)
            guard bytes.count >= MemoryLayout<linux_fanotify_event>.size else { return false }
            let header = bytes.loadUnaligned(as: linux_fanotify_event.self)
            let length = Int(header.length)
            let metadata = Int(header.metadata_length)
            guard header.version == 3, metadata >= 24, length >= metadata, length <= bytes.count else { return false }
            body(FanotifyEvent(header, UnsafeRawBufferPointer(rebasing: bytes[metadata..<length])))
            rest = rest.dropFirst(length)
        }
        return true
    }

    private init(_ header: linux_fanotify_event, _ records: UnsafeRawBufferPointer) {
        mask = header.mask
        process = header.pid
        var rest = records[...]
        let size = MemoryLayout<linux_fanotify_record>.size
        while rest.count >= size {
            let bytes = UnsafeRawBufferPointer(rebasing: rest)
            let record = bytes.loadUnaligned(as: linux_fanotify_record.self)
            let length = Int(record.length)
            guard length >= size, length <= bytes.count, Int(record.handle_bytes) <= length - size else { return }
            take(record, UnsafeRawBufferPointer(rebasing: bytes[size..<length]))
            rest = rest.dropFirst(length)
        }
    }

    private mutating func take(_ record: linux_fanotify_record, _ body: UnsafeRawBufferPointer) {
        let bytes = Int(record.handle_bytes)
        let handle = UnsafeRawBufferPointer(rebasing: body[..<bytes])
        switch record.type {
        case LINUX_FAN_EVENT_INFO_TYPE_DFID_NAME:
            directory = FileIdentifier(fsid: (record.fsid.0, record.fsid.1), type: record.handle_type, handle: handle)
            let name = body[bytes...].prefix { $0 != 0 }
            self.name = UnsafeRawBufferPointer(rebasing: name)
        case LINUX_FAN_EVENT_INFO_TYPE_FID:
            var target = linux_file_handle()
            guard bytes <= MemoryLayout.size(ofValue: target.data) else { return }
            target.bytes = record.handle_bytes
            target.type = record.handle_type
            withUnsafeMutableBytes(of: &target.data) { $0.copyMemory(from: handle) }
            self.target = target
        default: return
        }
    }
}
