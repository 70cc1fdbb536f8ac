import CLinux
import Glibc
import SystemCalls

extension Negotiation {
    /// Waits for the kernel's INIT on an open device and answers it.
    static func shakeHands(_ descriptor: Int32, _ options: SessionOptions) throws(SessionError) -> Negotiation {
        // Any buffer must have room for the largest write before the kernel gives out a message.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: (1 << 20) + 4096, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            let (header, request) = try readInit(descriptor, buffer)
            if request.major > protocolMajor {
                // A newer kernel takes our version from this and sends INIT again, in that one.
                try answer(descriptor, header.unique, fuse_init_out(major: protocolMajor, minor: newestMinor))
                continue
            }
            do throws(SessionError) {
                let (negotiation, body) = try settle(request, options)
                try answer(descriptor, header.unique, body)
                return negotiation
            } catch {
                refuse(descriptor, header.unique)
                throw error
            }
        }
    }

    private static func readInit(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) throws(SessionError)
        -> (fuse_in_header, fuse_init_in)
    {
        let length = try readMessage(descriptor, buffer)
        let headerSize = MemoryLayout<fuse_in_header>.size
        // Before 7.36 the message ends after `flags`.
        let shortest = headerSize + 16
        guard length >= shortest else { throw .malformedInit }
        let header = buffer.loadUnaligned(as: fuse_in_header.self)
        guard header.opcode == Opcode.initialize.rawValue, header.len == length else { throw .malformedInit }
        var request = fuse_init_in()
        withUnsafeMutableBytes(of: &request) { bytes in
            bytes.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: buffer[headerSize..<min(length, headerSize + bytes.count)]))
        }
        return (header, request)
    }

    private static func readMessage(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) throws(SessionError)
        -> Int
    {
        while true {
            let length = linux_read(descriptor, buffer.baseAddress!, buffer.count)
            switch length {
            case 1...: return Int(length)
            case Int64(-EINTR): continue
            case Int64(-EAGAIN):
                // Only of a descriptor that somebody else opened with O_NONBLOCK.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                _ = poll(&waiting, 1, -1)
            case 0, Int64(-ENODEV), Int64(-ECONNABORTED): throw .connectionEnded
            default: throw .system(Errno(rawValue: Int32(-length)))
            }
        }
    }

    private struct Answer {
        var header: fuse_out_header
        var body: fuse_init_out
    }

    private static func answer(_ descriptor: Int32, _ unique: UInt64, _ body: fuse_init_out) throws(SessionError) {
        let length = MemoryLayout<Answer>.size
        var answer = Answer(header: fuse_out_header(len: UInt32(length), error: 0, unique: unique), body: body)
        let written = linux_write(descriptor, &answer, length)
        if written < 0 { throw .system(Errno(rawValue: Int32(-written))) }
    }

    /// Without an answer the mount's users would wait as long as anybody holds the descriptor.
    private static func refuse(_ descriptor: Int32, _ unique: UInt64) {
        let length = MemoryLayout<fuse_out_header>.size
        var header = fuse_out_header(len: UInt32(length), error: -EPROTO, unique: unique)
        _ = linux_write(descriptor, &header, length)
    }
}

extension fuse_init_out {
    fileprivate init(major: UInt32, minor: UInt32) {
        self.init()
        self.major = major
        self.minor = minor
    }
}
