import CLinux
import ExtCache
import Glibc
import StackCore
import SystemCalls

/// Who sees what changes behind the mount, and why nobody better does.
struct Watching {
    /// Nil where caches are kept by time.
    var source: (any ChangeSource)?
    /// What is missing, for the user's eyes.
    var notes: [String] = []
    /// Why no better source watches, for the log.
    var details: [String] = []

    /// One way to watch, the best first in ``all``.
    private struct Candidate: Sendable {
        let kind: MountOptions.Watcher
        let make:
            @Sendable (_ lower: Int32, _ mountPoint: String?, _ verbose: Bool) throws(ChangeSourceError) ->
                any ChangeSource
    }

    private static let all = [
        Candidate(kind: .ebpf) { (lower, mountPoint, verbose) throws(ChangeSourceError) in
            try BPFWatcher(lower: lower, mountPoint: mountPoint, verbose: verbose)
        },
        Candidate(kind: .fanotify) { (lower, _, _) throws(ChangeSourceError) in try FanotifyWatcher(lower: lower) },
        Candidate(kind: .inotify) { (lower, _, _) throws(ChangeSourceError) in try InotifyWatcher(lower: lower) },
    ]

    /// What finds descriptors on the mount, where it is of use and can be had.
    var heldFiles: (any HeldFileSource)?

    /// Makes ``heldFiles`` for a mount with this policy, once it is made and before privileges are given up.
    mutating func seeDescriptors(_ policy: CachePolicy, verbose: Bool) {
        guard let source, policy.keepsAttributes(source.reach) else { return }
        do throws(BPFObstacle) {
            heldFiles = try HeldFiles(verbose: verbose)
        } catch {
            details.append("after changes that were lost, what is held by O_PATH alone comes last: \(error)")
        }
    }

    /// " by fanotify" in the first line of the log.
    var summary: String { source.map { " by \($0.name)" } ?? "" }

    /// Makes the source that the options ask for, before privileges are given up.
    ///
    /// - Parameter verbose: libraries that help to watch write to standard error why something fails.
    /// - Throws: where `cache=watched` was asked for and nothing can watch.
    static func choose(
        _ options: MountOptions, lower: Int32, mountPoint: String?, verbose: Bool
    ) throws(Failure) -> Watching {
        switch options.cache {
        case .some(.none), .timeToLive: return Watching()
        case nil where geteuid() != 0: return Watching()
        case nil, .auto, .watched: break
        }
        let (source, obstacles) = attempt(options.watcher, lower, mountPoint, verbose: verbose)
        if let source { return Watching(source: source, details: obstacles) }
        let reasons = obstacles.joined(separator: "; ")
        if options.cache == .watched {
            throw .unable("cache=watched cannot be had: \(reasons). Give cache=ttl:SECONDS, or leave it out")
        }
        return Watching(notes: ["changes behind the mount are not watched, caches are kept by time: \(reasons)"])
    }

    /// The first source that can be had, and why those before it cannot.
    private static func attempt(
        _ wanted: MountOptions.Watcher, _ lower: Int32, _ mountPoint: String?, verbose: Bool = false
    ) -> (source: (any ChangeSource)?, obstacles: [String]) {
        var obstacles: [String] = []
        for candidate in all where wanted == .auto || wanted == candidate.kind {
            do throws(ChangeSourceError) {
                return (try candidate.make(lower, mountPoint, verbose), obstacles)
            } catch {
                // What no watcher can help is one reason for all of them.
                if !obstacles.contains(error.reason) { obstacles.append(error.reason) }
            }
        }
        return (nil, obstacles)
    }

    /// For `stackfs doctor`: the watcher of a lower directory, what it does not see, and why there is no better one.
    static func report(lower path: String) -> [[String]] {
        let opened = linux_openat(LINUX_AT_FDCWD, path, O_RDONLY | LINUX_O_DIRECTORY | LINUX_O_CLOEXEC, 0)
        guard opened >= 0 else { return [] }
        let lower = Descriptor(owning: Int32(opened))
        let (source, obstacles) = attempt(.auto, lower.number, nil)
        let asked = geteuid() == 0 ? "unless -o cache= says otherwise" : "with -o cache=auto; else by time, ttl:1"
        var rows: [[String]] = []
        if let source {
            rows.append(["cache", "watched by \(source.name) on \(path), \(asked)"])
            rows += source.blindSpots.map { ["not seen", $0] }
        } else {
            rows.append(["cache", "by time, ttl:1 unless -o cache= says otherwise"])
        }
        return rows + obstacles.map { ["watcher", $0] }
    }
}
