import CLinux
import FuseKernel

/// What /proc tells of a request's caller beyond the request: needed only where set-id bits or trusted attributes are met, so
/// that its cost does not matter.
struct CallerProcess {
    /// The effective capabilities, as a bit set.
    private(set) var capabilities: UInt64 = 0
    /// The supplementary groups.
    private(set) var groups: [UInt32] = []

    /// Reads /proc/PID/status. Where that cannot be read (the caller is gone, or in another pid namespace), root is taken
    /// to have every capability and others none.
    init(_ request: Request) {
        guard request.pid != 0, let text = readWhole("/proc/\(request.pid)/status") else {
            capabilities = request.uid == 0 ? .max : 0
            return
        }
        for line in text.split(separator: "\n") {
            if line.hasPrefix("CapEff:") {
                capabilities = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16) ?? 0
            } else if line.hasPrefix("Groups:") {
                groups = line.dropFirst(7).split { $0 == " " || $0 == "\t" }.compactMap { UInt32($0) }
            }
        }
    }

    /// Whether a file of the group may keep set-group-id without group execution when this process writes or changes its owner
    /// (setattr_should_drop_sgid of fs/attr.c).
    func mayKeepSetGroupID(of group: UInt32, _ request: Request) -> Bool {
        request.gid == group || groups.contains(group) || has(LINUX_CAP_FSETID)
    }

    /// The request with the file's group among the caller's, where set-group-id without group execution is met and the caller is in
    /// that group by /proc: no request but those that create names a supplementary group.
    static func member(_ request: Request, of status: linux_statx) -> Request {
        guard request.uid != 0, status.mode & 0o2010 == 0o2000, request.gid != status.gid,
            CallerProcess(request).groups.contains(status.gid)
        else { return request }
        var member = request
        member.supplementaryGroup = status.gid
        return member
    }

    func has(_ capability: UInt32) -> Bool { capabilities & (1 << UInt64(capability)) != 0 }
}
