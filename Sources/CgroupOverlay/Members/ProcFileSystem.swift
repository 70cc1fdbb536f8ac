import CLinux
import Glibc
import SystemCalls

/// The machine's processes as /proc shows them.
///
/// A look costs a getdents64(2) and a read of /proc/PID/stat for each process. It is spared when nothing has begun since:
/// /proc/loadavg tells the last pid given and the number of threads. What has exited without being waited for shows at the next
/// look.
public final class ProcFileSystem: ProcessTable {
    private let proc: Descriptor
    private let lock = Lock()
    /// Guarded by `lock`, as the tree is not the only one who asks.
    private nonisolated(unsafe) var cached = ProcessListing(serial: 0, records: [])
    private nonisolated(unsafe) var cachedAt: UInt64 = 0
    private nonisolated(unsafe) var cachedLoad: ArraySlice<UInt8>?
    private nonisolated(unsafe) var forkEvents: ForkEvents?

    /// - Parameter followsForks: ask the kernel to tell of forks, where it may be asked. That must happen before the process
    ///   gives up its capabilities.
    /// - Throws: what opening /proc gives.
    public init(followsForks: Bool = true) throws(Errno) {
        let flags = O_RDONLY | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC
        proc = Descriptor(owning: Int32(try checked(linux_openat(LINUX_AT_FDCWD, "/proc", flags, 0))))
        forkEvents = followsForks ? ForkEvents.begin() : nil
    }

    /// Whether the kernel tells of forks: then the parent of every process is known, else it is guessed where it has exited.
    public var knowsForks: Bool {
        lock.lock()
        defer { lock.unlock() }
        switch forkEvents {
        case .some: return true
        case .none: return false
        }
    }

    public func all(maximumAge: UInt64) -> ProcessListing {
        lock.lock()
        defer { lock.unlock() }
        let now = monotonicTime()
        if cached.serial > 0 && now - cachedAt < maximumAge { return cached }
        let load = begunAndRunning
        forkEvents?.fetch()
        // Who exits without being waited for changes nothing in /proc/loadavg: either that is told, or it is looked for.
        let isSettled = (forkEvents?.unsettledUntil ?? .max) < now
        let longest = isSettled ? Self.longestSettled : Self.longest
        if let load, load == cachedLoad, !cached.records.isEmpty, now - cachedAt < longest { return cached }
        let pids = numbers(in: ".")
        // After the listing, so that who is in it has been told.
        forkEvents?.fetch()
        forkEvents?.nextRound()
        cached = ProcessListing(serial: cached.serial + 1, records: pids.compactMap { process($0) })
        cachedAt = now
        cachedLoad = load
        return cached
    }

    /// How long a listing holds although nothing has begun, in nanoseconds: somebody may have become a zombie.
    private static let longest: UInt64 = 20_000_000
    /// How long it holds where nobody has.
    private static let longestSettled: UInt64 = 1_000_000_000

    public func parentAtBirth(of pid: Int32) -> Int32? {
        lock.lock()
        defer { lock.unlock() }
        return forkEvents?.parent(of: pid) ?? nil
    }

    public func process(_ pid: Int32) -> ProcessRecord? {
        read("\(pid)/stat") { ProcessRecord(stat: $0, pid: pid) } ?? nil
    }

    public func processOfThread(_ tid: Int32) -> Int32? {
        field("Tgid:", of: tid).flatMap { Int32($0[0]) }
    }

    public func threads(of pid: Int32) -> [Int32] { numbers(in: "\(pid)/task") }

    public func hasStopped(_ pid: Int32) -> Bool {
        threads(of: pid).allSatisfy { thread in
            let state = read("\(pid)/task/\(thread)/stat") { text in
                text.lastIndex(of: 41).flatMap { text.dropFirst($0 - text.startIndex + 2).first }
            }
            guard let state, let state else { return true }
            return "TtZX".utf8.contains(state)
        }
    }

    public func owner(of pid: Int32) -> (real: UInt32, saved: UInt32)? {
        guard let ids = field("Uid:", of: pid), ids.count >= 3, let real = UInt32(ids[0]), let saved = UInt32(ids[2])
        else { return nil }
        return (real, saved)
    }

    public func oomAdjustment(of pid: Int32) -> Int32 {
        read("\(pid)/oom_score_adj") { Int32(clamping: (try? Input.signed(Input.strip($0))) ?? 0) } ?? 0
    }

    public func descriptor(_ number: Int32, of tid: Int32) -> DescriptorTarget {
        var target = [UInt8](repeating: 0, count: 4096)
        let count = target.withUnsafeMutableBytes {
            linux_readlinkat(proc.number, "\(tid)/fd/\(number)", $0.baseAddress!, $0.count)
        }
        if count < 0 { return count == -Int64(ENOENT) ? .notOpen : .unknown }
        return .path(Array(target[..<Int(count)]))
    }

    public var bootIdentity: String {
        read("sys/kernel/random/boot_id") { String(decoding: Input.strip($0), as: UTF8.self) } ?? ""
    }

    /// What /proc/loadavg says after the averages: "1/123 4567".
    private var begunAndRunning: ArraySlice<UInt8>? {
        read("loadavg") { text in
            let words = text.split(separator: 32)
            guard words.count == 5, let slash = words[3].firstIndex(of: 47) else { return nil }
            return ArraySlice(Array(words[3][slash...]) + Array(words[4]))
        } ?? nil
    }

    /// The words after a key of /proc/TID/status.
    private func field(_ key: String, of tid: Int32) -> [String]? {
        read("\(tid)/status") { text in
            for line in text.split(separator: 10) where line.starts(with: key.utf8) {
                return line.dropFirst(key.utf8.count).split { $0 == 9 || $0 == 32 }.map {
                    String(decoding: $0, as: UTF8.self)
                }
            }
            return nil
        } ?? nil
    }

    /// The text of a small file below /proc.
    private func read<Result>(_ path: String, _ body: (ArraySlice<UInt8>) -> Result) -> Result? {
        ProcText.read(path, in: proc.number, body)
    }

    /// The names in a directory below /proc that are numbers, in ascending order.
    private func numbers(in path: String) -> [Int32] { ProcText.directory(path, in: proc.number).sorted() }
}

extension ProcessRecord {
    /// Reads /proc/PID/stat, proc_pid_stat(5). A process whose first thread has ended lives on in the others. The command's
    /// name, which may hold anything, ends at the last parenthesis.
    init?(stat text: ArraySlice<UInt8>, pid: Int32) {
        guard let end = text.lastIndex(of: 41) else { return nil }
        let words = text[(end + 1)...].split(separator: 32, maxSplits: 20)
        func number(_ field: Int) -> Int64 { (try? Input.signed(words[field - 3])) ?? 0 }
        guard words.count >= 20, let state = words[0].first else { return nil }
        // PF_KTHREAD
        let isKernelThread = number(9) & 0x20_0000 != 0
        self.init(
            pid: pid, parent: Int32(truncatingIfNeeded: number(4)), processGroup: Int32(truncatingIfNeeded: number(5)),
            session: Int32(truncatingIfNeeded: number(6)), start: UInt64(truncatingIfNeeded: number(22)),
            threads: Int32(truncatingIfNeeded: number(20)), isZombie: (state == 90 || state == 88) && number(20) <= 1,
            isKernelThread: isKernelThread)
    }
}
