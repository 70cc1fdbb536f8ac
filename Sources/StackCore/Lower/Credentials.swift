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
        permitted = Self.capabilities().permitted
        canSwitch = geteuid() == 0 && permitted & Self.bit(LINUX_CAP_SETUID) != 0
        if canSwitch { _ = linux_setgroups(0, nil) }
    }

    /// Gives up CAP_SYS_RESOURCE in the calling thread: with it, ordinary users' writes would go beyond their quota and into
    /// reserved blocks.
    func leaveResourceLimitsInForce() {
        let now = Self.capabilities()
        let without = now.effective & ~Self.bit(LINUX_CAP_SYS_RESOURCE)
        if without != now.effective { Self.setEffective(without, now) }
    }

    func has(_ capability: UInt32) -> Bool { permitted & Self.bit(capability) != 0 }

    private static func bit(_ capability: UInt32) -> UInt64 { 1 << UInt64(capability) }

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
            let added = Self.bit(error == .eacces ? LINUX_CAP_DAC_OVERRIDE : LINUX_CAP_MKNOD)
            let now = Self.capabilities()
            guard now.permitted & added != 0, now.effective & added == 0 else { throw error }
            Self.setEffective(now.effective | added, now)
            defer { Self.setEffective(now.effective, now) }
            return try body()
        }
    }

    /// Runs `body` so that the lower kernel clears set-id bits as for a caller without CAP_FSETID.
    func clearingSetID<Result>(_ request: Request, _ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        request.uid != 0 ? try asCaller(request, body) : try withoutSetID(body)
    }

    /// Runs `body` without CAP_FSETID in the calling thread.
    func withoutSetID<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        let now = Self.capabilities()
        guard now.effective & Self.bit(LINUX_CAP_FSETID) != 0 else { return try body() }
        Self.setEffective(now.effective & ~Self.bit(LINUX_CAP_FSETID), now)
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

    // MARK: capability sets of the calling thread

    private struct CapabilitySets {
        var effective: UInt64
        var permitted: UInt64
        var inheritable: UInt64
    }

    private static func capabilities() -> CapabilitySets {
        var header = linux_cap_header(version: LINUX_CAP_VERSION_3, pid: 0)
        // Two structures of three words each: low halves, then high halves.
        var words: InlineArray<6, UInt32> = InlineArray(repeating: 0)
        _ = withUnsafeMutableBytes(of: &words) { linux_capget(&header, $0.baseAddress!) }
        return CapabilitySets(
            effective: UInt64(words[0]) | UInt64(words[3]) << 32,
            permitted: UInt64(words[1]) | UInt64(words[4]) << 32,
            inheritable: UInt64(words[2]) | UInt64(words[5]) << 32)
    }

    private static func setEffective(_ effective: UInt64, _ sets: CapabilitySets) {
        var header = linux_cap_header(version: LINUX_CAP_VERSION_3, pid: 0)
        var words: InlineArray<6, UInt32> = InlineArray(repeating: 0)
        words[0] = UInt32(truncatingIfNeeded: effective)
        words[1] = UInt32(truncatingIfNeeded: sets.permitted)
        words[2] = UInt32(truncatingIfNeeded: sets.inheritable)
        words[3] = UInt32(truncatingIfNeeded: effective >> 32)
        words[4] = UInt32(truncatingIfNeeded: sets.permitted >> 32)
        words[5] = UInt32(truncatingIfNeeded: sets.inheritable >> 32)
        _ = withUnsafeMutableBytes(of: &words) { linux_capset(&header, $0.baseAddress!) }
    }
}

extension Credentials {
    /// ``clearingSetID(_:_:)`` where the kernel asks for it, else `body` as the daemon.
    func clearing<Result>(_ wanted: Bool, _ request: Request, _ body: () throws(Errno) -> Result) throws(Errno)
        -> Result
    {
        wanted ? try clearingSetID(request, body) : try body()
    }
}
