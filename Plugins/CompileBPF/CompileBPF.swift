import Foundation
import PackagePlugin

/// Compiles the programs of `ebpf/` with the toolchain's own clang, and makes them part of the module (scripts/bpf.sh).
@main
struct CompileBPF: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let package = context.package.directoryURL
        let programs = package.appending(path: "ebpf")
        let script = package.appending(path: "scripts/bpf.sh")
        let clang = try context.tool(named: "clang").url
        let program = programs.appending(path: "watch.bpf.c")
        let output = context.pluginWorkDirectoryURL.appending(path: "WatchObject.swift")
        return [
            .buildCommand(
                displayName: "Compiling \(program.lastPathComponent)",
                executable: URL(filePath: "/bin/sh"),
                arguments: [script.path(), clang.path(), program.path(), "watchObject", output.path()],
                inputFiles: [program, script] + ["watch.h", "kernel.h"].map { programs.appending(path: $0) },
                outputFiles: [output])
        ]
    }
}
