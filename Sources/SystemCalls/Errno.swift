import Glibc

/// An error number of the kernel, errno(3): the one error type of the request path.
///
/// It is thrown typed (`throws(Errno)`), so that throwing costs no allocation, and becomes the error field of a reply at one
/// place, the dispatcher of FuseKernel.
public struct Errno: Error, RawRepresentable, Equatable, Hashable, Sendable {
    /// The positive error number, 1...4095.
    public let rawValue: Int32

    /// An error of the given positive number.
    @inlinable
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// The error that the last call into libc left in this thread's errno.
    public static var last: Errno { Errno(rawValue: Glibc.errno) }
}

extension Errno: CustomStringConvertible {
    /// The sentence of strerror(3), "No such file or directory".
    public var description: String { String(cString: strerror(rawValue)) }
}

extension Errno {
    public static let eperm = Errno(rawValue: EPERM)
    public static let enoent = Errno(rawValue: ENOENT)
    public static let esrch = Errno(rawValue: ESRCH)
    public static let eintr = Errno(rawValue: EINTR)
    public static let eio = Errno(rawValue: EIO)
    public static let enxio = Errno(rawValue: ENXIO)
    public static let e2big = Errno(rawValue: E2BIG)
    public static let ebadf = Errno(rawValue: EBADF)
    public static let eagain = Errno(rawValue: EAGAIN)
    public static let enomem = Errno(rawValue: ENOMEM)
    public static let eacces = Errno(rawValue: EACCES)
    public static let efault = Errno(rawValue: EFAULT)
    public static let ebusy = Errno(rawValue: EBUSY)
    public static let eexist = Errno(rawValue: EEXIST)
    public static let exdev = Errno(rawValue: EXDEV)
    public static let enodev = Errno(rawValue: ENODEV)
    public static let enotdir = Errno(rawValue: ENOTDIR)
    public static let eisdir = Errno(rawValue: EISDIR)
    public static let einval = Errno(rawValue: EINVAL)
    public static let enfile = Errno(rawValue: ENFILE)
    public static let emfile = Errno(rawValue: EMFILE)
    public static let enotty = Errno(rawValue: ENOTTY)
    public static let efbig = Errno(rawValue: EFBIG)
    public static let enospc = Errno(rawValue: ENOSPC)
    public static let espipe = Errno(rawValue: ESPIPE)
    public static let erofs = Errno(rawValue: EROFS)
    public static let emlink = Errno(rawValue: EMLINK)
    public static let erange = Errno(rawValue: ERANGE)
    public static let edeadlk = Errno(rawValue: EDEADLK)
    public static let enametoolong = Errno(rawValue: ENAMETOOLONG)
    public static let enolck = Errno(rawValue: ENOLCK)
    public static let enosys = Errno(rawValue: ENOSYS)
    public static let enotempty = Errno(rawValue: ENOTEMPTY)
    public static let eloop = Errno(rawValue: ELOOP)
    public static let enodata = Errno(rawValue: ENODATA)
    public static let eproto = Errno(rawValue: EPROTO)
    public static let eoverflow = Errno(rawValue: EOVERFLOW)
    public static let eopnotsupp = Errno(rawValue: EOPNOTSUPP)
    public static let enotconn = Errno(rawValue: ENOTCONN)
    public static let econnaborted = Errno(rawValue: ECONNABORTED)
    public static let estale = Errno(rawValue: ESTALE)
}

/// The value of a raw system call's result, or the error that a negative one stands for.
@inlinable @inline(__always) @discardableResult
public func checked(_ result: Int64) throws(Errno) -> Int {
    if result < 0 { throw Errno(rawValue: Int32(truncatingIfNeeded: -result)) }
    return Int(truncatingIfNeeded: result)
}
