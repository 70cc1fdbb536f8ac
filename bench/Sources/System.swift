import Foundation

/// A file system that shows the lower directory, as it is started for a measurement.
struct System: Sendable {
    let name: String
    /// The command, which stays in the foreground.
    let arguments: [String]
    /// What else it needs beside the lower directory and the mount point.
    let prepare: (@Sendable () throws -> Void)?

    init(_ name: String, _ arguments: [String], prepare: (@Sendable () throws -> Void)? = nil) {
        (self.name, self.arguments, self.prepare) = (name, arguments, prepare)
    }

    /// stackfs under a set of options.
    static func stackfs(_ name: String, options: String, binary: String, scratch: Scratch) -> System {
        System(name, [binary, "-f", "-o", options, scratch.lower, scratch.mountPoint])
    }

    /// A peer given as `NAME=COMMAND`, in which `{lower}` and `{mount}` stand for the directories.
    /// - Throws: when it has another form.
    static func custom(_ text: String, scratch: Scratch) throws -> System {
        let (name, command) = try Self.split(text, option: "--peer")
        let words = command.split(separator: " ").map {
            $0.replacingOccurrences(of: "{lower}", with: scratch.lower)
                .replacingOccurrences(of: "{mount}", with: scratch.mountPoint)
        }
        return System(name, words)
    }

    static func split(_ text: String, option: String) throws -> (String, String) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw Failure("\(option) takes NAME=VALUE, not \(text)")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    /// What the peers do without being asked as well: time-outs of an hour, and locks that are kept by the kernel.
    private static let best = "cache=ttl:3600,negative_timeout=3600,no_remote_lock"

    /// The sets of options that are there without being asked for: the best for most trees; for data that
    /// are read and written again and again, in pieces; for small files; and what caching is worth.
    static let defaultSets = [
        ("stackfs", "\(best),transport=device"), ("stackfs-ring", "\(best),transport=ring"),
        ("stackfs-poll", "\(best),transport=device,busy_poll=50"),
        ("stackfs-cached", "\(best),transport=ring,passthrough=off,writeback_cache"),
        ("stackfs-small-files", "\(best),transport=ring,small-files"),
        ("stackfs-nocache", "cache=none,transport=device"), ("stackfs-ring-nocache", "cache=none,transport=ring"),
    ]

    /// The variants by which the ExtFUSE paper tells what each technique takes off, for `--systems`: no technique at all; the
    /// kernel gathers writes, large requests; names and attributes in the kernel as well; reads and writes in the kernel as
    /// well.
    static let variantSets = [
        ("base", "cache=none,passthrough=off,max_write=4096"),
        ("opt", "cache=none,passthrough=off,writeback_cache"),
        ("mdopt", "cache=ttl:3600,negative_timeout=3600,passthrough=off,writeback_cache"),
        ("allopt", "cache=ttl:3600,negative_timeout=3600,passthrough=on"),
    ]
}

/// A running system.
struct MountedSystem {
    let process: Subprocess
    private let mountPoint: String
    private let cleanup: Int

    /// Starts a system and waits until it serves.
    /// - Parameter extra: arguments beside the system's own.
    init(_ system: System, on mountPoint: String, extra: [String] = [], seconds: Double = 10) throws {
        try system.prepare?()
        let rings = system.arguments.contains { $0.contains("transport=ring") } ? try RingParameter() : nil
        defer { rings?.restore() }
        self.mountPoint = mountPoint
        let errors = tmpfile()!
        defer { fclose(errors) }
        let outside = try Self.device(mountPoint)
        var arguments = system.arguments
        arguments.insert(contentsOf: extra, at: 1)
        process = try Subprocess(arguments, output: fileno(errors), error: fileno(errors))
        (_, cleanup) = try Cleanup.shared.perform {
            true
        } undo: { _ in
            Unmount.now(mountPoint)
        }
        for _ in 0..<Int(seconds * 500) {
            if let device = try? Self.device(mountPoint), device != outside { return }
            if process.hasEnded { break }
            usleep(2000)
        }
        unmount()
        rewind(errors)
        var bytes = [UInt8](repeating: 0, count: 400)
        let length = fread(&bytes, 1, bytes.count, errors)
        throw Failure("\(system.name) did not mount: \(String(decoding: bytes[..<length], as: UTF8.self))")
    }

    private static func device(_ path: String) throws -> dev_t {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Failure(path, code: errno) }
        return status.st_dev
    }

    /// Unmounts and ends the daemon; some are slow to end by themselves.
    func unmount() {
        Cleanup.shared.undo(cleanup)
        for _ in 0..<100 where !process.hasEnded { usleep(2000) }
        process.end()
    }
}
