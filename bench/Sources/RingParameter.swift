import Foundation

/// FUSE over io_uring, allowed while a system mounts: a connection that has it keeps it.
struct RingParameter {
    private static let path = "/sys/module/fuse/parameters/enable_uring"
    private let cleanup: Int?

    /// - Throws: when the kernel has no such parameter.
    init() throws {
        guard let before = try? String(contentsOfFile: Self.path, encoding: .utf8) else {
            throw Failure("this kernel has no FUSE over io_uring")
        }
        guard !before.hasPrefix("Y") else {
            cleanup = nil
            return
        }
        (_, cleanup) = try Cleanup.shared.perform {
            try "Y".write(toFile: Self.path, atomically: false, encoding: .utf8)
            return true
        } undo: { _ in
            try? "N".write(toFile: Self.path, atomically: false, encoding: .utf8)
        }
    }

    func restore() {
        if let cleanup { Cleanup.shared.undo(cleanup) }
    }
}
