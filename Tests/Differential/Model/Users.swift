import CTestCalls

/// Who makes a call: user, group and supplementary groups of the calling thread alone.
enum User: Int, CaseIterable, Sendable, CustomStringConvertible {
    case root, owner, other, member

    var ids: (uid: Int64, gid: Int64, groups: [UInt32]) {
        switch self {
        case .root: (0, 0, [])
        case .owner: (1000, 1000, [])
        case .other: (1001, 1001, [])
        case .member: (1001, 1001, [1000])
        }
    }

    var description: String {
        let ids = ids
        return ids.groups.isEmpty ? "\(ids.uid)" : "\(ids.uid)+\(ids.groups[0])"
    }

    /// Makes the calling thread this user. The saved user id stays root's, which is the way back and gives no rights.
    func assume() {
        let ids = ids
        let groups = ids.groups
        var results = [Kernel.call(TC_setresuid, Int64(0), 0, 0)]
        results.append(
            groups.withUnsafeBytes {
                Kernel.call(TC_setgroups, Int64(groups.count), $0.baseAddress.map(Kernel.address) ?? 0)
            })
        results.append(Kernel.call(TC_setresgid, ids.gid, ids.gid, 0))
        results.append(Kernel.call(TC_setresuid, ids.uid, ids.uid, 0))
        precondition(results.allSatisfy { $0 == 0 }, "changing the user needs root: \(results)")
    }
}
