import CLinux
import FuseKernel
import Glibc
import SystemCalls

/// Whose rights a system call on the lower directory has.
///
/// The mount checks permissions in the kernel (default_permissions), so the daemon may do as root what the caller may do. But
/// what depends on *who* acts must be done as the caller: the owner of what is created, the set-group-id rules, quota and
/// reserved blocks, and the clearing of set-id bits. The ids are those of the calling thread alone.
struct Credentials: Sendable {
    /// Whether this process can take on other ids: it runs as root with CAP_SETUID.
    let canSwitch: Bool
    private let permitted: UInt64

    /// Reads what this process may. As root, drops the daemon's own supplementary groups (CVE-2022-0358), in the calling
    /// thread: call it before others are started.
    init() {
        permitted = CapabilitySets.ofThisThread.permitted
        canSwitch = geteuid() == 0 && permitted & CapabilitySets.bit(LINUX_CAP_SETUID) != 0
        if canSwitch { _ = linux_setgroups(0, nil) }
    }

    func has(_ capability: UInt32) -> Bool { permitted & CapabilitySets.bit(capability) != 0 }

    /// Runs `body` with the ids of the request's caller, and without the rights over files that root has.
    func asCaller<Result>(_ request: Request, _ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        guard canSwitch, request.uid != 0 || request.gid != 0 else { return try body() }
        takeOn(request)
        defer { takeOff(request) }
        return try body()
    }

    /// Runs `body`, which creates something, as the caller. If the lower file system refuses what the mount has allowed, once
    /// more with the capability that the caller must have had: a user other than root may own one, in its own user
    /// namespace for instance, and a request does not tell.
    func creating<Result>(_ request: Request, _ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        guard canSwitch, request.uid != 0 || request.gid != 0 else { return try body() }
        takeOn(request)
        defer { takeOff(request) }
        do throws(Errno) {
            return try body()
        } catch let error where error == .eacces || error == .eperm {
            let added = CapabilitySets.bit(error == .eacces ? LINUX_CAP_DAC_OVERRIDE : LINUX_CAP_MKNOD)
            let now = CapabilitySets.ofThisThread
            guard now.permitted & added != 0, now.effective & added == 0 else { throw error }
            Self.setEffective(now.effective | added, now)
            defer { Self.setEffective(now.effective, now) }
            return try body()
        }
    }

    /// Runs `body`, which changes a file's content, as the caller: set-id bits, quota and reserved blocks are as for it.
    func changing<Result>(_ file: Int32, _ request: Request, _ body: () throws(Errno) -> Result) throws(Errno) -> Result
    {
        guard canSwitch, request.uid != 0 else { return try asCaller(request, body) }
        return try asCaller(CallerProcess.member(request, of: try Lower.status(of: file)), body)
    }

    /// Runs `body` so that the lower kernel clears set-id bits as for a caller without CAP_FSETID.
    func clearingSetID<Result>(_ file: Int32, _ request: Request, _ body: () throws(Errno) -> Result) throws(Errno)
        -> Result
    {
        request.uid != 0 ? try changing(file, request, body) : try without(LINUX_CAP_FSETID, body)
    }

    /// Runs `body` without a capability in the calling thread.
    func without<Result>(_ capability: UInt32, _ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        let now = CapabilitySets.ofThisThread
        guard now.effective & CapabilitySets.bit(capability) != 0 else { return try body() }
        Self.setEffective(now.effective & ~CapabilitySets.bit(capability), now)
        defer { Self.setEffective(now.effective, now) }
        return try body()
    }

    // The order matters: without fsuid 0 the thread may no longer change groups. Leaving root's fsuid drops the
    // capabilities over files from the effective set, coming back restores them (capabilities(7), "Effect of user ID
    // changes on capabilities").

    private func takeOn(_ request: Request) {
        if var group = request.supplementaryGroup { _ = linux_setgroups(1, &group) }
        _ = linux_setfsgid(request.gid)
        _ = linux_setfsuid(request.uid)
    }

    private func takeOff(_ request: Request) {
        _ = linux_setfsuid(0)
        _ = linux_setfsgid(0)
        if request.supplementaryGroup != nil { _ = linux_setgroups(0, nil) }
    }

    private static func setEffective(_ effective: UInt64, _ sets: CapabilitySets) {
        var changed = sets
        changed.effective = effective
        _ = changed.apply()
    }
}

extension Credentials {
    /// ``clearingSetID(_:_:_:)`` where the kernel asks for it, else `body` as the daemon.
    func clearing<Result>(
        _ wanted: Bool, in file: Int32, _ request: Request, _ body: () throws(Errno) -> Result
    ) throws(Errno) -> Result {
        wanted ? try clearingSetID(file, request, body) : try body()
    }
}
