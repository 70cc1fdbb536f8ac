import ArgumentParser
import Differential
import Glibc
import MountSupport
import Synchronization

/// The differential test for long runs and for other daemons than stackfs.
@main
struct DifferentialCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stackfs-differential",
        abstract: "Makes random system calls on a directory and on a mount, and compares everything they give.",
        discussion: """
            Without --native and --mount it makes a file system image, runs stackfs on one of its directories and compares \
            with another. Exit status 0: no difference; 1: differences, printed as short scripts; 2: it could not run.
            """)

    @Option(help: "How many calls to make on each side.") var calls = 50_000
    @Option(help: "Draws the same calls again.") var seed: UInt64 = .random(in: 0 ... .max)
    @Option(help: "How many threads work at once, each in directories of its own.") var threads = 4
    @Option(help: "Calls in one directory before trees are compared.") var perSequence = 400
    @Option(help: "The lower file system: \(LowerFileSystem.allCases.map(\.rawValue).joined(separator: ", ")).")
    var lowerFs = "ext4"
    @Option(help: "Stop after so many different scripts.") var failures = 1
    @Flag(help: "Report each kind of difference once and go on: what a daemon lacks, at one look.") var survey = false
    @Flag(help: "Let all threads work in one tree, and compare the mount with what lies behind it afterwards.")
    var shared = false
    @Flag(help: "Compare two directories of the lower file system without a mount: tests the test.") var selfTest =
        false
    @Flag(help: "Tell how often each call was made and succeeded.") var coverage = false
    @Option(help: "Options for the daemon's -o.") var options = "allow_other,default_permissions"
    @Option(help: "Another daemon to test, a command with {lower} and {mount} in it.") var daemon: String?
    @Option(help: "A native directory, with --mount instead of the own fixture.") var native: String?
    @Option(help: "A mount's directory.") var mount: String?
    @Option(help: "The directory that --mount shows, if it can be seen.") var lower: String?

    mutating func run() throws {
        if let missing = Requirements.missing { throw Refusal(missing) }
        guard (native == nil) == (mount == nil) else { throw ValidationError("--native and --mount go together") }
        guard let kind = LowerFileSystem(rawValue: lowerFs) else {
            throw ValidationError("unknown file system \(lowerFs)")
        }
        if let native, let mount {
            return try compare(
                Sides(
                    native: native, mount: mount, lower: lower,
                    stampsAccesses: MountEntry.holding(native)?.stampsAccesses ?? false), nil)
        }
        let fixture = try Fixture(
            kind, options: options.split(separator: ",").map(String.init),
            command: daemon?.split(separator: " ").map(String.init), mounted: !selfTest, deadline: 86_400)
        try compare(fixture.sides, fixture.mount)
        try fixture.mount?.unmount()
    }

    private func compare(_ sides: Sides, _ mount: TestMount?) throws {
        var test = Differential(sides: sides, seed: seed, calls: calls)
        test.threads = threads
        test.callsPerSequence = perSequence
        test.failureLimit = failures
        test.survey = survey
        let bar = ProgressBar(total: calls)
        test.progress = { bar.show($0) }
        print("seed \(seed)")
        fflush(nil)
        let report = try shared ? test.runShared() : test.run()
        bar.end()
        if coverage { print(report.coverage) }
        for failure in report.failures { print("\(failure)\n") }
        print(
            "\(report.calls) calls on each side, \(report.failures.count) differences, \(report.accepted) accepted deviations"
        )
        if let failure = mount?.failure { print(failure) }
        if !report.failures.isEmpty { throw ExitCode(1) }
    }
}

/// Why the test cannot run.
struct Refusal: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// How far a run is, on standard error where that is a terminal.
final class ProgressBar: Sendable {
    private let total: Int
    private let shown = Mutex(-1)
    private let visible = isatty(2) == 1

    init(total: Int) { self.total = max(total, 1) }

    func show(_ done: Int) {
        let percent = min(100, done * 100 / total)
        shown.withLock { shown in
            guard visible, percent > shown else { return }
            shown = percent
            let filled = String(repeating: "#", count: percent / 2)
            let empty = String(repeating: ".", count: 50 - percent / 2)
            write("\r[\(filled)\(empty)] \(percent) % of \(total) calls")
        }
    }

    func end() { if visible { write("\n") } }

    private func write(_ text: String) { _ = text.withCString { Glibc.write(2, $0, strlen($0)) } }
}
