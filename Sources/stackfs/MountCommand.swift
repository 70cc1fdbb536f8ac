import ArgumentParser
import FuseKernel
import Glibc
import Logging
import StackCore
import SystemCalls

/// `stackfs [mount]`: mirrors a lower directory at a mount point.
struct MountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount",
        abstract: "Show a directory faithfully at another place.",
        usage: """
            stackfs [mount] [<options>] -r <lower> <mount>
            stackfs [mount] [<options>] <lower> <mount>
            stackfs umount [-l] [-f] <mount>
            stackfs doctor [<lower>]
            stackfs [mount] [<options>] --cgroup-only <mount>
            stackfs cgroup files
            stackfs cgroup top <directory>
            """,
        discussion: """
            The command goes to the background once the mount is ready; its exit status says whether it is. SIGINT, SIGTERM and \
            SIGHUP unmount.
            """)

    @Option(
        name: [.customShort("r", allowingJoined: true), .customLong("rootdir")], parsing: .unconditional,
        help: ArgumentHelp("The lower directory, which is shown.", valueName: "dir"))
    var rootdir: String?

    @Option(
        name: .customShort("o", allowingJoined: true), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Options of the list below, separated by commas; may be repeated.", valueName: "list"))
    var lists: [String] = []

    @Option(help: ArgumentHelp("How long names and attributes are kept (default 1).", valueName: "seconds"))
    var attrval: String?

    @Option(
        help: ArgumentHelp(
            "Write operations.txt and operations.json there, counts and latencies by operation, at the unmount and on SIGUSR1.",
            valueName: "dir"))
    var statsdir: String?

    @Option(
        help: ArgumentHelp("Keep control groups and their settings over a restart.", valueName: "file"))
    var state: String?

    @Flag(help: "Show control groups alone, with no lower directory: -o cgroup=/:v2, if nothing else is said.")
    var cgroupOnly = false

    @Flag(help: "Log each request.")
    var tracing = false

    @Flag(name: .customShort("f"), help: "Stay in the foreground, and log to standard error.")
    var foreground = false

    @Flag(name: .customShort("d"), help: "The same, with --log-level debug.")
    var debug = false

    @Flag(name: .customShort("s"), help: "Serve with a single thread.")
    var single = false

    @Option(help: ArgumentHelp("trace, debug, info (default), notice, warning or error.", valueName: "level"))
    var logLevel: String?

    @Option(
        help: ArgumentHelp(
            "Serve the connection that somebody else has opened as this descriptor, and mounted.", valueName: "number"))
    var fuseFd: Int32?

    @Flag(name: [.customShort("V"), .long], help: "Show the version.")
    var version = false

    @Argument(
        help: ArgumentHelp("The lower directory, unless -r names it, and the mount point.", valueName: "directories"))
    var directories: [String] = []

    func run() throws {
        if version { return say("stackfs \(Stackfs.release)\n", on: 1) }
        try Mirroring(self).run()
    }

    /// The level that the options ask for.
    func level() throws(Failure) -> Logger.Level {
        if tracing { return .trace }
        guard let logLevel else { return debug ? .debug : .info }
        let levels: [Logger.Level] = [.trace, .debug, .info, .notice, .warning, .error]
        guard let level = levels.first(where: { $0.rawValue == logLevel }) else {
            let names = levels.map(\.rawValue).joined(separator: ", ")
            throw .usage("--log-level \(logLevel) is none of \(names)")
        }
        return level
    }

    /// The lower directory and the mount point, as they were given.
    func paths() throws(Failure) -> (lower: String, mount: String?) {
        let all = (rootdir.map { [$0] } ?? []) + directories
        let form = "stackfs -r LOWER MOUNT [-o OPTIONS]; see 'stackfs --help'"
        if all.contains("") { throw .usage("a directory's name is empty: \(form)") }
        if cgroupOnly {
            if all.count == 1 && rootdir == nil { return (all[0], all[0]) }
            throw .usage("--cgroup-only takes a mount point and no lower directory; see 'stackfs --help'")
        }
        switch all.count {
        case 0: throw .usage("a lower directory and a mount point are needed: \(form)")
        case 1 where fuseFd != nil: return (all[0], nil)
        case 1 where rootdir != nil: throw .usage("a mount point is needed after -r \(all[0]): \(form)")
        case 1: throw .usage("a mount point is needed after the lower directory \(all[0]): \(form)")
        case 2: return (all[0], all[1])
        default: throw .usage("'\(all[2])' is one directory too many: \(form)")
        }
    }
}
