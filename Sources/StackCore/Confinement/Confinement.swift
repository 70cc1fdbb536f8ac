import CLinux
import Glibc
import SystemCalls

/// What the daemon gives up before it serves: capabilities that the mirror does not need, the way to new ones, and system
/// calls that it never makes. Somebody who takes the daemon over, by a hostile lower directory or a hostile caller, finds
/// little more than the lower directory's files.
///
/// Nothing here can be taken back, and no option leaves it out.
public struct Confinement: Sendable {
    /// What is in force, in a few words.
    public private(set) var summary = ""
    /// What is not in force and why, a line each.
    public private(set) var shortcomings: [String] = []

    private let mask: UInt64
    private let governsProcesses: Bool

    private init(governsProcesses: Bool) {
        self.governsProcesses = governsProcesses
        mask = NeededCapability.mask(governsProcesses: governsProcesses)
    }

    /// Confines the calling thread and those that it starts; call it when the mount has been made, and before a second thread
    /// is started.
    ///
    /// The order is one of need: dropping from the bounding set takes CAP_SETPCAP, which is dropped next.
    ///
    /// - Parameter runsPrograms: the mount will be ended by fusermount3, a set-user-id program. Then capabilities are all
    ///   that can be given up: no_new_privs would take its rights from that program, and the filter needs no_new_privs.
    /// - Parameter governsProcesses: control groups are served, whose members are signalled, read and moved.
    /// - Throws: what capset(2) or prctl(2) gives when capabilities cannot be given up; all else that fails is a shortcoming.
    public static func enter(runsPrograms: Bool, governsProcesses: Bool = false) throws(Errno) -> Confinement {
        var result = Confinement(governsProcesses: governsProcesses)
        var parts: [String] = []
        if geteuid() == 0, !runsPrograms { try result.limitBoundingSet() }
        parts.append(try result.capabilities())
        if runsPrograms {
            result.shortcomings.append(
                "no_new_privs and the system call filter are not in force: an ordinary user's mount is ended by "
                    + "fusermount3, a set-user-id program, which they would stop")
        } else {
            parts += result.refusePrivileges()
        }
        result.summary = "confined to " + parts.joined(separator: ", ")
        return result
    }

    /// Gives up all capabilities that the mirror does not need, and says what is left.
    private func capabilities() throws(Errno) -> String {
        try checked(linux_prctl(LINUX_PR_CAP_AMBIENT, Int(LINUX_PR_CAP_AMBIENT_CLEAR_ALL), 0))
        var sets = CapabilitySets.ofThisThread
        sets.permitted &= mask
        sets.effective &= mask
        sets.inheritable = 0
        try checked(sets.apply())
        switch sets.permitted.nonzeroBitCount {
        case 0: return "no capabilities"
        case 1: return "one capability"
        case let count: return "\(count) capabilities"
        }
    }

    /// Without CAP_SETPCAP the bounding set stays as it is. It counts only when root runs a program.
    private mutating func limitBoundingSet() throws(Errno) {
        // EINVAL: past the last capability of this kernel.
        for capability in 0..<UInt32(64) {
            let isThere = linux_prctl(LINUX_PR_CAPBSET_READ, Int(capability), 0)
            if isThere < 0 { return }
            if isThere == 0 || mask & CapabilitySets.bit(capability) != 0 { continue }
            do throws(Errno) {
                try checked(linux_prctl(LINUX_PR_CAPBSET_DROP, Int(capability), 0))
            } catch let error where error == .eperm {
                return shortcomings.append("the capability bounding set stays as it is: CAP_SETPCAP is missing")
            }
        }
    }

    /// no_new_privs and the filter; returns what came to be in force.
    private mutating func refusePrivileges() -> [String] {
        var parts: [String] = []
        let result = linux_prctl(LINUX_PR_SET_NO_NEW_PRIVS, 1, 0)
        if result == 0 {
            parts.append("no new privileges")
        } else {
            shortcomings.append("no_new_privs is not in force: \(Errno(rawValue: Int32(-result)))")
        }
        let architecture = Architecture.current
        let calls = RefusedCall.all(process: getpid(), governsProcesses: governsProcesses).filter {
            $0.number(on: architecture) != nil
        }
        do throws(Errno) {
            try SystemCallFilter(calls, architecture).install(.process)
            parts.append("a filter of \(calls.count) system calls")
        } catch {
            shortcomings.append(
                "the system call filter is not in force: \(error); a kernel without CONFIG_SECCOMP_FILTER or a "
                    + "container's own filter refuses it")
        }
        return parts
    }
}
