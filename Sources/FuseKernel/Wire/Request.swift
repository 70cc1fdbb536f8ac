import CLinux
import SystemCalls

/// Who asks for what: the header of a request, checked.
public struct Request: Sendable {
    /// The request's number; bit 63 says that it is sent again (FUSE_UNIQUE_RESEND, 7.40).
    public let unique: UInt64
    /// The operation's code as it came; it may be one that ``Opcode`` does not know.
    public let opcode: UInt32
    /// The node that the operation is on, 0 where it has none.
    public let nodeid: UInt64
    /// The caller's fsuid and fsgid.
    public let uid: UInt32
    public let gid: UInt32
    /// The caller's thread id, 0 when it is outside the daemon's pid namespace.
    public let pid: UInt32
    /// The caller's one supplementary group that owns the parent directory, where the kernel tells it
    /// (FUSE_CREATE_SUPP_GROUP, 7.38).
    public var supplementaryGroup: UInt32?

    /// A request of the given header.
    @inlinable
    public init(_ header: fuse_in_header) {
        unique = header.unique
        opcode = header.opcode
        nodeid = header.nodeid
        uid = header.uid
        gid = header.gid
        pid = header.pid
        supplementaryGroup = nil
    }
}

/// A name in a directory, or another string of a request: bytes ended by a zero byte, valid as long as the request is.
public struct Name: ~Escapable {
    /// The bytes, ended by a zero byte.
    public let pointer: UnsafePointer<CChar>
    /// The length without the zero byte.
    public let count: Int

    @_lifetime(borrow pointer)
    init(pointer: UnsafePointer<CChar>, count: Int) {
        self.pointer = pointer
        self.count = count
    }

    /// A name read from elsewhere than a request, from a listing for instance: it lives as long as the memory it lies in.
    @_lifetime(borrow start)
    public init(unsafe start: UnsafePointer<CChar>, count: Int) {
        pointer = start
        self.count = count
    }

    /// The name of a C string that lives for ever, a literal.
    @_lifetime(immortal)
    public init(_ literal: StaticString) {
        pointer = UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
        count = literal.utf8CodeUnitCount
    }
}

/// Reads the arguments of one request in order, checking each length: what does not fit is EINVAL, never a crash.
///
/// The kernel is trusted, but a descriptor may have been handed in by somebody else (`--fuse-fd`).
struct Arguments: ~Escapable {
    private var cursor: UnsafeRawPointer
    private let end: UnsafeRawPointer

    @_lifetime(borrow bytes)
    init(_ bytes: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; any will do where nothing is read.
        cursor = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!
        end = cursor + bytes.count
    }

    var remaining: Int { end - cursor }

    /// The next fixed structure.
    @_lifetime(self: copy self)
    mutating func take<T: BitwiseCopyable>(_ type: T.Type) throws(Errno) -> T {
        guard remaining >= MemoryLayout<T>.size else { throw .einval }
        defer { cursor += MemoryLayout<T>.size }
        return cursor.loadUnaligned(as: type)
    }

    /// The next string, ended by a zero byte.
    @_lifetime(copy self)
    @_lifetime(self: copy self)
    mutating func string() throws(Errno) -> Name {
        let start = cursor.assumingMemoryBound(to: CChar.self)
        var length = 0
        while length < remaining {
            if start[length] == 0 {
                cursor += length + 1
                return _overrideLifetime(Name(pointer: start, count: length), copying: self)
            }
            length += 1
        }
        throw .einval
    }

    /// The next name that an entry of a directory can have: not empty, without a slash, neither "." nor "..".
    @_lifetime(copy self)
    @_lifetime(self: copy self)
    mutating func name(dotsAllowed: Bool = false) throws(Errno) -> Name {
        let name = try string()
        guard name.count > 0 else { throw .einval }
        for index in 0..<name.count where name.pointer[index] == slash { throw .einval }
        if !dotsAllowed, name.pointer[0] == dot, name.count == 1 || (name.count == 2 && name.pointer[1] == dot) {
            throw .einval
        }
        return name
    }

    /// The next `count` bytes.
    @_lifetime(copy self)
    @_lifetime(self: copy self)
    mutating func bytes(_ count: Int) throws(Errno) -> RawSpan {
        guard count >= 0, remaining >= count else { throw .einval }
        defer { cursor += count }
        let span = RawSpan(_unsafeStart: cursor, byteCount: count)
        return _overrideLifetime(span, copying: self)
    }
}

private let slash = CChar(UInt8(ascii: "/"))
private let dot = CChar(UInt8(ascii: "."))
