import ArgumentParser
import CLoops
import Foundation

@main
struct StackfsBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stackfs-bench",
        abstract: "Measure what stackfs and file systems like it cost against the directory that they show.",
        subcommands: [
            RunCommand.self, VisibilityCommand.self, SweepCommand.self, ScrapeCommand.self, LoopCommand.self,
        ],
        defaultSubcommand: RunCommand.self)
}

/// The part of a measurement that runs on the file system.
struct LoopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "loop", shouldDisplay: false)

    @Argument var key: String
    @Argument var lower: String
    @Argument var beside: String
    @Argument var duration: UInt64

    func run() throws {
        let place = Place(lower: lower, beside: beside, duration: duration)
        let loops =
            Workload.everything.map { ($0.key, $0.run) } + RequestScenario.all.flatMap { $0.loops }
            + [(Memory.walkKey, Memory.walk)]
        guard let (_, loop) = loops.first(where: { $0.0 == key }) else { throw Failure("no workload \(key)") }
        let sample = try loop(place)
        print(sample.operations, sample.nanoseconds)
    }
}
