import CLinux

/// A capability of capabilities(7) that matters here.
struct Capability: Sendable {
    let number: UInt32
    let name: String
    /// What is lost without it.
    let loss: String

    static let sysAdmin = Capability(
        number: LINUX_CAP_SYS_ADMIN, name: "CAP_SYS_ADMIN",
        loss: "mounting goes through fusermount3; trusted.* attributes and passthrough are out of reach")

    static let readSearch = Capability(
        number: LINUX_CAP_DAC_READ_SEARCH, name: "CAP_DAC_READ_SEARCH",
        loss: "no file handles: each node that the kernel knows may need an open descriptor")

    static let all = [
        sysAdmin, readSearch,
        Capability(
            number: LINUX_CAP_DAC_OVERRIDE, name: "CAP_DAC_OVERRIDE",
            loss: "files are reached with this user's rights only"),
        Capability(
            number: LINUX_CAP_SETUID, name: "CAP_SETUID", loss: "what others create belongs to this user"),
        Capability(number: LINUX_CAP_FOWNER, name: "CAP_FOWNER", loss: "no changes of mode or times of others' files"),
        Capability(
            number: LINUX_CAP_FSETID, name: "CAP_FSETID", loss: "set-group-id bits may be lost on a change of mode"),
        Capability(number: LINUX_CAP_MKNOD, name: "CAP_MKNOD", loss: "no device files can be made"),
        Capability(
            number: LINUX_CAP_SYS_RESOURCE, name: "CAP_SYS_RESOURCE",
            loss: "the limit of open files cannot be raised beyond the hard limit"),
    ]

    /// Whether this process may use it now.
    var isEffective: Bool {
        var header = linux_cap_header(version: LINUX_CAP_VERSION_3, pid: 0)
        var data = linux_cap_data()
        guard linux_capget(&header, &data) == 0 else { return false }
        let word = number < 32 ? data.effective_low : data.effective_high
        return word & (1 << (number % 32)) != 0
    }
}
