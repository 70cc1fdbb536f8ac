import CLinux
import Glibc

/// Settings obeyed by what a process can do to others from outside: affinity, nice values and signals. What is not allowed, or comes
/// too late, is left undone.
public final class ProcessActions: CgroupActions {
    private let processes: any ProcessTable

    public init(_ processes: any ProcessTable) { self.processes = processes }

    public func confine(_ members: [CgroupMember], to processors: CgroupSet) {
        if processors.isEmpty { return }
        for member in members {
            for thread in threads(of: member) {
                processors.words.withUnsafeBufferPointer {
                    _ = linux_sched_setaffinity(thread, $0.baseAddress!, $0.count * 8)
                }
            }
        }
    }

    /// A nice value for the weight, each step of which is a quarter of the share (sched(7)): 100 is 0, 10000 is -20, 1 is 19.
    public func setWeight(_ members: [CgroupMember], _ weight: UInt32) {
        let nice = min(19, max(-20, Int32((-log(Double(max(1, weight)) / 100) / log(1.25)).rounded())))
        for member in members {
            for thread in threads(of: member) {
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(thread), nice)
            }
        }
    }

    /// Waits a little for them to have stopped, as a group's file often is read right after.
    public func freeze(_ members: [CgroupMember]) {
        signal(members, SIGSTOP)
        var rounds = 100
        for member in members where member.pid != getpid() {
            while rounds > 0 && !processes.hasStopped(member.pid) {
                usleep(200)
                rounds -= 1
            }
        }
    }
    public func thaw(_ members: [CgroupMember]) { signal(members, SIGCONT) }
    public func kill(_ members: [CgroupMember]) { signal(members, SIGKILL) }

    private func signal(_ members: [CgroupMember], _ signal: Int32) {
        for member in members where isThere(member) && member.pid != getpid() { _ = Glibc.kill(member.pid, signal) }
    }

    /// Whether the number is still that process's.
    private func isThere(_ member: CgroupMember) -> Bool {
        guard let stat = ProcText.text("/proc/\(member.pid)/stat"), let end = stat.lastIndex(of: ")") else {
            return false
        }
        let words = stat[stat.index(after: end)...].split(separator: " ")
        return words.count > 19 && UInt64(words[19]) == member.start
    }

    private func threads(of member: CgroupMember) -> [Int32] {
        guard isThere(member) else { return [] }
        if let thread = member.thread { return [thread] }
        guard let directory = opendir("/proc/\(member.pid)/task") else { return [] }
        defer { closedir(directory) }
        var threads: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int32(name) { threads.append(number) }
        }
        return threads
    }
}
