import CLinux
import FuseKernel
import Glibc
import Logging
import StackCore
import SystemCalls

@main struct Stackfs {
    static func main() throws {
        let a = CommandLine.arguments
        var logger = Logger(label: "stackfs") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = getenv("TRACE") != nil ? .trace : .info
        let lower = Descriptor(owning: open(a[1], O_RDONLY | O_CLOEXEC))
        var mo = MirrorOptions()
        if getenv("TTL") != nil { mo.cache = CachePolicy(mode: .timeToLive(seconds: 3600)) }
        let mirror = try Mirror(lower: lower, options: mo, logger: logger)
        let (mount, connection) = try Mount.make(at: a[2], options: ["default_permissions", "allow_other", "dev", "suid", "fsname=\(a[1])", "subtype=stackfs"])
        var o = SessionOptions()
        o.wanted = mirror.wantedFlags
        mirror.attach(connection)
        let signals = try SignalWatch([SIGINT, SIGTERM, SIGHUP, SIGUSR1])
        let session = try Session(connection, mirror, o, logger)
        try session.begin()
        for l in mirror.report { logger.info("\(l)") }
        let end = session.serve(mount, signals) { _ in }
        logger.info("\(end)")
        for s in session.operationStatistics { print(s.name, s.requests, s.errors) }
    }
}
