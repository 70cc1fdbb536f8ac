import CLinux

/// A capability that the mirror keeps; all others are given up before the first request (capabilities(7)).
///
/// CAP_SYS_RESOURCE is not one: with it, ordinary users' writes would go beyond their quota and into reserved blocks.
struct NeededCapability {
    let number: UInt32
    let name: String
    let reason: String

    static let all = [
        NeededCapability(
            number: LINUX_CAP_CHOWN, name: "CAP_CHOWN", reason: "the mount has allowed the change of owner already"),
        NeededCapability(
            number: LINUX_CAP_DAC_OVERRIDE, name: "CAP_DAC_OVERRIDE",
            reason: "the mount has checked permissions already, also for what was opened before a change of mode"),
        NeededCapability(
            number: LINUX_CAP_DAC_READ_SEARCH, name: "CAP_DAC_READ_SEARCH", reason: "files are opened by handle"),
        NeededCapability(
            number: LINUX_CAP_FOWNER, name: "CAP_FOWNER",
            reason: "modes, times, access control lists and inode flags of files of all users"),
        NeededCapability(
            number: LINUX_CAP_FSETID, name: "CAP_FSETID",
            reason: "set-id bits stay where the caller may keep them"),
        NeededCapability(
            number: LINUX_CAP_SETGID, name: "CAP_SETGID", reason: "creation with the caller's group"),
        NeededCapability(number: LINUX_CAP_SETUID, name: "CAP_SETUID", reason: "creation as the caller"),
        NeededCapability(
            number: LINUX_CAP_LINUX_IMMUTABLE, name: "CAP_LINUX_IMMUTABLE",
            reason: "FS_IOC_SETFLAGS with the flags immutable and append-only"),
        NeededCapability(
            number: LINUX_CAP_SYS_ADMIN, name: "CAP_SYS_ADMIN",
            reason: "unmounting, trusted.* attributes, and lower files that the kernel serves by itself"),
        NeededCapability(
            number: LINUX_CAP_LEASE, name: "CAP_LEASE",
            reason: "leases tell whether a file of another user is still mapped"),
        NeededCapability(number: LINUX_CAP_MKNOD, name: "CAP_MKNOD", reason: "device files"),
        NeededCapability(
            number: LINUX_CAP_SETFCAP, name: "CAP_SETFCAP", reason: "the attribute security.capability"),
    ]

    /// What control groups need beside: only a mount that serves some keeps these.
    static let ofControlGroups = [
        NeededCapability(number: LINUX_CAP_KILL, name: "CAP_KILL", reason: "groups are frozen and killed by signals"),
        NeededCapability(
            number: LINUX_CAP_SYS_NICE, name: "CAP_SYS_NICE", reason: "weights are nice values, cpusets are affinities"),
        NeededCapability(
            number: LINUX_CAP_SYS_PTRACE, name: "CAP_SYS_PTRACE", reason: "/proc of other users' processes"),
    ]

    /// All of them as a bit set.
    static var mask: UInt64 { mask(governsProcesses: false) }

    static func mask(governsProcesses: Bool) -> UInt64 {
        (governsProcesses ? all + ofControlGroups : all).reduce(0) { $0 | CapabilitySets.bit($1.number) }
    }
}
