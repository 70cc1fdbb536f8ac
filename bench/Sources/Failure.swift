import Glibc

/// Why something cannot be measured, in a sentence for people.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// - Parameter code: an error number, negative or not.
    init(_ subject: String, code: Int32) {
        description = "\(subject): \(String(cString: strerror(abs(code))))"
    }
}

/// Passes on what a C function returned unless it is -errno.
@discardableResult
func valid(_ result: Int32, _ subject: @autoclosure () -> String) throws -> Int32 {
    guard result >= 0 else { throw Failure(subject(), code: result) }
    return result
}
