import SystemCalls

/// Why a program is not in the kernel.
public enum BPFObstacle: Error, Equatable, Sendable {
    /// libbpf.so.1 cannot be loaded, and what the dynamic linker says.
    case noLibrary(String)
    /// The process lacks CAP_SYS_ADMIN, or CAP_BPF and CAP_PERFMON in its place.
    case noPrivilege
    /// The kernel carries no type information (CONFIG_DEBUG_INFO_BTF).
    case noTypes
    /// The kernel has no function of this name that a program could be attached to.
    case noFunction(String)
    /// The kernel refuses the programs, at this step.
    case refused(BPFStep, Errno)
}

/// What was being done.
public enum BPFStep: String, Sendable {
    case opening, loading, attaching, mapping
}

extension BPFObstacle: CustomStringConvertible {
    /// What is missing, and what to do about it where something can be done.
    public var description: String {
        switch self {
        case .noLibrary(let words): "libbpf is missing: apt-get install libbpf1 (\(words))"
        case .noPrivilege: "BPF programs need CAP_SYS_ADMIN, or CAP_BPF and CAP_PERFMON"
        case .noTypes: "this kernel tells no types: /sys/kernel/btf/vmlinux is missing (CONFIG_DEBUG_INFO_BTF)"
        case .noFunction(let name): "this kernel has no function \(name) that programs can be attached to"
        case .refused(.loading, .eperm):
            "this kernel refuses programs of this kind (EPERM), though the privilege is there"
        case .refused(let step, let error): "\(step.rawValue) the programs fails: \(error) (-d shows libbpf's words)"
        }
    }
}
