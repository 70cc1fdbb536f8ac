import ArgumentParser
import CgroupOverlay

/// `stackfs cgroup`: what trees of control groups have, and who uses what in one.
struct CgroupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cgroup", abstract: "Tell of control groups, those that a mount shows with -o cgroup= above all.",
        subcommands: [CgroupFilesCommand.self, CgroupTopCommand.self])
}

/// `stackfs cgroup files`: the documentation of all files, from the tables that serve them.
struct CgroupFilesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "files", abstract: "List all files of the trees, with their meaning.")

    @Flag(name: .customLong("v1"), help: "Those of v1 only.")
    var legacy = false

    @Flag(name: .customLong("v2"), help: "Those of v2 only.")
    var unified = false

    func run() {
        let files = CgroupTree.files.filter { file in legacy == unified || (file.version == .v1) == legacy }
        var text = ""
        var heading = ""
        for file in files {
            let next = "\(file.version == .v1 ? "v1" : "v2") \(file.controller)"
            if next != heading { text += (heading.isEmpty ? "" : "\n") + next + "\n" }
            heading = next
            text += "  \(file.name)  \(String(file.mode, radix: 8)), \(file.place)\n      \(file.summary)\n"
            if !file.source.isEmpty { text += "      From: \(file.source)\n" }
        }
        say(text, on: 1)
    }
}
