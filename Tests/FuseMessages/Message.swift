import CLinux
import FuseKernel

/// A message of the kernel in the making: a header, structures, strings, extensions. Its lengths are right unless they are
/// tampered with afterwards.
public struct Message: Sendable {
    public var unique: UInt64 = 1
    public var nodeid: UInt64
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    public var pid: UInt32 = 0
    public let opcode: UInt32
    /// What follows the header.
    public var body: [UInt8] = []
    /// What follows the body, counted in units of 8 bytes in the header.
    public var extensions: [UInt8] = []

    public init(opcode: UInt32, nodeid: UInt64 = 0) {
        self.opcode = opcode
        self.nodeid = nodeid
    }

    public init(_ opcode: Opcode, nodeid: UInt64 = 0) {
        self.init(opcode: opcode.rawValue, nodeid: nodeid)
    }

    /// Appends a structure of the protocol.
    public consuming func with<T: BitwiseCopyable>(_ structure: T) -> Message {
        withUnsafeBytes(of: structure) { body += $0 }
        return self
    }

    /// Appends a string and its zero byte.
    public consuming func with(string: [UInt8]) -> Message {
        body += string + [0]
        return self
    }

    public consuming func with(_ string: String) -> Message { with(string: Array(string.utf8)) }

    /// Appends bytes as they are.
    public consuming func with(data: [UInt8]) -> Message {
        body += data
        return self
    }

    /// Appends an extension of the given type (struct fuse_ext_header), padded to 8 bytes.
    public consuming func with(extensionType type: UInt32, words: [UInt32]) -> Message {
        let size = 8 + words.count * 4
        let padded = (size + 7) / 8 * 8
        withUnsafeBytes(of: fuse_ext_header(size: UInt32(padded), type: type)) { extensions += $0 }
        for word in words { withUnsafeBytes(of: word) { extensions += $0 } }
        extensions += Array(repeating: 0, count: padded - size)
        return self
    }

    /// The caller.
    public consuming func from(uid: UInt32, gid: UInt32, pid: UInt32) -> Message {
        self.uid = uid
        self.gid = gid
        self.pid = pid
        return self
    }

    public consuming func numbered(_ unique: UInt64) -> Message {
        self.unique = unique
        return self
    }

    /// The message as the kernel would hand it over.
    public var bytes: [UInt8] {
        let length = MemoryLayout<fuse_in_header>.size + body.count + extensions.count
        let header = fuse_in_header(
            len: UInt32(length), opcode: opcode, unique: unique, nodeid: nodeid, uid: uid, gid: gid, pid: pid,
            total_extlen: UInt16(truncatingIfNeeded: extensions.count / 8), padding: 0)
        return withUnsafeBytes(of: header, Array.init) + body + extensions
    }
}

extension Array<UInt8> {
    /// The first bytes of a message, with the header's length made to agree.
    public func truncated(to count: Int) -> [UInt8] {
        var bytes = Array(prefix(count))
        bytes.setLength()
        return bytes
    }

    /// Makes the header's length agree with the bytes there are.
    public mutating func setLength() {
        guard count >= 4 else { return }
        Swift.withUnsafeBytes(of: UInt32(count)) { self.replaceSubrange(0..<4, with: $0) }
    }

    /// The structure that lies at an offset.
    public func structure<T: BitwiseCopyable>(_ type: T.Type, at offset: Int = 0) -> T {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
    }
}
