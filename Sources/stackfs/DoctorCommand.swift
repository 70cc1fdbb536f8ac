import ArgumentParser
import CLinux
import FuseKernel
import Glibc
import StackCore
import SystemCalls

/// `stackfs doctor`: what this kernel offers, what a mount would have in force, and why something better would not be.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Show what this system offers, and what a mount makes of it.",
        discussion: "The status is 0 if a mount would work, else 1.")

    @Argument(help: ArgumentHelp("A directory to be looked at as the lower one.", valueName: "lower"))
    var lower: String?

    func run() throws {
        let lowerRow = try lower.map { (path) throws(Failure) in Doctor.lower(path, try Checks.openLower(path)) }
        let trial = TrialMount.run()
        var rows = Doctor.system(trial)
        rows.append(lowerRow ?? ["lower", "none given: `stackfs doctor LOWER` looks at one"])
        rows += Watching.report(lower: lower ?? "/")
        rows += Doctor.limits() + Doctor.confinement() + Doctor.mounts()
        say(alignedTable(rows), on: 1)
        if case .success(let negotiation) = trial { say("\n" + alignedTable(Doctor.features(negotiation)), on: 1) }
        if case .failure(let failure) = trial { throw Failure.unable("a mount would not work: \(failure.message)") }
    }
}

/// The lines of the report: what is looked at, and what was found.
enum Doctor {
    static func system(_ trial: Result<Negotiation, Failure>) -> [[String]] {
        var rows = [["kernel", "Linux \(kernelRelease)"]]
        do throws(MountError) {
            try Mount.checkDevice()
            rows.append(["/dev/fuse", "opens"])
        } catch {
            rows.append(["/dev/fuse", "\(error)"])
        }
        let helper = Fusermount.path.map { "\($0)\(geteuid() == 0 ? ", for ordinary users" : "")" }
        rows.append(["fusermount3", helper ?? "not installed: ordinary users cannot mount (apt-get install fuse3)"])
        rows.append(["user_allow_other", userAllowOther])
        guard case .success(let negotiation) = trial else { return rows + [["mount", "does not work, see below"]] }
        rows.append(["mount", "works (tried, and unmounted again)"])
        rows.append(["protocol", "FUSE 7.\(negotiation.minorVersion)"])
        rows.append(["transport", transport])
        rows.append(["data", data(negotiation)])
        return rows
    }

    private static func data(_ negotiation: Negotiation) -> String {
        if negotiation.inForce.contains(.passthrough) {
            return "the kernel reads and writes lower files by itself (passthrough)"
        }
        let reason =
            negotiation.offered.contains(.passthrough)
            ? "passthrough needs CAP_SYS_ADMIN" : "no passthrough: Linux 6.9 or later, CONFIG_FUSE_PASSTHROUGH"
        return "copied by the daemon (\(reason))"
    }

    private static var transport: String {
        let parameter = contents(of: "/sys/module/fuse/parameters/enable_uring")?.split(separator: "\n").first
        let enabled = parameter.map { "enable_uring=\($0)" } ?? "no parameter enable_uring"
        if RingSet.isEnabledByModule == true { return "io_uring, a ring for each processor (\(enabled))" }
        let reason =
            RingSet.isEnabledByModule == nil
            ? "io_uring needs Linux 6.14" : "io_uring needs 'echo Y > /sys/module/fuse/parameters/enable_uring'"
        return "/dev/fuse; \(reason)"
    }

    private static var userAllowOther: String {
        switch FuseConfiguration.userAllowOther {
        case true?: return "yes: ordinary users may give allow_other"
        case false?: return "no: ordinary users may not give allow_other (/etc/fuse.conf)"
        case nil: return "/etc/fuse.conf cannot be read"
        }
    }

    private static var kernelRelease: String {
        contents(of: "/proc/sys/kernel/osrelease")?.split(separator: "\n").first.map(String.init)
            ?? "of unknown version"
    }

    /// Whether a lower directory's files can be kept by handle.
    static func lower(_ path: String, _ directory: consuming Descriptor) -> [String] {
        var handle = linux_file_handle()
        handle.bytes = 128
        var mountID: Int32 = 0
        let made = linux_name_to_handle_at(directory.number, "", &handle, &mountID, LINUX_AT_EMPTY_PATH)
        guard made == 0 else {
            let error = Errno(rawValue: Int32(-made))
            return ["lower", "\(path) gives no file handles (\(error)): each node may need an open descriptor"]
        }
        let opened = linux_open_by_handle_at(directory.number, &handle, LINUX_O_PATH | LINUX_O_CLOEXEC)
        guard opened >= 0 else {
            let error = Errno(rawValue: Int32(-opened))
            return [
                "lower", "\(path) gives file handles, but they cannot be opened (\(error)): open descriptors instead",
            ]
        }
        _ = linux_close(Int32(opened))
        return ["lower", "\(path) gives file handles of \(handle.bytes) bytes: no descriptor for each node"]
    }

    static func limits() -> [[String]] {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let most = limit.rlim_max == rlim_t.max ? "unlimited" : "\(limit.rlim_max)"
        var rows = [["open files", "\(limit.rlim_cur), raised to the hard limit of \(most) by a mount"]]
        for capability in Capability.all {
            rows.append([capability.name, capability.isEffective ? "yes" : "no: \(capability.loss)"])
        }
        return rows
    }

    /// What a mount's daemon would give up: tried in a process that ends with it.
    static func confinement() -> [[String]] {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return [["confinement", "cannot be tried: \(Errno.last)"]] }
        let child = linux_fork()
        if child == 0 {
            let lines: [String]
            do throws(Errno) {
                let confinement = try Confinement.enter(runsPrograms: geteuid() != 0)
                lines = [confinement.summary] + confinement.shortcomings
            } catch {
                lines = ["capabilities cannot be given up, and a mount fails: \(error)"]
            }
            say(lines.joined(separator: "\n"), on: ends[1])
            _exit(0)
        }
        close(ends[1])
        defer { close(ends[0]) }
        guard child > 0 else { return [["confinement", "cannot be tried: \(Errno.last)"]] }
        // The lines are shorter than a pipe, and the end of the child is the end of the text.
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        var bytes = [UInt8](repeating: 0, count: 4096)
        let length = read(ends[0], &bytes, bytes.count)
        let lines = String(decoding: bytes[..<max(0, length)], as: UTF8.self).split(separator: "\n")
        if lines.isEmpty { return [["confinement", "cannot be tried: the process that tried it was ended"]] }
        return lines.map { ["confinement", String($0)] }
    }

    /// The mounts of stackfs, and those of all FUSE daemons that are dead.
    static func mounts() -> [[String]] {
        let rows: [[String]] = MountTable.read().entries.filter(\.isFuse).compactMap { entry in
            let ours = entry.type == "fuse.stackfs"
            switch Probe.ask(entry.point) {
            case .answers: return ours ? ["mount", "\(entry.source) on \(entry.point)"] : nil
            case .refuses:
                return ours ? ["mount", "\(entry.source) on \(entry.point), which \(Checks.user) may not enter"] : nil
            case .dead:
                return ["dead mount", "\(entry.point) (\(entry.type)): clear it with `stackfs umount \(entry.point)`"]
            case .silent: return ["mount", "\(entry.point) (\(entry.type)) does not answer"]
            }
        }
        return rows.isEmpty ? [["mounts", "none of stackfs, and no dead ones"]] : rows
    }

    /// The bits of INIT as a table.
    static func features(_ negotiation: Negotiation) -> [[String]] {
        let rows = Feature.all.map { feature in
            [
                feature.name, negotiation.offered.contains(feature.flag) ? "yes" : "no",
                negotiation.wanted.contains(feature.flag) ? "yes" : "no",
                negotiation.inForce.contains(feature.flag) ? "yes" : "no", feature.meaning,
            ]
        }
        return [["feature", "offered", "wanted", "in force", "meaning"]] + rows
    }
}

/// Asks a mount whether its daemon is alive, from a process that may hang in our place.
enum Probe {
    enum Answer: Int32 {
        case answers, refuses, dead, silent
    }

    static func ask(_ path: String) -> Answer {
        let child = linux_fork()
        if child == 0 {
            var status = linux_statx()
            let result = linux_statx_at(LINUX_AT_FDCWD, path, 0, LINUX_STATX_BASIC_STATS, &status)
            switch result {
            case 0: _exit(Answer.answers.rawValue)
            case Int64(-ENOTCONN), Int64(-ECONNABORTED): _exit(Answer.dead.rawValue)
            default: _exit(Answer.refuses.rawValue)
            }
        }
        guard child > 0 else { return .silent }
        // One second, in steps of 10 ms.
        for _ in 0..<100 {
            var status: Int32 = 0
            if waitpid(child, &status, WNOHANG) == child { return Answer(rawValue: status >> 8 & 0xff) ?? .silent }
            usleep(10_000)
        }
        kill(child, SIGKILL)
        return .silent
    }
}
