import StackCore

/// One option of `-o`, or a pair of opposites: a row of ``all``, from which parsing and the help text are made and which the
/// manual page agrees with.
struct MountOption: Sendable {
    let names: [String]
    /// What stands for the value in the help text; nil for options without one.
    let value: String?
    /// Meaning, and the default.
    let help: String
    /// Called with the name that was given and its value, "" where it has none.
    let apply: @Sendable (inout MountOptions, _ name: String, _ value: String) throws(Failure) -> Void

    private init(
        _ names: [String], value: String? = nil, _ help: String,
        apply: @escaping @Sendable (inout MountOptions, String, String) throws(Failure) -> Void
    ) {
        self.names = names
        self.value = value
        self.help = help
        self.apply = apply
    }
}

extension MountOption {
    /// Every option, in the order of the help text.
    static let all: [MountOption] = caching + requests + access + mount + controlGroups

    private static let caching = [
        MountOption(
            ["cache"], value: "auto|watched|ttl[:SECONDS]|none",
            "how the kernel's caches are kept right (default auto for root, else ttl:1)"
        ) {
            (options, name, value) throws(Failure) in
            switch value {
            case "auto": options.cache = .auto
            case "watched": options.cache = .watched
            case "none": options.cache = MountOptions.Cache.none
            case "ttl": options.cache = .timeToLive(seconds: 1)
            case _ where value.hasPrefix("ttl:"):
                options.cache = .timeToLive(
                    seconds: try seconds(String(value.dropFirst(4)), of: "cache=ttl", separator: ":"))
            default: throw .usage("cache=\(value) is none of auto, watched, ttl, ttl:SECONDS and none")
            }
        },
        MountOption(
            ["watcher"], value: MountOptions.Watcher.allCases.map(\.rawValue).joined(separator: "|"),
            "who sees changes behind the mount (default auto: the best there is)"
        ) {
            (options, name, value) throws(Failure) in
            guard let watcher = MountOptions.Watcher(rawValue: value) else {
                throw .usage(
                    "watcher=\(value) is none of \(MountOptions.Watcher.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            }
            options.watcher = watcher
        },
        MountOption(["entry_timeout"], value: "SECONDS", "how long names are kept (default: as cache says)") {
            (options, name, value) throws(Failure) in options.entryTimeout = try seconds(value, of: name)
        },
        MountOption(["attr_timeout"], value: "SECONDS", "how long attributes are kept (default: as cache says)") {
            (options, name, value) throws(Failure) in options.attributeTimeout = try seconds(value, of: name)
        },
        MountOption(
            ["negative_timeout"], value: "SECONDS",
            "how long the absence of a name is kept (default: watched, for ever; else 0)"
        ) {
            (options, name, value) throws(Failure) in options.negativeTimeout = try seconds(value, of: name)
        },
        MountOption(["writeback_cache"], "the kernel gathers writes and sends them later") {
            (options, _, _) throws(Failure) in options.writebackCache = true
        },
    ]

    private static let requests = [
        MountOption(["small-files"], "open files without a request, for trees of small files that seldom change") {
            (options, _, _) throws(Failure) in options.smallFiles = true
        },
        MountOption(
            ["no_remote_lock", "no_remote_posix_lock", "no_remote_flock"],
            "the kernel keeps locks, or one kind of them, for the mount alone"
        ) {
            (options, name, _) throws(Failure) in
            switch name {
            case "no_remote_posix_lock": options.ownLocks.insert(.posix)
            case "no_remote_flock": options.ownLocks.insert(.flock)
            default: options.ownLocks = [.posix, .flock]
            }
        },
        MountOption(["max_write"], value: "BYTES", "the longest write request, 4096 to 1048576 (default)") {
            (options, name, value) throws(Failure) in
            options.maxWrite = try number(value, of: name, in: 4096...1_048_576) & ~4095
        },
        MountOption(["max_read"], value: "BYTES", "the longest read request, 4096 to 1048576 (default)") {
            (options, name, value) throws(Failure) in
            options.maxRead = try number(value, of: name, in: 4096...1_048_576) & ~4095
        },
        MountOption(
            ["passthrough"], value: "auto|on|off",
            "the kernel reads and writes lower files by itself (default auto: where it can)"
        ) {
            (options, name, value) throws(Failure) in
            switch value {
            case "auto": options.passthrough = .auto
            case "on": options.passthrough = .on
            case "off": options.passthrough = .off
            default: throw .usage("\(name)=\(value) is none of auto, on and off")
            }
        },
        MountOption(
            ["transport"], value: "auto|ring|device",
            "requests come by io_uring, or by /dev/fuse (default auto: io_uring where it is enabled)"
        ) {
            (options, name, value) throws(Failure) in
            switch value {
            case "auto": options.transport = .auto
            case "ring": options.transport = .ring
            case "device": options.transport = .device
            default: throw .usage("\(name)=\(value) is none of auto, ring and device")
            }
        },
        MountOption(["threads"], value: "N", "most threads that serve requests, 1 to 64 (default: 16)") {
            (options, name, value) throws(Failure) in options.threads = try number(value, of: name, in: 1...64)
        },
        MountOption(
            ["busy_poll"], value: "USEC", "look for the next request so long before sleeping, 0 to 1000 (default: 0)"
        ) {
            (options, name, value) throws(Failure) in options.busyPoll = try number(value, of: name, in: 0...1000)
        },
        MountOption(["clone_fd"], "a descriptor of /dev/fuse for each thread") {
            (options, _, _) throws(Failure) in options.cloneDescriptor = true
        },
        MountOption(["splice_read", "splice_write", "splice_move"], "accepted; data is copied all the same") {
            (options, _, _) throws(Failure) in options.splices = true
        },
    ]

    private static let access = [
        MountOption(["allow_other", "noallow_other"], "everybody may use the mount (root: the default), or not") {
            (options, name, _) throws(Failure) in options.access = name == "allow_other" ? .everybody : .owner
        },
        MountOption(["allow_root"], "only root and the mount's owner may use it") {
            (options, _, _) throws(Failure) in options.access = .root
        },
        MountOption(["default_permissions"], "accepted; the kernel always checks permissions") {
            (_, _, _) throws(Failure) in
        },
        MountOption(["ro", "rw"], "read-only, or not (default: as the lower directory's mount)") {
            (options, name, _) throws(Failure) in options.readOnly = name == "ro"
        },
        MountOption(["dev", "nodev"], "device files work, or not (default: as lower; users: nodev)") {
            (options, name, _) throws(Failure) in options.devices = name == "dev"
        },
        MountOption(["suid", "nosuid"], "set-id bits work, or not (default: as lower; users: nosuid)") {
            (options, name, _) throws(Failure) in options.setID = name == "suid"
        },
        MountOption(["exec", "noexec"], "programs can be run, or not (default: as lower)") {
            (options, name, _) throws(Failure) in options.programs = name == "exec"
        },
        MountOption(["atime", "noatime"], "the mount's flag; the lower file system decides about access times") {
            (options, name, _) throws(Failure) in options.accessTimes = name
        },
        MountOption(
            [
                "relatime", "norelatime", "strictatime", "nostrictatime", "diratime", "nodiratime", "lazytime",
                "nolazytime",
            ], "accepted; the lower file system decides"
        ) { (_, _, _) throws(Failure) in },
        MountOption(["sync", "async"], "the mount's flag; the kernel does not act on it for FUSE") {
            (options, name, _) throws(Failure) in options.synchrony = name
        },
        MountOption(["dirsync"], "the same") {
            (options, _, _) throws(Failure) in options.directorySync = true
        },
    ]

    private static let mount = [
        MountOption(["fsname"], value: "NAME", "the source that findmnt(8) shows (default: the lower directory)") {
            (options, name, value) throws(Failure) in options.fsname = try word(value, of: name)
        },
        MountOption(["subtype"], value: "NAME", "the type it shows, after 'fuse.' (default stackfs)") {
            (options, name, value) throws(Failure) in options.subtype = try word(value, of: name)
        },
        MountOption(["nonempty"], "the mount point may hold something; it is hidden until the unmount") {
            (options, _, _) throws(Failure) in options.nonempty = true
        },
        MountOption(["auto_unmount"], "unmount even when the daemon is killed") {
            (options, _, _) throws(Failure) in options.autoUnmount = true
        },
    ]

    private static let controlGroups = [
        MountOption(
            ["cgroup"], value: "PATTERN[:v1|v2][:ro|rw]",
            "control groups stand there, whatever the lower directory has (default v2, ro); may be repeated"
        ) {
            (options, _, value) throws(Failure) in options.cgroups.append(try CgroupOption(value))
        },
        MountOption(["cgroup_size"], value: "N", "the size that stat(2) tells of their files, in bytes (default 0)") {
            (options, name, value) throws(Failure) in
            options.cgroupSize = UInt64(try number(value, of: name, in: 0...1_048_576))
        },
        MountOption(["cgroup_enforce"], "processes beyond memory.max and pids.max are killed") {
            (options, _, _) throws(Failure) in options.cgroupEnforce = true
        },
    ]

    private static func word(_ value: String, of name: String) throws(Failure) -> String {
        guard !value.isEmpty, !value.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
            throw .usage("\(name)=\(value) is no name: give one without control characters")
        }
        return value
    }

    /// Whether mount(8), systemd or a mount helper alone reads the word; it means nothing to a mount.
    static func isGeneric(_ name: String) -> Bool {
        generic.contains(name) || name.hasPrefix("x-") || name.hasPrefix("X-")
    }

    private static let generic: Set<String> = [
        "defaults", "auto", "noauto", "user", "nouser", "users", "owner", "noowner", "group", "nogroup", "nofail",
        "_netdev", "comment", "loud", "silent", "mand", "nomand", "iversion", "noiversion", "symfollow",
    ]

    /// The table as it stands in `stackfs --help`.
    static var helpText: String {
        let names = all.map { row in row.names.joined(separator: ", ") + (row.value.map { "=\($0)" } ?? "") }
        let width = 29
        return zip(names, all).map { name, row in
            let gap = String(repeating: " ", count: max(0, width - name.utf8.count))
            return name.utf8.count > width - 2
                ? "  \(name)\n  \(String(repeating: " ", count: width))\(row.help)" : "  \(name)\(gap)\(row.help)"
        }.joined(separator: "\n")
    }
}
