import ArgumentParser
import Glibc

/// The command `stackfs`; without the name of a subcommand it mounts.
@main
struct Stackfs: ParsableCommand {
    static let release = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "stackfs",
        abstract: MountCommand.configuration.abstract,
        subcommands: [MountCommand.self, UmountCommand.self, DoctorCommand.self, CgroupCommand.self],
        defaultSubcommand: MountCommand.self)

    /// Runs the command: status 0 for done, 2 for a wrong command line, 1 for what could not be done.
    static func main() {
        // A reader of standard output or error that has gone is no reason to leave a mount behind.
        signal(SIGPIPE, SIG_IGN)
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            if let asked = arguments.first, ["-h", "--help", "help"].contains(asked), arguments.count == 1 {
                throw CleanExit.helpRequest(MountCommand.self)
            }
            var command = try parseAsRoot(arguments)
            try command.run()
        } catch let failure as Failure {
            sayOnStandardError(failure.message)
            Glibc.exit(failure.status)
        } catch {
            if exitCode(for: error) == .success {
                say(help(fullMessage(for: error)), on: 1)
                Glibc.exit(0)
            }
            let sentence = message(for: error)
            sayOnStandardError("\(sentence.prefix(1).lowercased())\(sentence.dropFirst()); see 'stackfs --help'")
            Glibc.exit(2)
        }
    }

    /// The help of the mount command goes on with the table of `-o`.
    private static func help(_ message: String) -> String {
        guard message == helpMessage(for: MountCommand.self) else { return message + "\n" }
        return "\(message)\nOPTIONS OF -o:\n\(MountOption.helpText)\n\nDetails are in the manual page, stackfs(8).\n"
    }
}
