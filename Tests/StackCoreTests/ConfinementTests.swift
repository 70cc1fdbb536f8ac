import CLinux
import FuseKernel
import Glibc
import Synchronization
import SystemCalls
import Testing

@testable import StackCore

/// What a confined thread can and cannot do. Each test confines a thread of its own, which ends with it; the tests' other
/// threads stay as they are.
@Suite struct ConfinementTests {
    /// Runs `body` in a new thread, and gives what it returns.
    private func inThread<R: Sendable>(_ body: @escaping @Sendable () -> R) throws -> R {
        let cell = Cell<R>()
        try FuseKernel.Thread.start {
            let value = body()
            cell.value.withLock { $0 = value }
        }
        while true {
            if let value = cell.value.withLock({ $0 }) { return value }
            usleep(1000)
        }
    }

    private final class Cell<R: Sendable>: Sendable {
        let value = Mutex<R?>(nil)
    }

    private static var hasNoNewPrivileges: Bool { readWhole("/proc/self/status")?.contains("NoNewPrivs:\t1") ?? false }

    /// The filter in force in the calling thread, or the error.
    private static func filterThisThread() -> Errno? {
        _ = linux_prctl(LINUX_PR_SET_NO_NEW_PRIVS, 1, 0)
        do throws(Errno) {
            try SystemCallFilter(RefusedCall.all(process: getpid()), .current).install(.thread)
            return nil
        } catch {
            return error
        }
    }

    /// A call with arguments that do no harm where the filter lets it through.
    private struct Attempt: Sendable {
        let name: String
        let number: Int
        let a: Int
        let b: Int
        let expected: Int64

        init(_ name: String, _ a: Int, _ b: Int = 0, _ expected: Int32 = -EPERM) {
            self.name = name
            number = RefusedCall.all(process: 0).first { $0.name == name }!.number(on: .current).map(Int.init)!
            (self.a, self.b, self.expected) = (a, b, Int64(expected))
        }
    }

    @Test func forbiddenCallsFailAndAllowedOnesWork() throws {
        // Without the filter these give EFAULT, EINVAL, EBADF or ESRCH.
        let attempts = [
            Attempt("execve", 0), Attempt("mount", 0), Attempt("ptrace", -1), Attempt("bpf", -1),
            Attempt("init_module", 0), Attempt("pivot_root", 0), Attempt("chroot", 0), Attempt("setns", -1),
            Attempt("keyctl", -1), Attempt("reboot", 0), Attempt("unshare", 0x8000_0000), Attempt("socket", 255),
            // CLONE_NEWNS with CLONE_FS, which exclude each other.
            Attempt("clone", 0x20200), Attempt("clone3", 0, 0, -ENOSYS), Attempt("kill", Int(Int32.max)),
            Attempt("io_uring_setup", 0), Attempt("ioctl", -1, 0x5412),
        ]
        // What is refused without a filter too, in a container for instance, tells nothing.
        let telling = attempts.filter { linux_syscall($0.number, $0.a, $0.b, 0, 0, 0, 0) != -Int(EPERM) }
        #expect(telling.count >= 8)
        let (error, results, allowed) = try inThread {
            let error = Self.filterThisThread()
            let results = telling.map { Int64(linux_syscall($0.number, $0.a, $0.b, 0, 0, 0, 0)) }
            var status = linux_statx()
            var allowed = [
                linux_unshare(LINUX_CLONE_FS), linux_statx_at(LINUX_AT_FDCWD, "/", 0, LINUX_STATX_BASIC_STATS, &status),
                linux_tgkill(getpid(), Int32(linux_gettid()), 0),
            ]
            let socket = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            allowed.append(Int64(socket))
            if socket >= 0 { close(socket) }
            // Past the filter, which allows it, there is no such ioctl.
            allowed.append(linux_ioctl(-1, LINUX_FS_IOC_GETFLAGS, nil) == -Int64(EBADF) ? 0 : -1)
            // A thread of the thread: glibc falls back from clone3.
            do throws(Errno) {
                try FuseKernel.Thread.start {}
                allowed.append(0)
            } catch {
                allowed.append(-1)
            }
            return (error, results, allowed)
        }
        #expect(error == nil)
        for (attempt, result) in zip(telling, results) { #expect(result == attempt.expected, "\(attempt.name)") }
        for (index, result) in allowed.enumerated() { #expect(result >= 0, "allowed call \(index)") }
    }

    @Test(.enabled(if: !Self.hasNoNewPrivileges, "this process has no_new_privs already"))
    func filterNeedsPrivilegeOrNoNewPrivileges() throws {
        let result = try inThread { () -> Errno? in
            var sets = CapabilitySets.ofThisThread
            sets.effective = 0
            _ = sets.apply()
            do throws(Errno) {
                try SystemCallFilter([], .current).install(.thread)
                return nil
            } catch {
                return error
            }
        }
        #expect(result == .eacces)
    }

    @Test func capabilitiesAreReducedToTheTable() throws {
        let before = CapabilitySets.ofThisThread
        let (confinement, status) = try inThread { () -> (Confinement?, String) in
            // With programs to run, the filter of the whole process stays out.
            let confinement = try? Confinement.enter(runsPrograms: true)
            return (confinement, readWhole("/proc/self/task/\(linux_gettid())/status") ?? "")
        }
        let found = try #require(confinement)
        #expect(found.shortcomings.contains { $0.contains("fusermount3") })
        func set(_ name: String) throws -> UInt64 {
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("\(name):") })
            return try #require(UInt64(line.dropFirst(name.count + 1).drop { $0 == "\t" }, radix: 16))
        }
        #expect(try set("CapPrm") == before.permitted & NeededCapability.mask)
        #expect(try set("CapEff") == before.effective & NeededCapability.mask)
        #expect(try set("CapInh") == 0)
        #expect(try set("CapAmb") == 0)
        #expect(status.contains("NoNewPrivs:\t1") == Self.hasNoNewPrivileges)
    }

    @Test func tableNamesEachCapabilityOnceWithItsReason() {
        let table = NeededCapability.all
        #expect(Set(table.map(\.number)).count == table.count)
        #expect(NeededCapability.mask.nonzeroBitCount == table.count)
        #expect(table.allSatisfy { $0.name.hasPrefix("CAP_") && !$0.reason.isEmpty })
        // What would give the rest back, or reaches beyond files.
        for number: UInt32 in [LINUX_CAP_SETPCAP, 5, 12, 16, 17, 18, 19, 22, 25, 38, 39] {
            #expect(NeededCapability.mask & CapabilitySets.bit(number) == 0, "capability \(number)")
        }
    }

    @Test func switchingTheUserWorksWithWhatIsLeft() throws {
        guard geteuid() == 0, CapabilitySets.ofThisThread.permitted & CapabilitySets.bit(LINUX_CAP_SETUID) != 0 else {
            return
        }
        let (inside, after) = try inThread { () -> (UInt64, UInt64) in
            _ = try? Confinement.enter(runsPrograms: true)
            _ = linux_setfsuid(1000)
            let inside = CapabilitySets.ofThisThread.effective
            _ = linux_setfsuid(0)
            return (inside, CapabilitySets.ofThisThread.effective)
        }
        let overFiles = CapabilitySets.bit(LINUX_CAP_DAC_OVERRIDE) | CapabilitySets.bit(LINUX_CAP_CHOWN)
        #expect(inside & overFiles == 0)
        #expect(after == CapabilitySets.ofThisThread.permitted & NeededCapability.mask)
    }
}
