import CLinux
import CgroupOverlay
import FuseKernel
import Glibc
import Logging
import StackCore
import SystemCalls

/// A mirror from the checks before it is mounted to its end.
struct Mirroring {
    private let command: MountCommand
    private var options: MountOptions
    private let attrval: Double?
    private let lowerPath: String
    /// Nil with `--fuse-fd`, where a mount point need not be known.
    private let mountPath: String?
    private let logger: Logger

    /// Everything about the command line that is a usage error is found here.
    init(_ command: MountCommand) throws(Failure) {
        self.command = command
        options = try MountOptions(lists: command.lists)
        attrval = try command.attrval.map { (text) throws(Failure) in try seconds(text, of: "--attrval") }
        (lowerPath, mountPath) = try command.paths()
        if command.cgroupOnly {
            // The mount point is the lower directory, and the tree at its root hides it.
            if options.cgroups.isEmpty { options.cgroups = [try CgroupOption("/:v2")] }
            guard options.cgroups.count == 1, options.cgroups[0].place.components.isEmpty else {
                throw .usage("--cgroup-only shows one tree at the mount's root: -o cgroup=/:v1 or cgroup=/:v2")
            }
            options.cache = MountOptions.Cache.none
            options.fsname = options.fsname ?? "cgroup"
        }
        if options.cgroups.isEmpty, command.state != nil {
            throw .usage("--state keeps control groups: give -o cgroup= too")
        }
        if options.cgroups.count > 32 { throw .usage("cgroup= is given more than 32 times") }
        if !options.cgroups.isEmpty, options.smallFiles {
            throw .usage("small-files and cgroup= exclude each other: control groups' files have to be opened")
        }
        let level = try command.level()
        if let number = command.fuseFd, number < 0 { throw .usage("--fuse-fd \(number) is no descriptor") }
        logger = Logger(label: "stackfs", factory: { _ in CommandLog(logLevel: level) })
    }

    func run() throws(Failure) {
        if command.foreground || command.debug { return try serve(try prepare(), .none) }
        guard let background = Background.ofThisProcess() else {
            Background.closeInherited(except: command.fuseFd, nil)
            // What can be told beforehand is told in front.
            _ = try prepare()
            try Background.start()
        }
        Background.closeInherited(except: command.fuseFd, background)
        CommandLog.send(to: .both)
        do throws(Failure) { try serve(try prepare(), background) } catch { background.fail(error) }
    }

    /// What is known before anything is mounted.
    private struct Prepared: ~Copyable {
        let lower: Descriptor
        let source: String
        let target: String?
        let plan: MountPlan
        let statistics: Int32?
    }

    private func prepare() throws(Failure) -> Prepared {
        let lower = try Checks.openLower(lowerPath)
        guard let source = resolved(lowerPath) else {
            throw .unable("the path of the lower directory \(lowerPath) cannot be found: \(Errno.last)")
        }
        let statistics = try command.statsdir.map { (path) throws(Failure) in try Checks.openStatistics(path).take() }
        let target = try command.fuseFd == nil ? checkedMountPoint(lower, source) : mountPath.flatMap(resolved)
        let plan = MountPlan(options, user: geteuid(), source: source, lower: try flags(of: lower))
        return Prepared(lower: lower, source: source, target: target, plan: plan, statistics: statistics)
    }

    /// The mount point's real path, once everything that is known beforehand allows the mount.
    private func checkedMountPoint(_ lower: borrowing Descriptor, _ source: String) throws(Failure) -> String? {
        guard let mountPath else { return nil }
        let privileged = geteuid() == 0
        let point = try Checks.openMountPoint(mountPath, privileged: privileged)
        guard let target = resolved(mountPath) else {
            throw .unable("the path of the mount point \(mountPath) cannot be found: \(Errno.last)")
        }
        // That it is not empty would hide why: a mount point above or below the lower directory hardly ever is.
        if !command.cgroupOnly { try Checks.checkApart(lower: lower, source, mount: point, target) }
        if !options.nonempty { try Checks.checkEmpty(target, point.number) }
        if !privileged, options.access == .everybody || options.access == .root { try Checks.checkUserAllowOther() }
        return target
    }

    private func flags(of lower: borrowing Descriptor) throws(Failure) -> LowerFlags {
        var status = linux_statfs()
        let result = linux_fstatfs(lower.number, &status)
        guard result == 0 else {
            throw .unable("the lower directory \(lowerPath) cannot be asked: \(Errno(rawValue: Int32(-result)))")
        }
        return LowerFlags(rawValue: status.flags)
    }

    private func serve(_ prepared: consuming Prepared, _ background: Background) throws(Failure) {
        let (source, target, plan) = (prepared.source, prepared.target, prepared.plan)
        let statistics = prepared.statistics
        let lower = prepared.lower.take()
        let openFiles = raiseDescriptorLimit()
        var watching: Watching
        do throws(Failure) {
            watching = try Watching.choose(
                options, lower: lower, mountPoint: target, verbose: command.debug)
        } catch {
            _ = linux_close(lower)
            throw error
        }
        let signals: SignalWatch
        let mirror: Mirror
        do throws(Errno) {
            signals = try SignalWatch([SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2])
            mirror = try Mirror(
                lower: Descriptor(owning: lower), options: mirrorOptions(plan, watching, openFiles: openFiles),
                logger: logger)
        } catch {
            throw .unable("the lower directory \(source) cannot be served: \(error)")
        }
        let trees =
            try options.cgroups.isEmpty
            ? nil
            : CgroupTrees(
                options.cgroups, size: options.cgroupSize, enforcesLimits: options.cgroupEnforce, stateFile: statePath)
        let rings = try makeRings()
        let (mount, connection) = try connect(target, plan)
        watching.seeDescriptors(mirror.options.cache, verbose: command.debug)
        let confinement: Confinement
        do throws(Errno) {
            // Before the first message is read: with --fuse-fd, whoever opened the connection may have written it.
            confinement = try Confinement.enter(
                runsPrograms: mount?.needsFusermount ?? false, governsProcesses: trees != nil)
        } catch {
            try? mount?.unmount(lazily: true)
            throw .unable("the capabilities that are not needed could not be given up: \(error)")
        }
        let run = Run(
            source: source, target: target, plan: plan, statistics: statistics, background: background, mount: mount,
            connection: connection, rings: rings, watching: watching, confinement: confinement, signals: signals,
            trees: trees)
        guard let trees else { return try serve(mirror, mirror, run) {} }
        let overlaid: OverlaidMirror
        do throws(Errno) {
            overlaid = try OverlaidMirror(mirror, trees.overlays)
        } catch {
            try? mount?.unmount(lazily: true)
            throw .unable("the control groups cannot be shown: \(error)")
        }
        try serve(overlaid, mirror, run) { () throws(Errno) in
            if let mount { try overlaid.tellModifications(of: mount) }
        }
    }

    /// The state file from the daemon's working directory, which is / in the background.
    private var statePath: String? {
        guard let path = command.state else { return nil }
        if path.hasPrefix("/") { return path }
        guard let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        return String(cString: directory) + "/" + path
    }

    /// What has been made by the time that a mount is served.
    private struct Run {
        let source: String
        let target: String?
        let plan: MountPlan
        let statistics: Int32?
        let background: Background
        let mount: Mount?
        let connection: Connection
        let rings: RingSet?
        let watching: Watching
        let confinement: Confinement
        let signals: SignalWatch
        let trees: CgroupTrees?
    }

    /// - Parameter whenServing: what else is started then.
    private func serve<Served: ServedFileSystem>(
        _ served: Served, _ mirror: Mirror, _ run: Run, _ whenServing: () throws(Errno) -> Void
    ) throws(Failure) {
        let session: Session<Served>
        do throws(Failure) {
            session = try beginSession(served, mirror, run)
        } catch {
            try? run.mount?.unmount(lazily: true)
            throw error
        }
        var followers: [Follower] = []
        do throws(Errno) {
            followers = try run.trees?.follow() ?? []
            try whenServing()
        } catch {
            logger.warning("no thread can be had to follow processes (\(error)): their exits show when somebody looks")
        }
        announce(session, mirror, run)
        // Reading the options, and the kernel's types to load programs, takes memory that nobody needs again: up to 18 MB.
        linux_release_start()
        run.background.ready()

        let report = { () in self.report(session, run.source, run.target, to: run.statistics) }
        let end = session.serve(run.mount, run.signals) { signal in
            if signal == SIGUSR1 { report() } else { mirror.stopWatching() }
        }
        mirror.endWatching()
        for follower in followers { follower.stop() }
        report()
        if end == .workerFailed { throw .unable("\(run.target ?? run.source): \(end.sentence)") }
        logger.info("\(run.target ?? run.source): \(end.sentence)")
    }

    /// Rings for the transport, before the daemon may make none any more; nil where /dev/fuse is to serve.
    private func makeRings() throws(Failure) -> RingSet? {
        if options.transport == .device { return nil }
        guard RingSet.isEnabledByModule == true else {
            guard options.transport == .ring else { return nil }
            throw .unable(
                RingSet.isEnabledByModule == nil
                    ? "transport=ring cannot be had: FUSE over io_uring needs Linux 6.14"
                    : "transport=ring cannot be had: have root enable it with "
                        + "'echo Y > /sys/module/fuse/parameters/enable_uring'")
        }
        do throws(Errno) {
            return try RingSet()
        } catch {
            if options.transport == .ring { throw .unable("transport=ring cannot be had: io_uring: \(error)") }
            logger.notice("io_uring cannot be had (\(error)): requests come by /dev/fuse")
            return nil
        }
    }

    private func beginSession<Served: ServedFileSystem>(
        _ served: Served, _ mirror: Mirror, _ run: Run
    ) throws(Failure) -> Session<Served> {
        let session: Session<Served>
        let obstacle: String?
        do throws(SessionError) {
            session = try Session(run.connection, served, sessionOptions(served, mirror, run), logger)
            served.attach(run.connection, session.negotiation)
            obstacle = options.passthrough == .on ? mirror.passthroughObstacle : nil
            if obstacle == nil {
                try startWatching(run.watching, mirror, session.negotiation)
                try session.begin()
            }
        } catch {
            throw .unable(error.sentence(descriptor: command.fuseFd))
        }
        if let obstacle { throw .unable("passthrough=on cannot be had: \(obstacle)") }
        return session
    }

    private func startWatching(
        _ watching: Watching, _ mirror: Mirror, _ negotiation: Negotiation
    ) throws(SessionError) {
        guard let source = watching.source else { return }
        do throws(Errno) {
            try mirror.watch(by: source, watching.heldFiles, negotiation)
        } catch {
            throw .system(error)
        }
    }

    private func connect(_ target: String?, _ plan: MountPlan) throws(Failure) -> (Mount?, Connection) {
        if let number = command.fuseFd { return (nil, Connection(owning: try Checks.connection(number))) }
        guard let target else { throw .usage("a mount point is needed") }
        let (result, words) = capturingStandardError {
            Result { () throws(MountError) in try Mount.make(at: target, options: plan.options) }
        }
        switch result {
        case .success(let (mount, connection)):
            if !words.isEmpty { logger.notice("\(words)") }
            if let flags = plan.flagsAfterwards {
                do throws(Errno) {
                    try mount.setFlags(flags)
                } catch {
                    logger.warning("auto_unmount leaves nosuid and nodev in force: \(error)")
                }
            }
            return (mount, connection)
        case .failure(let error):
            var sentence = "\(target) was not mounted: \(error)"
            if !words.isEmpty { sentence += " (\(words))" }
            if case .refused = error, geteuid() == 0, !Capability.sysAdmin.isEffective {
                sentence += "; mounting as root needs CAP_SYS_ADMIN: for a container, --cap-add SYS_ADMIN"
            }
            throw .unable(sentence)
        }
    }

    /// - Parameter openFiles: the limit of open descriptors. Half of them may be nodes': the rest is for files in use.
    private func mirrorOptions(_ plan: MountPlan, _ watching: Watching, openFiles: Int) -> MirrorOptions {
        var result = MirrorOptions()
        result.cache = options.cachePolicy(attrval: attrval, isWatched: watching.source != nil)
        result.readOnly = plan.readOnly
        result.writebackCache = options.writebackCache
        result.passthrough = options.passthrough
        result.smallFiles = options.smallFiles
        result.lowerLocks.subtract(options.ownLocks)
        // Beside file handles descriptors are a cache, and few will do; without them, they are all there is.
        let wanted = Capability.readSearch.isEffective ? result.descriptorLimit : 1 << 20
        result.descriptorLimit = min(wanted, openFiles / 2)
        return result
    }

    private func sessionOptions(_ served: some ServedFileSystem, _ mirror: Mirror, _ run: Run) -> SessionOptions {
        var result = SessionOptions()
        // Each entry of a ring has a buffer of this size: 4 MiB in all on two processors.
        result.maxWrite = options.maxWrite ?? (run.rings == nil ? result.maxWrite : 256 << 10)
        result.rings = run.rings
        // Those that are not needed wait, and their buffers are only address space until then.
        result.threads = command.single ? 1 : options.threads ?? 16
        result.clonesDescriptor = options.cloneDescriptor
        result.pollTime = UInt64(options.busyPoll) * 1000
        result.wanted = served.wantedFlags
        result.soleUser = run.plan.soleUser
        result.stackDepth = mirror.stackDepth
        result.measuresLatency = command.statsdir != nil
        return result
    }

    private func announce(_ session: Session<some ServedFileSystem>, _ mirror: Mirror, _ run: Run) {
        let (plan, watching, confinement) = (run.plan, run.watching, run.confinement)
        let target = run.target ?? "descriptor \(run.connection.descriptor)"
        let threads = session.deviceWorkers
        let transport =
            session.ringWorkers > 0
            ? "io_uring with \(session.ringWorkers) rings"
            : "/dev/fuse with \(threads == 1 ? "1 thread" : "up to \(threads) threads")"
        let parts =
            [
                "\(command.cgroupOnly ? "control groups" : run.source) at \(target)",
                "FUSE protocol 7.\(session.negotiation.minorVersion)",
                transport,
            ] + options.cgroups.map(\.summary) + (command.cgroupOnly ? [] : summary(mirror, watching)) + [
                confinement.summary
            ]
        logger.info("\(parts.joined(separator: "; "))")
        if options.splices { logger.info("splice_read, splice_write and splice_move are accepted; data is copied") }
        if options.writebackCache, !session.negotiation.inForce.contains(.writebackCache) {
            logger.notice("writeback_cache is not in force: the kernel does not offer it")
        }
        for detail in watching.details { logger.info("\(detail)") }
        for note in plan.notes + watching.notes + (run.trees?.notes ?? []) + mirror.shortcomings
            + confinement.shortcomings
        { logger.notice("\(note)") }
    }

    /// How the lower directory is mirrored.
    private func summary(_ mirror: Mirror, _ watching: Watching) -> [String] {
        let writeback = options.writebackCache ? ", writeback" : ""
        let cache = "cache \(mirror.options.cache.summary)\(watching.summary)\(writeback)"
        return [cache] + (watching.source?.blindSpots ?? []) + mirror.summary
    }

    private func report(
        _ session: Session<some ServedFileSystem>, _ source: String, _ target: String?, to directory: Int32?
    ) {
        guard let directory else { return }
        let report = StatisticsReport(
            operations: session.operationStatistics, lower: source, mount: target ?? "another process's mount")
        do throws(Errno) {
            try report.write(to: directory)
        } catch {
            logger.error("the statistics could not be written to \(command.statsdir ?? ""): \(error)")
        }
    }

    /// Raises the limit of open descriptors as far as it goes, and returns it.
    private func raiseDescriptorLimit() -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        if before < limit.rlim_max, setrlimit(resource, &limit) != 0 {
            logger.warning("the limit of open files stays at \(before): \(Errno.last)")
            return Int(clamping: before)
        }
        logger.debug("open files: at most \(limit.rlim_cur), the hard limit; it was \(before)")
        return Int(clamping: limit.rlim_cur)
    }
}

extension CachePolicy {
    /// `none`, `ttl:1` or `watched`, and what deviates from it, in seconds.
    var summary: String {
        let base: String
        let standard: CachePolicy
        switch mode {
        case .none: base = "none"
        case .timeToLive(let seconds): base = "ttl:\(Self.plain(seconds))"
        case .watched: base = "watched"
        }
        standard = CachePolicy(mode: mode)
        let deviations = [
            ("entries", watched.entry, standard.watched.entry),
            ("attributes", watched.attributes, standard.watched.attributes),
            ("missing names", watched.negative, standard.watched.negative),
        ].filter { $0.1 != $0.2 }
        let details = deviations.map {
            "\($0.0) \(Self.plain(Double($0.1.seconds) + Double($0.1.nanoseconds) / 1e9)) s"
        }
        return details.isEmpty ? base : "\(base) (\(details.joined(separator: ", ")))"
    }

    private static func plain(_ seconds: Double) -> String {
        seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
    }
}

extension SessionError {
    /// What happened, and the way out.
    func sentence(descriptor: Int32?) -> String {
        switch self {
        case .protocolTooOld(let major, let minor):
            return
                "this kernel is too old: it speaks FUSE protocol \(major).\(minor), and stackfs needs 7.34 or later, "
                + "which Linux 5.15 and later have"
        case .malformedInit:
            return "the first message of the connection is no INIT: has somebody else served it before?"
        case .connectionEnded: return "the mount was taken down before it was ready"
        case .system(.eperm) where descriptor != nil:
            return "--fuse-fd \(descriptor ?? 0) is open, but nothing is mounted with it: mount first, with fd=N"
        case .system(let error): return "the connection to the kernel failed: \(error)"
        }
    }
}

extension SessionEnd {
    fileprivate var sentence: String {
        switch self {
        case .connectionEnded: return "unmounted"
        case .workerFailed: return "detached, as a thread that serves it failed; those who still used it get errors"
        case .signal(let signal): return "unmounted on signal \(signal)"
        case .signalWhileBusy(let signal): return "detached on signal \(signal); those who still used it get errors"
        }
    }
}
