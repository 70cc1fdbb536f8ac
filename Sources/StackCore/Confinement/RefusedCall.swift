import CLinux
import SystemCalls

/// A processor architecture that the filter knows the system calls of, by the name that Debian gives it.
enum Architecture: CaseIterable {
    case amd64
    case arm64

    /// The one this program is compiled for.
    static var current: Architecture {
        #if arch(arm64)
            .arm64
        #else
            .amd64
        #endif
    }

    /// What seccomp(2) calls it.
    var audit: UInt32 { self == .amd64 ? LINUX_AUDIT_ARCH_X86_64 : LINUX_AUDIT_ARCH_AARCH64 }
}

/// A system call that the daemon never makes once it serves, and that somebody who had taken it over would want.
struct RefusedCall {
    /// Which calls pass. Arguments are compared by their low 32 bits, which are all that the kernel looks at here.
    enum Rule: Equatable {
        /// None: the call fails with this error.
        case never(Errno)
        /// Those whose argument is `value` under `mask`; others fail with EPERM.
        case only(argument: Int, mask: UInt32, value: UInt32)
        /// Those whose argument is none of these; others fail with EPERM.
        case neither(argument: Int, [UInt32])
    }

    let name: String
    private let amd64: UInt32?
    private let arm64: UInt32?
    let rule: Rule

    private init(_ name: String, _ amd64: UInt32?, _ arm64: UInt32?, _ rule: Rule = .never(.eperm)) {
        self.name = name
        self.amd64 = amd64
        self.arm64 = arm64
        self.rule = rule
    }

    /// The call's number; nil where the architecture has no such call.
    func number(on architecture: Architecture) -> UInt32? { architecture == .amd64 ? amd64 : arm64 }

    /// The last call that this table has been made with, file_setattr of Linux 6.17: what is newer does not exist for the
    /// daemon (ENOSYS), and so do the calls of the x32 ABI, whose numbers have bit 30 set.
    static let newestKnown: UInt32 = 469

    /// All of them.
    ///
    /// - Parameters:
    ///   - process: the daemon, which may signal its own threads only,
    ///   - governsProcesses: unless it serves control groups, whose settings are signals to their members.
    static func all(process: Int32, governsProcesses: Bool = false) -> [RefusedCall] {
        let all = programs + processes(own: process) + kernel + keys + mounts + namespaces + network + system
        return governsProcesses ? all.filter { $0.name != "kill" } : all
    }

    /// Other programs and processes. glibc falls back to clone(2), whose flags can be seen, where clone3(2) is missing.
    private static var programs: [RefusedCall] {
        let threads = LINUX_CLONE_THREAD | LINUX_CLONE_NAMESPACES
        return [
            RefusedCall("execve", 59, 221),
            RefusedCall("execveat", 322, 281),
            RefusedCall("uselib", 134, nil),
            RefusedCall("fork", 57, nil),
            RefusedCall("vfork", 58, nil),
            RefusedCall("clone", 56, 220, .only(argument: 0, mask: threads, value: LINUX_CLONE_THREAD)),
            RefusedCall("clone3", 435, 435, .never(.enosys)),
        ]
    }

    private static func processes(own: Int32) -> [RefusedCall] {
        [
            RefusedCall("ptrace", 101, 117),
            RefusedCall("process_vm_readv", 310, 270),
            RefusedCall("process_vm_writev", 311, 271),
            RefusedCall("process_madvise", 440, 440),
            RefusedCall("process_mrelease", 448, 448),
            RefusedCall("migrate_pages", 256, 238),
            RefusedCall("move_pages", 279, 239),
            RefusedCall("kcmp", 312, 272),
            RefusedCall("pidfd_open", 434, 434),
            RefusedCall("pidfd_getfd", 438, 438),
            RefusedCall("pidfd_send_signal", 424, 424),
            RefusedCall("kill", 62, 129),
            RefusedCall("tkill", 200, 130),
            RefusedCall("tgkill", 234, 131, .only(argument: 0, mask: .max, value: UInt32(bitPattern: own))),
            RefusedCall("rt_sigqueueinfo", 129, 138),
            RefusedCall("rt_tgsigqueueinfo", 297, 240),
        ]
    }

    /// Doors into the kernel. What is asked for through an io_uring is seen by no filter.
    private static var kernel: [RefusedCall] {
        [
            RefusedCall("init_module", 175, 105),
            RefusedCall("finit_module", 313, 273),
            RefusedCall("delete_module", 176, 106),
            RefusedCall("kexec_load", 246, 104),
            RefusedCall("kexec_file_load", 320, 294),
            // To read what an iterator lists that was attached before.
            RefusedCall("bpf", 321, 280, .only(argument: 0, mask: .max, value: LINUX_BPF_ITER_CREATE)),
            RefusedCall("perf_event_open", 298, 241),
            RefusedCall("userfaultfd", 323, 282),
            RefusedCall("io_uring_setup", 425, 425),
            RefusedCall("iopl", 172, nil),
            RefusedCall("ioperm", 173, nil),
            RefusedCall("modify_ldt", 154, nil),
            RefusedCall("syslog", 103, 116),
            RefusedCall("acct", 163, 89),
        ]
    }

    private static var keys: [RefusedCall] {
        [
            RefusedCall("add_key", 248, 217),
            RefusedCall("request_key", 249, 218),
            RefusedCall("keyctl", 250, 219),
        ]
    }

    /// Changes of the tree, apart from umount2(2), by which the daemon ends its own mount.
    private static var mounts: [RefusedCall] {
        [
            RefusedCall("mount", 165, 40),
            RefusedCall("move_mount", 429, 429),
            RefusedCall("open_tree", 428, 428),
            RefusedCall("open_tree_attr", 467, 467),
            RefusedCall("fsopen", 430, 430),
            RefusedCall("fsconfig", 431, 431),
            RefusedCall("fsmount", 432, 432),
            RefusedCall("fspick", 433, 433),
            RefusedCall("mount_setattr", 442, 442),
            RefusedCall("pivot_root", 155, 41),
            RefusedCall("chroot", 161, 51),
        ]
    }

    /// A worker leaves the others' umask behind by unshare(CLONE_FS), and unshares nothing else.
    private static var namespaces: [RefusedCall] {
        let others = ~UInt32(bitPattern: LINUX_CLONE_FS)
        return [
            RefusedCall("setns", 308, 268),
            RefusedCall("unshare", 272, 97, .only(argument: 0, mask: others, value: 0)),
        ]
    }

    /// The system's log is a socket of the file system.
    private static var network: [RefusedCall] {
        [RefusedCall("socket", 41, 198, .only(argument: 0, mask: .max, value: LINUX_AF_UNIX))]
    }

    private static var system: [RefusedCall] {
        [
            RefusedCall("ioctl", 16, 29, .neither(argument: 1, [LINUX_TIOCSTI, LINUX_TIOCLINUX])),
            RefusedCall("personality", 135, 92),
            RefusedCall("reboot", 169, 142),
            RefusedCall("swapon", 167, 224),
            RefusedCall("swapoff", 168, 225),
            RefusedCall("settimeofday", 164, 170),
            RefusedCall("adjtimex", 159, 171),
            RefusedCall("clock_settime", 227, 112),
            RefusedCall("clock_adjtime", 305, 266),
            RefusedCall("sethostname", 170, 161),
            RefusedCall("setdomainname", 171, 162),
            RefusedCall("quotactl", 179, 60),
            RefusedCall("quotactl_fd", 443, 443),
            RefusedCall("vhangup", 153, 58),
        ]
    }
}
