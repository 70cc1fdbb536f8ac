import FuseKernel
import SystemCalls

/// What the mount of a lower directory hands on to the one above it (statfs(2), f_flags).
struct LowerFlags: OptionSet, Sendable {
    let rawValue: Int64

    static let readOnly = LowerFlags(rawValue: 1)
    static let noSetID = LowerFlags(rawValue: 2)
    static let noDevices = LowerFlags(rawValue: 4)
    static let noPrograms = LowerFlags(rawValue: 8)
}

/// The options as the kernel and fusermount3 are to get them.
struct MountPlan: Equatable {
    /// For ``Mount/make(at:options:)``, one option an element.
    var options: [String] = []
    var readOnly = false
    /// Flags of mount(2) that root sets once the mount stands: with auto_unmount libfuse mounts through fusermount3, which
    /// says nosuid and nodev to everybody.
    var flagsAfterwards: Int?
    /// With allow_root: who else but root may use the mount.
    var soleUser: UInt32?
    /// What was asked for and is left out, for the log.
    var notes: [String] = []

    /// - Parameter user: the effective user; 0 mounts by itself, others through fusermount3.
    /// - Parameter source: the lower directory's absolute path.
    init(_ asked: MountOptions, user: UInt32, source: String, lower: LowerFlags) {
        let privileged = user == 0
        readOnly = asked.readOnly ?? lower.contains(.readOnly)
        options = ["fsname=\(asked.fsname ?? source)", "subtype=\(asked.subtype ?? "stackfs")", "default_permissions"]
        switch asked.access ?? (privileged ? .everybody : .owner) {
        case .everybody: options.append("allow_other")
        case .owner: break
        case .root where privileged: break  // The owner is root, and nobody else is meant.
        case .root:
            // The kernel knows owner or everybody; the session turns others away.
            options.append("allow_other")
            soleUser = user
        }
        options.append(readOnly ? "ro" : "rw")
        if privileged {
            options.append(asked.devices ?? !lower.contains(.noDevices) ? "dev" : "nodev")
            options.append(asked.setID ?? !lower.contains(.noSetID) ? "suid" : "nosuid")
        } else {
            let refused = [asked.devices == true ? "dev" : nil, asked.setID == true ? "suid" : nil].compactMap { $0 }
            if !refused.isEmpty {
                notes.append("\(refused.joined(separator: " and ")) left out: for root only")
            }
            options += ["nodev", "nosuid"]
        }
        options.append(asked.programs ?? !lower.contains(.noPrograms) ? "exec" : "noexec")
        options += [asked.accessTimes, asked.synchrony].compactMap { $0 }
        if asked.directorySync { options.append("dirsync") }
        if asked.synchrony == "sync" || asked.directorySync {
            notes.append("sync and dirsync only set the mount's flags: FUSE waits for the disk at fsync(2) alone")
        }
        if let maxRead = asked.maxRead { options.append("max_read=\(maxRead)") }
        if asked.autoUnmount {
            options.append("auto_unmount")
            if privileged { flagsAfterwards = Self.flags(of: options) }
        }
        // libfuse looks for itself, but fusermount3 neither looks nor knows the word.
        if asked.nonempty, privileged, !asked.autoUnmount { options.append("nonempty") }
    }

    /// The bits of mount(2) that these options stand for; MS_RELATIME where nothing is said.
    private static func flags(of options: [String]) -> Int {
        let bits: [String: Int] = ["ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1 << 10]
        return options.reduce(options.contains("noatime") ? 0 : 1 << 21) { $0 | (bits[$1] ?? 0) }
    }
}
